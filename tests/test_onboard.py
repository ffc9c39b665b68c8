"""The networks on board: as the manifest says, and none that is damaged."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from diarize import models
from diarize.errors import ModelError
from diarize.models import contents, weights

PROJECT = Path(__file__).parents[1]
MANIFEST = tomllib.loads((PROJECT / "models/manifest.toml").read_text("utf-8"))["model"]


@pytest.mark.parametrize(
    "model", [m for m in MANIFEST if m["file"].endswith(".onnx")], ids=lambda m: m["name"]
)
def test_networks_have_the_inputs_and_outputs_of_the_manifest(model: dict) -> None:
    session = onnxruntime.InferenceSession(
        str(models.onboard(model["name"])), providers=["CPUExecutionProvider"]
    )
    for stated, real in (
        (model["inputs"], session.get_inputs()),
        (model["outputs"], session.get_outputs()),
    ):
        assert [t["name"] for t in stated] == [t.name for t in real]
        for one, other in zip(stated, real, strict=True):
            fixed = [
                (a, b)
                for a, b in zip(one["shape"], other.shape, strict=True)
                if isinstance(a, int) and isinstance(b, int)
            ]
            assert all(a == b for a, b in fixed)


def test_split_network_runs_on_any_batch_and_length() -> None:
    run = {
        n: onnxruntime.InferenceSession(str(models.onboard(n)), providers=["CPUExecutionProvider"])
        for n in ("resnet34-lm-trunk", "resnet34-lm-head")
    }
    fbank = np.random.default_rng(0).normal(0, 3, (2, 101, 80)).astype(np.float32)
    (frames,) = run["resnet34-lm-trunk"].run(None, {"fbank": fbank})
    assert frames.shape == (2, 256, 10, 13)
    stats = np.zeros((3, 5120), np.float32)
    assert run["resnet34-lm-head"].run(None, {"stats": stats})[0].shape == (3, 256)


@pytest.mark.parametrize("name", ["plda", "narrow-band"])
def test_arrays_are_those_of_the_manifest(name: str) -> None:
    (model,) = [m for m in MANIFEST if m["name"] == name]
    arrays = models.load_arrays(name)
    assert {k: (str(a.dtype), list(a.shape)) for k, a in arrays.items()} == {
        o["name"]: (o["dtype"], o["shape"]) for o in model["outputs"]
    }


def test_every_weight_is_packed_and_attributed() -> None:
    build = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    packed = build["targets"]["wheel"]["force-include"]
    notice = (PROJECT / "models/NOTICE").read_text("utf-8")
    for file in [m["file"] for m in MANIFEST]:
        assert packed[f"models/{file}"] == f"diarize/weights/{file}"
        assert file in notice
    assert packed["models/manifest.toml"] == "diarize/weights/manifest.toml"


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the small weights, that may be damaged."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("plda.npz", "segmentation-3.0-rest-int8.onnx"):
        (folder / name).write_bytes((PROJECT / "models" / name).read_bytes())
    monkeypatch.setattr(weights, "weights_folder", lambda: folder)
    return folder


def test_corrupted_network_is_refused_even_after_a_good_load(copies: Path) -> None:
    models.load_arrays("plda")
    data = bytearray((copies / "plda.npz").read_bytes())
    data[100_000] ^= 1
    (copies / "plda.npz").write_bytes(data)
    with pytest.raises(ModelError, match=r"plda\.npz is damaged or another file: SHA-256 .*reinst"):
        models.load_arrays("plda")


def test_swapped_and_missing_networks_are_refused(copies: Path) -> None:
    (copies / "plda.npz").write_bytes((copies / "segmentation-3.0-rest-int8.onnx").read_bytes())
    with pytest.raises(ModelError, match="damaged: 2396063 bytes instead of 264890"):
        models.onboard("plda")
    (copies / "segmentation-3.0-rest-int8.onnx").unlink()
    with pytest.raises(ModelError, match=r"segmentation-3\.0-rest-int8\.onnx is missing"):
        models.onboard("segmentation-3.0-rest-int8")
    with pytest.raises(
        ModelError, match="no network 'resnet' on board: there are silero-vad-6, segm"
    ):
        models.onboard("resnet")


def test_external_data_is_refused(tmp_path: Path) -> None:
    # ModelProto{graph: GraphProto{initializer: TensorProto{data_location: EXTERNAL}}}
    (tmp_path / "outside.onnx").write_bytes(bytes([0x3A, 4, 0x2A, 2, 0x70, 1]))
    (tmp_path / "inside.onnx").write_bytes(bytes([0x3A, 4, 0x2A, 2, 0x70, 0]))
    (tmp_path / "cut.onnx").write_bytes(bytes([0x3A, 4, 0x2A]))
    contents.refuse_external_data(tmp_path / "inside.onnx")
    with pytest.raises(ModelError, match=r"outside\.onnx keeps tensors in other files"):
        contents.refuse_external_data(tmp_path / "outside.onnx")
    with pytest.raises(ModelError, match=r"cut\.onnx is not an ONNX file"):
        contents.refuse_external_data(tmp_path / "cut.onnx")

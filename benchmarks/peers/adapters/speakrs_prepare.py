"""speakrs' own files out of networks at hand: the folder its pipeline loads.

Its published weights are the initializers of its own ONNX exports as safetensors. The embedding
network's are those of WeSpeaker's export under other names. The segmentation network's are those
of the export at hand, except the learned edges of the first filters, which that export has folded:
they come from PyTorch's checkpoint, read here without torch.
"""

from __future__ import annotations

import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

STAGES = (3, 4, 6, 3)
FILTERBANK = "sincnet.conv1d.0.filterbank."
SHORTEST_SAMPLES = 400
Arrays = dict[str, np.ndarray[Any, Any]]


class Ignored:
    """Whatever a checkpoint holds besides tensors."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


class Checkpoint(pickle.Unpickler):
    """PyTorch's zip format; float32 tensors become arrays."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        (index,) = [n for n in self._zip.namelist() if n.endswith("/data.pkl")]
        self._folder = index.removesuffix("data.pkl")
        super().__init__(self._zip.open(index))

    def find_class(self, module: str, name: str) -> Any:
        if name == "_rebuild_tensor_v2":
            return rebuild
        return OrderedDict if name == "OrderedDict" else Ignored

    def persistent_load(self, pid: Any) -> np.ndarray[Any, Any]:
        return np.frombuffer(self._zip.read(f"{self._folder}data/{pid[2]}"), np.uint8)


def rebuild(storage: Any, offset: int, size: Any, *_: object) -> np.ndarray[Any, Any]:
    """One contiguous tensor; of other types than float32, only the size is right."""
    values = storage[: storage.size - storage.size % 4].view("<f4")
    count = int(np.prod(size))
    if offset + count > values.size:
        return np.zeros(size, np.float32)
    return values[offset : offset + count].reshape(size)


def initializers(path: Path) -> Arrays:
    return {i.name: numpy_helper.to_array(i) for i in onnx.load(str(path)).graph.initializer}


def segmentation(folder: Path) -> Arrays:
    exported = initializers(folder / "segmentation.onnx")
    learned = Checkpoint(folder / "segmentation.bin").load()["state_dict"]
    wanted = ("sincnet.", "linear.", "classifier.", "onnx::LSTM_", "onnx::MatMul_")
    found = {k: v for k, v in exported.items() if k.startswith(wanted)}
    for name in ("low_hz_", "band_hz_", "window_", "n_"):
        found[FILTERBANK + name] = learned[FILTERBANK + name]
    found["onnx::Div_1"] = found[FILTERBANK + "n_"] / np.float32(2)
    return found


def embedding(folder: Path) -> Arrays:
    network = onnx.load(str(folder / "embedding.onnx"))
    values = {i.name: numpy_helper.to_array(i) for i in network.graph.initializer}
    convolutions = [n.input for n in network.graph.node if n.op_type == "Conv"]
    plain = iter([c for c in convolutions if values[c[1]].shape[-1] == 3])
    shortcuts = iter([c for c in convolutions if values[c[1]].shape[-1] == 1])
    names = [("resnet.conv1", plain)]
    for stage, blocks in enumerate(STAGES, 1):
        for block in range(blocks):
            prefix = f"resnet.layer{stage}.{block}"
            names += [(f"{prefix}.conv1", plain), (f"{prefix}.conv2", plain)]
            if stage > 1 and block == 0:
                names.append((f"{prefix}.shortcut.0", shortcuts))
    found = {f"resnet.seg_1.{p}": values[f"model.seg_1.{p}"] for p in ("weight", "bias")}
    for name, source in names:
        _, weight, bias = next(source)
        found[f"{name}.weight"], found[f"{name}.weight_bias"] = values[weight], values[bias]
    return found


def main(folder: Path) -> None:
    models = folder / "models"
    models.mkdir(exist_ok=True)
    for name, arrays in (
        ("segmentation-3.0", segmentation(folder)),
        ("wespeaker-multimask-tail", embedding(folder)),
    ):
        save_file(
            {k: np.ascontiguousarray(v, np.float32) for k, v in arrays.items()},
            models / f"{name}.safetensors",
        )
    for file, keys in (
        ("xvec_transform.npz", ("mean1", "mean2", "lda")),
        ("plda.npz", ("mu", "tr", "psi")),
    ):
        with np.load(folder / file) as kept:
            for key in keys:
                np.save(models / f"plda_{key}.npy", kept[key])
    shortest = models / "wespeaker-voxceleb-resnet34.min_num_samples.txt"
    shortest.write_text(f"{SHORTEST_SAMPLES}\n")


main(Path(sys.argv[1]))

"""PyTorch checkpoints read without PyTorch and without running what is inside them.

A checkpoint is a pickle, and a pickle may run any code. Only the four names that a state dict
needs are admitted here; anything else in the file is refused before it is looked up. Both layouts
are read: the zip archive (PyTorch >= 1.6) and the stream of pickles before it.

Layouts: https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from diarize.errors import ModelError

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

_STORAGES: dict[tuple[str, str], np.dtype[Any]] = {
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


@dataclass(frozen=True, slots=True)
class _Storage:
    """A named block of numbers; filled at once from a zip, or later from a legacy stream."""

    key: str
    dtype: np.dtype[Any]
    size: int


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor as the pickle describes it: a strided view of a storage, in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if self.offset < 0 or min(self.strides, default=0) < 0 or last >= len(flat):
            raise ModelError("a tensor of the checkpoint points outside its storage")
        strides = tuple(s * flat.itemsize for s in self.strides)
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, strides)
        return np.ascontiguousarray(view)


def _rebuild(storage: _Storage, offset: int, shape: Any, strides: Any, *_rest: Any) -> _View:
    return _View(storage, offset, tuple(shape), tuple(strides))


class _StateDictUnpickler(pickle.Unpickler):
    """Admits tensors, their storages and OrderedDict; refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _STORAGES:
            return _STORAGES[module, name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise ModelError(f"the checkpoint asks for {module}.{name}: only tensors are read")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _location, size = pid[:5]
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise ModelError("the checkpoint refers to something that is not a tensor's storage")
        return _Storage(str(key), dtype, int(size))


def read_checkpoint(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a state dict by name, as contiguous arrays (float32 or int64).

    A checkpoint that wraps its state dict as ``{"model_state": …}`` is unwrapped.

    Raises:
        ModelError: not a checkpoint, damaged, or holding anything else than tensors.
    """
    try:
        if data[:2] == b"PK":
            return _read_zip(data)
        return _read_legacy(data)
    except ModelError:
        raise
    except Exception as error:  # a damaged pickle raises whatever it likes
        raise ModelError(f"this is not a readable PyTorch checkpoint ({error})") from error


def _state(root: Any) -> Mapping[str, _View]:
    if isinstance(root, dict) and isinstance(root.get("model_state"), dict):
        root = root["model_state"]
    if not isinstance(root, dict):
        raise ModelError("the checkpoint holds no state dict")
    return {str(k): v for k, v in root.items() if isinstance(v, _View)}


def _arrays(root: Any, flat: Callable[[_Storage], npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {name: view.array(flat(view.storage)) for name, view in _state(root).items()}


def _read_zip(data: bytes) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (index,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
        folder = index.removesuffix("data.pkl")
        root = _StateDictUnpickler(io.BytesIO(archive.read(index))).load()

        def flat(storage: _Storage) -> npt.NDArray[Any]:
            return np.frombuffer(archive.read(f"{folder}data/{storage.key}"), storage.dtype)

        return _arrays(root, flat)


def _read_legacy(data: bytes) -> dict[str, npt.NDArray[Any]]:
    stream = io.BytesIO(data)
    magic, _protocol, system = (_StateDictUnpickler(stream).load() for _ in range(3))
    if magic != LEGACY_MAGIC or not system.get("little_endian"):
        raise ModelError("the checkpoint has an unknown layout")
    root = _StateDictUnpickler(stream).load()
    keys = _StateDictUnpickler(stream).load()
    dtypes = {v.storage.key: v.storage.dtype for v in _views(root)}
    storages: dict[str, npt.NDArray[Any]] = {}
    for key in keys:
        size = int.from_bytes(stream.read(8), "little")
        dtype = dtypes.get(key, np.dtype("<f4"))
        storages[key] = np.frombuffer(stream.read(size * dtype.itemsize), dtype)
    return _arrays(root, lambda storage: storages[storage.key])


def _views(node: Any) -> list[_View]:
    """Every tensor anywhere in the tree: a storage of unknown width could not be stepped over."""
    if isinstance(node, _View):
        return [node]
    if isinstance(node, dict):
        return [v for child in node.values() for v in _views(child)]
    if isinstance(node, list | tuple):
        return [v for child in node for v in _views(child)]
    return []

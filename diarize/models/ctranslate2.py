"""The weights of a model in CTranslate2 form (`model.bin`), without loading what is not wanted.

The format, little-endian: version, name and revision of the specification, number of variables;
of each its name, rank, dimensions, type, bytes and data. A string is its length and its bytes, the
last of which is 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

VERSIONS = (5, 6)
TYPES: tuple[npt.DTypeLike, ...] = (np.float32, np.int8, np.int16, np.int32, np.float16, np.uint16)
"""In the order of their numbers; bfloat16, the last, as its bits."""
BFLOAT16 = 5


@dataclass(frozen=True, slots=True)
class Specification:
    """What a model is: "WhisperSpec" and such, its revision, the version of the file's format."""

    name: str
    revision: int
    version: int


def specification(path: Path) -> Specification:
    """What the model in `path`, a `model.bin`, is."""
    with path.open("rb") as file:
        return _specification(file)


def read_weights(path: Path, prefix: str) -> dict[str, npt.NDArray[Any]]:
    """The variables whose names begin with `prefix`, by the rest of their names.

    Those in floating point as float16 or float32, mapped into memory where the file has them so;
    those in eight bits divided by their scales, float32.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    with path.open("rb") as file:
        _specification(file)
        (count,) = struct.unpack("<I", file.read(4))
        for name, shape, kind, size in _variables(file, count):
            if name.startswith(prefix):
                array = np.memmap(path, TYPES[kind], "r", file.tell(), shape)
                wide = kind == BFLOAT16
                found[name.removeprefix(prefix)] = _of_bfloat16(array) if wide else array
            file.seek(size, 1)
    scales = {n.removesuffix("_scale"): s for n, s in found.items() if n.endswith("_scale")}
    for name, scale in scales.items():
        weight = found[name]
        if weight.dtype == np.int8:  # a scale per output channel, of convolutions, too
            found[name] = weight / scale.reshape(-1, *[1] * (weight.ndim - 1)).astype(np.float32)
    return found


def _specification(file: BinaryIO) -> Specification:
    (version,) = struct.unpack("<I", file.read(4))
    name = _text(file)
    (revision,) = struct.unpack("<I", file.read(4))
    return Specification(name, revision, version)


def _variables(file: BinaryIO, count: int) -> Iterator[tuple[str, tuple[int, ...], int, int]]:
    """Name, shape, type and bytes of each; the file is at its data then."""
    for _ in range(count):
        name = _text(file)
        (rank,) = file.read(1)
        shape = struct.unpack(f"<{rank}I", file.read(4 * rank))
        kind, size = struct.unpack("<BI", file.read(5))
        yield name, shape, kind, size


def _text(file: BinaryIO) -> str:
    (length,) = struct.unpack("<H", file.read(2))
    return file.read(length)[:-1].decode()


def _of_bfloat16(bits: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return (bits.astype(np.uint32) << 16).view(np.float32)

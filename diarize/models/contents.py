"""Files known by their content: SHA-256, and what is refused before anything parses a file."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diarize.errors import ModelError

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """A file as it must be: its name within a model's folder, size and SHA-256 (hexadecimal)."""

    name: str
    bytes: int
    sha256: str


class Damaged(ModelError):
    """A file that is here is not the one its hash names."""


_known: dict[tuple[str, int, int, int], str] = {}
_known_lock = threading.Lock()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, computed once per process as long as size, time and inode stay."""
    status = path.stat()
    key = (str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ino)
    with _known_lock:
        if key in _known:
            return _known[key]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with _known_lock:
        _known[key] = digest
    return digest


def damage(path: Path, file: File) -> str | None:
    """What is wrong with `path` as a copy of `file`, in words; None: it is that file."""
    if not path.is_file():
        return f"{path} is missing"
    size = path.stat().st_size
    if size != file.bytes:
        return f"{path} is damaged: {size} bytes instead of {file.bytes}"
    digest = sha256_of(path)
    if digest != file.sha256:
        return f"{path} is damaged or another file: SHA-256 {digest} instead of {file.sha256}"
    return None


def first_damage(folder: Path, files: tuple[File, ...]) -> str | None:
    """The first thing wrong with a folder that must hold `files`; None: all are there and right."""
    return next((found for f in files if (found := damage(folder / f.name, f))), None)


def refuse_pickle(path: Path) -> None:
    """Refuse weights whose loading could run code (CVE-2025-32434).

    Raises:
        ModelError: the file is a Python pickle or a PyTorch archive.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"PK\x03\x04") or (start[:1] == b"\x80" and start[1:2] <= b"\x05"):
        raise ModelError(
            f"{path} holds pickled weights, which can run code when loaded, and is refused: "
            "convert the model (ct2-transformers-converter for Whisper, ONNX for others)"
        )


# Which fields of which ONNX message hold further messages, down to the tensors (onnx.proto).
_NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA = 13
_DATA_LOCATION = 14


def refuse_external_data(path: Path) -> None:
    """Refuse an ONNX file whose tensors point to other files, which its hash does not cover.

    Raises:
        ModelError: a tensor lies outside of the file, or the file is not ONNX.
    """
    try:
        external = _points_outside(memoryview(path.read_bytes()), "model")
    except (IndexError, ValueError) as error:
        raise ModelError(f"{path} is not an ONNX file: {error}") from error
    if external:
        raise ModelError(
            f"{path} keeps tensors in other files (external data), which its SHA-256 does not "
            "cover, and is refused: save it as one file"
        )


def _points_outside(message: memoryview, kind: str) -> bool:
    for number, value in _fields(message):
        if kind == "tensor" and number in (_EXTERNAL_DATA, _DATA_LOCATION) and value != 0:
            return True
        inner = _NESTED[kind].get(number)
        if inner and isinstance(value, memoryview) and _points_outside(value, inner):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Number and value of each field (protobuf wire format); numbers of fixed width read as 0."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(message, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if at + length > len(message):
            raise ValueError("it ends in the middle of a field")
        yield number, message[at : at + length] if wire == 2 else 0
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7

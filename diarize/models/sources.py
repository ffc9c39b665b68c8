"""The sources of a model: its cache entry, installed wheels, the hub.

Each function returns a folder whose every file was checked, or raises ModelError with the reason.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diarize.errors import ModelError
from diarize.models.cache import entry, publish, shelf, writing
from diarize.models.contents import CHUNK_BYTES, Damaged, File, first_damage, sha256_of
from diarize.models.recipes import Recipe
from diarize.records import ProgressHook

if TYPE_CHECKING:
    from pydantic import TypeAdapter

STAGE = "model"
"""The stage's name in progress hooks."""

RECEIPT = "receipt.json"
"""What the first download of a model that only the hub has found in it."""

NEEDED = ("model.bin", "config.json", "tokenizer.json")
VOCABULARIES = ("vocabulary.txt", "vocabulary.json")
_OPTIONAL = ("preprocessor_config.json",)


def from_cache(recipe: Recipe) -> Path:
    """The cache entry.

    Raises:
        Damaged: there is one that is not what it should be; the next source may replace it.
    """
    for folder in entries(recipe):
        if wrong := trouble(folder, recipe.files or read_receipt(folder)):
            raise Damaged(wrong)
        return folder
    raise ModelError(f"nothing in {shelf(recipe.kind, recipe.name)}")


def trouble(folder: Path, files: tuple[File, ...]) -> str | None:
    """What is wrong with a cache entry that must hold `files` and nothing else, in words."""
    extra = {p.name for p in folder.iterdir()} - {RECEIPT, *(f.name for f in files)}
    if extra:  # faster-whisper would read a preprocessor_config.json that someone laid there
        return f"{folder} holds {', '.join(sorted(extra))}, which is no part of the model"
    return first_damage(folder, files)


def entries(recipe: Recipe) -> list[Path]:
    """The folders of a model in the cache, unchecked."""
    if recipe.files:
        folder = entry(recipe.kind, recipe.name, recipe.identity)
        return [folder] if folder.is_dir() else []
    return sorted(p.parent for p in shelf(recipe.kind, recipe.name).glob(f"*/{RECEIPT}"))


def read_receipt(folder: Path) -> tuple[File, ...]:
    """The files recorded at the first download.

    Raises:
        Damaged: the receipt cannot be read.
    """
    try:
        return _receipt().validate_json((folder / RECEIPT).read_bytes())
    except (OSError, ValueError) as error:  # pydantic's is a ValueError
        raise Damaged(
            f"{folder / RECEIPT} is damaged: delete {folder} and pull the model again"
        ) from error


@functools.cache
def _receipt() -> TypeAdapter[tuple[File, ...]]:
    from pydantic import TypeAdapter  # here: few runs need it, and all would wait for it

    return TypeAdapter(tuple[File, ...])


# ---------------------------------------------------------------- data-only wheels


def from_wheels(recipe: Recipe, progress: ProgressHook | None = None) -> Path:
    """The files of installed distributions: in place where they are whole, else joined.

    Nothing of these distributions is imported.
    """
    if not recipe.members:
        raise ModelError("no wheel is known to hold it")
    parts = locate(recipe)
    whole = {paths[0].parent for paths in parts}
    if len(whole) == 1 and all(
        [path.name for path in paths] == [file.name]
        for file, paths in zip(recipe.files, parts, strict=True)
    ):
        folder = whole.pop()
        if wrong := first_damage(folder, recipe.files):
            raise ModelError(f"{wrong}; {_reinstall(recipe)}")
        return folder
    target = entry(recipe.kind, recipe.name, recipe.identity)
    with writing(target.parent) as draft:
        if target.is_dir() and not trouble(target, recipe.files):
            return target  # another process was faster
        _empty(draft)
        _join(recipe, parts, draft, progress)
        publish(draft, target)
    return target


def locate(recipe: Recipe) -> list[list[Path]]:
    """The parts of each file of a model, as installed distributions hold them."""
    found: list[list[Path]] = []
    for members in recipe.members:
        paths = []
        for member in members:
            try:
                path = Path(str(distribution(member.distribution).locate_file(member.path)))
            except PackageNotFoundError as error:
                raise ModelError(f"{member.distribution} is not installed") from error
            if not path.is_file():
                raise ModelError(f"{path} is missing; {_reinstall(recipe)}")
            paths.append(path)
        found.append(paths)
    return found


def _join(
    recipe: Recipe, parts: list[list[Path]], draft: Path, progress: ProgressHook | None
) -> None:
    done, total = 0, sum(f.bytes for f in recipe.files)
    for file, paths in zip(recipe.files, parts, strict=True):
        digest = hashlib.sha256()
        with (draft / file.name).open("wb") as joined:
            for path in paths:
                with path.open("rb") as part:
                    while chunk := part.read(CHUNK_BYTES):
                        digest.update(chunk)
                        joined.write(chunk)
                        done += len(chunk)
                        if progress:
                            progress(STAGE, min(done / total, 1.0))
        if digest.hexdigest() != file.sha256:
            names = " + ".join(str(path) for path in paths)
            raise ModelError(
                f"{names} is damaged or another file: SHA-256 {digest.hexdigest()} "
                f"instead of {file.sha256}; {_reinstall(recipe)}"
            )


def _reinstall(recipe: Recipe) -> str:
    names = dict.fromkeys(m.distribution for members in recipe.members for m in members)
    return f"reinstall: pip install --force-reinstall {' '.join(names)}"


def _empty(folder: Path, but: list[str] | None = None) -> None:
    for path in folder.iterdir():
        if path.name in (but or ()):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


# ---------------------------------------------------------------- the hub


def from_hub(recipe: Recipe, progress: ProgressHook | None = None) -> Path:
    """Download from the Hugging Face hub into the cache.

    A pinned model must match its pins, any other what was recorded at its first download.
    """
    with writing(shelf(recipe.kind, recipe.name)) as draft:
        before = entries(recipe)
        recorded = recipe.files or (read_receipt(before[0]) if before else ())
        if before and not trouble(before[0], recorded):
            return before[0]  # another process was faster
        got = _download(recipe, draft, progress)
        for file in recorded:
            if file not in got:
                known = "known for" if recipe.files else f"first downloaded to {before[0]} for"
                raise ModelError(
                    f"the hub's {file.name} is not the one {known} {recipe.name}"
                    + ("" if recipe.files else f"; to accept it delete {before[0]}")
                )
        (draft / RECEIPT).write_bytes(_receipt().dump_json(got, indent=1))
        weights = next(f for f in got if f.name == "model.bin")
        target = entry(recipe.kind, recipe.name, weights.sha256)
        publish(draft, target)
    return target


def _download(recipe: Recipe, draft: Path, progress: ProgressHook | None) -> tuple[File, ...]:
    import huggingface_hub  # here: it takes half a second, and offline it must not be touched

    try:
        about = huggingface_hub.HfApi().model_info(recipe.repository, files_metadata=True)
        offered = {s.rfilename: s for s in about.siblings or ()}
        names = [n for n in (*NEEDED, *VOCABULARIES, *_OPTIONAL) if n in offered]
        if lacking := missing_files(set(offered)):
            raise ModelError(
                f"https://huggingface.co/{recipe.repository} is no CTranslate2 Whisper model: "
                f"it lacks {lacking}"
            )
        total = sum(offered[n].size or 0 for n in names) or 1
        meter = _meter(total, progress)
        for name in names:
            huggingface_hub.hf_hub_download(
                recipe.repository, name, revision=about.sha, local_dir=draft, tqdm_class=meter
            )
    except ModelError:
        raise
    except Exception as error:  # its HTTP library's own classes, which change between releases
        reason = str(error).strip().splitlines() or [""]
        raise ModelError(
            f"https://huggingface.co/{recipe.repository}: {type(error).__name__}: {reason[0]}"
        ) from error
    _empty(draft, but=names)  # of the hub library's notes, and of what another run left
    for name in names:
        lfs = offered[name].lfs
        if lfs is not None and sha256_of(draft / name) != lfs.sha256:
            (draft / name).unlink()
            raise ModelError(f"{name} did not arrive as the hub describes it: pull it again")
    return tuple(File(n, (draft / n).stat().st_size, sha256_of(draft / n)) for n in names)


def _meter(total: int, progress: ProgressHook | None) -> type[Any]:
    """A tqdm class that draws nothing and tells `progress` how much of all files has come."""
    from tqdm import tqdm

    done = 0

    class Meter(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)  # the hub library's own, unknown to tqdm
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal done
            done += int(n or 0)
            if progress:
                progress(STAGE, min(done / total, 1.0))
            return None

    return Meter


def missing_files(names: set[str]) -> str:
    """What a CTranslate2 Whisper folder with these files lacks; empty: nothing."""
    lacking = [name for name in NEEDED if name not in names]
    if not names & set(VOCABULARIES):
        lacking.append(" or ".join(VOCABULARIES))
    return ", ".join(lacking)

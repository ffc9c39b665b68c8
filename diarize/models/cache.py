"""The cache: one folder per model and content, filled once, whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from diarize.errors import ModelError

_IDENTITY_CHARACTERS = 16  # of a SHA-256 in hexadecimal


def cache_root() -> Path:
    """`DIARIZE_CACHE`, or `diarize` in the folder that the platform keeps for caches."""
    if told := os.environ.get("DIARIZE_CACHE"):
        return Path(told).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "diarize"


def shelf(kind: str, name: str) -> Path:
    """Where the versions of one model lie, each in a folder named by its content."""
    return cache_root() / kind / name.replace("/", "--")


def entry(kind: str, name: str, sha256: str) -> Path:
    """The folder of one model with one content; `sha256` is that of its weights."""
    return shelf(kind, name) / sha256[:_IDENTITY_CHARACTERS]


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Hold the lock of a shelf and give a draft folder in it, to be filled and then published.

    Of several processes one fills and the others wait. A draft that was left by an interrupted
    run is given again, so that a download can go on.

    Raises:
        ModelError: the cache cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            draft = folder / ".draft"
            draft.mkdir(exist_ok=True)
            yield draft
    except OSError as error:
        raise ModelError(
            f"the cache {folder} cannot be written ({error}): "
            "set DIARIZE_CACHE to a folder with room that can be"
        ) from error


def publish(draft: Path, target: Path) -> None:
    """Make a filled draft the entry `target`, in one step, in place of a damaged one if need be."""
    for path in draft.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    if target.exists():
        shutil.rmtree(target)
    draft.rename(target)

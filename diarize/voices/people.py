"""People and voiceprints as they come out of a store, and what a name may be."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from diarize.records import UNKNOWN, Float32
from diarize.voices.errors import VoiceError

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """One embedding of a person. `embedding` has L2 norm 1, shape (dim,), float32.

    `model_sha256` says what it may be compared with; `source` is free text: a file, a turn.
    """

    model: str
    model_sha256: str
    embedding: Float32
    source: str = ""
    duration_s: float = 0.0
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the store. `created_at` is ISO 8601 in UTC."""

    id: str
    name: str
    created_at: str
    labels: Mapping[str, str]
    voiceprints: int


def checked_name(name: str) -> str:
    """The name as it is kept: NFC, no blanks around it.

    Raises:
        VoiceError: empty, longer than 200 characters, with control characters, or UNKNOWN.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > LONGEST_NAME:
        raise VoiceError(f"a name has 1 to {LONGEST_NAME} characters, this one {len(name)}")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        raise VoiceError(f"the name {name!r} holds a line break or another control character")
    if name == UNKNOWN:
        raise VoiceError(f"{UNKNOWN} means nobody known: choose another name")
    return name


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

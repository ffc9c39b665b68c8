"""A voice store as one JSON document, to move, merge, keep safe, or bring vectors from elsewhere.

    {"format": "diarize voices", "version": 1, "people": [{"name", "labels": {}, "voiceprints": [
        {"model", "model_sha256", "embedding", "source", "duration_s", "created_at"}]}]}

`embedding` is written as base64 of little-endian float32; a list of numbers is read too.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from diarize.errors import FormatError
from diarize.formats.documents import Document, dump, parse
from diarize.records import Float32
from diarize.voices.people import Voiceprint
from diarize.voices.store import VoiceStore

VERSION = 1

SMALLEST, LARGEST = 1e-6, 1e6
"""Of the largest number of a vector, which may be scaled as it likes: beyond, it is no voice."""


def _numbers(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return np.frombuffer(base64.b64decode(value, validate=True), "<f4").tolist()
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"neither numbers nor base64 of float32: {error}") from error


class _Voiceprint(Document):
    model: str = Field(min_length=1)
    model_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    embedding: Annotated[list[float], BeforeValidator(_numbers), Field(min_length=1)]
    source: str = ""
    duration_s: float = Field(default=0.0, ge=0)
    created_at: str = ""


class _Person(Document):
    name: str
    labels: dict[str, str] = Field(default_factory=dict)
    voiceprints: list[_Voiceprint] = Field(default_factory=list)


class _Voices(Document):
    format: Literal["diarize voices"]
    version: int = Field(ge=1)
    people: list[_Person]


def export_voices(store: VoiceStore) -> str:
    """Everybody with labels and voiceprints, as JSON; the same text for the same content."""
    people = [
        {
            "name": person.name,
            "labels": dict(sorted(person.labels.items())),
            "voiceprints": [
                {
                    "model": v.model,
                    "model_sha256": v.model_sha256,
                    "embedding": base64.b64encode(v.embedding.astype("<f4").tobytes()).decode(),
                    "source": v.source,
                    "duration_s": v.duration_s,
                    "created_at": v.created_at,
                }
                for v in store.voiceprints(person.id, by_id=True)
            ],
        }
        for person in store.people()
    ]
    return dump({"format": "diarize voices", "version": VERSION, "people": people})


def import_voices(store: VoiceStore, text: str, source: str = "JSON") -> tuple[int, int]:
    """Add what the document holds to the store, by name, all or nothing; nothing twice.

    Returns:
        how many people and how many voiceprints are new.

    Raises:
        FormatError: not such a document, of a later version, or an embedding whose numbers are
            none; names `source`.
        VoiceError: a name or an embedding that the store refuses.
    """
    document = parse(_Voices, text, source)
    if document.version > VERSION:
        raise FormatError(
            f"{source}: version {document.version}, this program reads up to {VERSION}: update it"
        )
    names = [p.name for p in document.people]
    if len(set(names)) < len(names):
        raise FormatError(f"{source}: a name is there twice: join the two entries")
    return store.enrol_all(
        {
            p.name: (
                p.labels,
                [
                    Voiceprint(
                        v.model,
                        v.model_sha256,
                        _vector(v.embedding, f"{source}: a voiceprint of {p.name!r}"),
                        v.source,
                        v.duration_s,
                        v.created_at,
                    )
                    for v in p.voiceprints
                ],
            )
            for p in document.people
        }
    )


def _vector(numbers: list[float], what: str) -> Float32:
    """The numbers as they are kept, which `what` names.

    Raises:
        FormatError: zeros, not finite, or beyond what float32 can take a length of.
    """
    largest = float(np.abs(numbers).max())
    if not SMALLEST <= largest <= LARGEST:
        raise FormatError(
            f"{what} is all zeros, or holds numbers that are not finite or beyond ±{LARGEST:.0f}: "
            "export it again, or leave it out"
        )
    return np.asarray(numbers, np.float32)

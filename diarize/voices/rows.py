"""Single rows of a voice store, within a transaction that the store has begun."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Mapping

import numpy as np

from diarize.voices.engines import normalised, spec_of
from diarize.voices.errors import UnknownPersonError, VoiceError
from diarize.voices.people import Voiceprint, now


def find_person(db: sqlite3.Connection, name_or_id: str, *, by_id: bool = False) -> str:
    """The id of a person; a name wins over an id, unless only ids are looked for."""
    name = unicodedata.normalize("NFC", name_or_id).strip()
    row = db.execute(
        "SELECT id FROM people WHERE (name = ?1 AND NOT ?2) OR id = ?1 ORDER BY name != ?1",
        (name, by_id),
    ).fetchone()
    if row is None:
        raise UnknownPersonError(f"nobody called {name_or_id!r} is in the voice store")
    return str(row[0])


def insert_voiceprint(
    db: sqlite3.Connection, owner: str, print_: Voiceprint, *, once: bool = False
) -> bool:
    """Add a voiceprint; with `once` not if the same one is there. Whether it was added."""
    vector = np.asarray(print_.embedding)
    if vector.ndim != 1 or not print_.model or not print_.model_sha256:
        raise VoiceError("a voiceprint needs a one-dimensional embedding, its model and its hash")
    dim = _dimension(db, print_.model_sha256)
    if dim not in (None, len(vector)):
        (name,) = db.execute("SELECT name FROM people WHERE id = ?", (owner,)).fetchone()
        raise VoiceError(
            f"the voiceprint of {name!r} has {len(vector)} numbers, one of {print_.model} has "
            f"{dim}: it is another model's, or damaged; correct its model_sha256, or leave it out"
        )
    blob = normalised(vector.astype("<f4")).tobytes()
    if once:
        known = (
            "SELECT 1 FROM voiceprints WHERE person_id = ? AND model_sha256 = ? AND embedding = ?"
        )
        if db.execute(known, (owner, print_.model_sha256, blob)).fetchone():
            return False
    db.execute(
        "INSERT INTO voiceprints"
        " (person_id, model, model_sha256, embedding, source, duration_s, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            owner,
            print_.model,
            print_.model_sha256,
            blob,
            print_.source,
            print_.duration_s,
            print_.created_at or now(),
        ),
    )
    return True


def _dimension(db: sqlite3.Connection, model_sha256: str) -> int | None:
    """How many numbers a voiceprint of this model has; None: nobody knows yet."""
    if spec := spec_of(model_sha256):
        return spec.dim
    row = db.execute(
        "SELECT length(embedding) FROM voiceprints WHERE model_sha256 = ? LIMIT 1", (model_sha256,)
    ).fetchone()
    return row[0] // 4 if row else None


def set_labels(db: sqlite3.Connection, owner: str, labels: Mapping[str, str]) -> None:
    db.executemany(
        "INSERT INTO labels VALUES (?, ?, ?)"
        " ON CONFLICT (person_id, key) DO UPDATE SET value = excluded.value",
        [(owner, key, value) for key, value in labels.items()],
    )

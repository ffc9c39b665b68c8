"""Single rows of a voice store, within a transaction that the store has begun."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Mapping

import numpy as np

from diarize.voices.engines import normalised
from diarize.voices.errors import UnknownPersonError, VoiceError
from diarize.voices.people import Voiceprint, now


def find_person(db: sqlite3.Connection, name_or_id: str) -> str:
    """The id of a person; a name wins over an id."""
    name = unicodedata.normalize("NFC", name_or_id).strip()
    row = db.execute(
        "SELECT id FROM people WHERE name = ?1 OR id = ?1 ORDER BY name != ?1", (name,)
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
    blob = normalised(vector.astype("<f4")).tobytes()
    row = db.execute(
        "SELECT length(embedding) FROM voiceprints WHERE model_sha256 = ? LIMIT 1",
        (print_.model_sha256,),
    ).fetchone()
    if row and row[0] != len(blob):
        raise VoiceError(
            f"an embedding of {print_.model} has {row[0] // 4} numbers, this one {len(vector)}: "
            "it is another model's"
        )
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


def set_labels(db: sqlite3.Connection, owner: str, labels: Mapping[str, str]) -> None:
    db.executemany(
        "INSERT INTO labels VALUES (?, ?, ?)"
        " ON CONFLICT (person_id, key) DO UPDATE SET value = excluded.value",
        [(owner, key, value) for key, value in labels.items()],
    )

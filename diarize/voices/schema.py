"""The tables of a voice store, and how an older store becomes a newer one.

``PRAGMA user_version`` counts the migrations a file has been through. Add steps at the end; a step
that has been released is never changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from diarize.voices.errors import VoiceStoreError

APPLICATION_ID = 0x57535756
"""Marks a voice store ("WSWV"), so that another program's database is not taken for one."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE people (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        created_at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE labels (
        person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (person_id, key)
    ) WITHOUT ROWID;
    CREATE TABLE voiceprints (
        id INTEGER PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
        model TEXT NOT NULL,
        model_sha256 TEXT NOT NULL,
        embedding BLOB NOT NULL,
        source TEXT NOT NULL,
        duration_s REAL NOT NULL,
        created_at TEXT NOT NULL
    );
    CREATE INDEX voiceprints_by_person ON voiceprints (person_id);
    CREATE INDEX voiceprints_by_model ON voiceprints (model_sha256, person_id);
    """,
)


def migrate(connection: sqlite3.Connection, steps: Sequence[str] = MIGRATIONS) -> None:
    """Bring the file to the newest schema; each step happens whole or not at all.

    Raises:
        VoiceStoreError: the file is another program's, or a newer version of this one wrote it.
    """
    if _version(connection) == len(steps) and _is_ours(connection):
        return
    connection.execute("BEGIN IMMEDIATE")  # another process may be migrating just now
    try:
        version = _version(connection)
        if not _is_ours(connection):
            raise VoiceStoreError("it is a database of another program: choose another file")
        if version > len(steps):
            raise VoiceStoreError(
                f"it has schema {version}, this version knows up to {len(steps)}: update diarize"
            )
        for number, step in enumerate(steps[version:], start=version + 1):
            for statement in step.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_ours(connection: sqlite3.Connection) -> bool:
    mark = int(connection.execute("PRAGMA application_id").fetchone()[0])
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    return mark == APPLICATION_ID or (mark == 0 and empty)

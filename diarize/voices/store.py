"""People and their voiceprints, kept in one SQLite file that several programs may use at once.

A voiceprint is biometric data: the file is made readable by its owner only, deleted content is
overwritten, and after a person is forgotten neither the file nor its write-ahead log holds a trace.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import uuid
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np

from diarize.records import Float32
from diarize.voices.engines import spec_of
from diarize.voices.errors import VoiceError, VoiceStoreError
from diarize.voices.people import Person, Voiceprint, checked_name, now
from diarize.voices.rows import find_person, insert_voiceprint, set_labels
from diarize.voices.schema import migrate

BUSY_TIMEOUT_S = 20.0


def default_store_path() -> Path:
    """`DIARIZE_VOICES`, or voices.db in the folder that the platform keeps for a user's data."""
    if told := os.environ.get("DIARIZE_VOICES"):
        return Path(told).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "diarize" / "voices.db"


class VoiceStore:
    """A voice store. Threads may share one; processes open the same file each. It is closed by
    `close`, or once nobody holds it any more.

    Args:
        path: the file; it and its folder are made if `create`.
        busy_timeout_s: how long to wait for another program's write to end.

    Raises (every method too):
        VoiceStoreError: not a voice store, damaged, locked for too long, or a newer version's.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._writes = 0
        with self._translated():
            if not create and not self.path.exists():
                raise VoiceStoreError(f"there is no voice store {self.path}: enrol somebody first")
            _make_private(self.path)
            self._connection = sqlite3.connect(
                self.path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(self._connection)
            except BaseException:
                self._connection.close()
                raise
            weakref.finalize(self, self._connection.close)

    # ------------------------------------------------------------------ reading

    def people(self) -> tuple[Person, ...]:
        """Everybody, by name."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT id, name, created_at, (SELECT count(*) FROM voiceprints v"
                " WHERE v.person_id = people.id) FROM people ORDER BY name"
            ).fetchall()
            labels: dict[str, dict[str, str]] = {}
            for owner, key, value in db.execute("SELECT person_id, key, value FROM labels"):
                labels.setdefault(owner, {})[key] = value
        return tuple(Person(i, n, c, labels.get(i, {}), k) for i, n, c, k in rows)

    def person(self, name_or_id: str, *, by_id: bool = False) -> Person:
        """One person. `by_id`: what is given is an id, whoever may have it as a name.

        Raises:
            UnknownPersonError: nobody of that name or id.
        """
        with self._reading() as db:
            found = find_person(db, name_or_id, by_id=by_id)
            ((name, created, count),) = db.execute(
                "SELECT name, created_at, (SELECT count(*) FROM voiceprints WHERE person_id = ?1)"
                " FROM people WHERE id = ?1",
                (found,),
            )
            labels = dict(
                db.execute("SELECT key, value FROM labels WHERE person_id = ?", (found,)).fetchall()
            )
        return Person(found, name, created, labels, count)

    def voiceprints(self, name_or_id: str, *, by_id: bool = False) -> tuple[Voiceprint, ...]:
        """All voiceprints of one person, oldest first. `by_id`: as :meth:`person`.

        Raises:
            UnknownPersonError: nobody of that name or id.
        """
        with self._reading() as db:
            rows = db.execute(
                "SELECT model, model_sha256, embedding, source, duration_s, created_at"
                " FROM voiceprints WHERE person_id = ? ORDER BY id",
                (find_person(db, name_or_id, by_id=by_id),),
            ).fetchall()
        return tuple(
            Voiceprint(m, s, np.frombuffer(e, "<f4"), o, d, c) for m, s, e, o, d, c in rows
        )

    def models(self) -> dict[str, str]:
        """The models of which there are voiceprints: SHA-256 to name."""
        with self._reading() as db:
            return dict(db.execute("SELECT DISTINCT model_sha256, model FROM voiceprints"))

    def matrix(self, model_sha256: str) -> tuple[list[str], Float32, Float32]:
        """The voiceprints of one model, by owner: owner's id of each, (n, dim) float32, and how
        many seconds of speech each is of, (n,)."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT person_id, embedding, duration_s FROM voiceprints WHERE model_sha256 = ?"
                " ORDER BY person_id, id",
                (model_sha256,),
            ).fetchall()
        owners, blobs, seconds = zip(*rows, strict=True) if rows else ((), (), ())
        spec = spec_of(model_sha256)
        length = 4 * spec.dim if spec else len(blobs[0]) if blobs else 0
        if wrong := [o for o, blob in zip(owners, blobs, strict=True) if len(blob) != length]:
            name = self.person(wrong[0], by_id=True).name
            raise VoiceStoreError(
                f"{self.path} holds a voiceprint of {name!r} without the {length // 4} numbers of "
                "its model: forget that person (`diarize voices forget`), and enrol them again"
            )
        flat = np.frombuffer(b"".join(blobs), "<f4")
        vectors = flat.reshape(len(rows), -1 if rows else 0)
        return list(owners), vectors, np.array(seconds, np.float32)

    def version(self) -> tuple[int, int]:
        """Changes whenever the content does, whoever changed it: what caches are checked by."""
        with self._reading() as db:
            return int(db.execute("PRAGMA data_version").fetchone()[0]), self._writes

    # ------------------------------------------------------------------ writing

    def enrol(
        self, name: str, voiceprint: Voiceprint, labels: Mapping[str, str] | None = None
    ) -> Person:
        """Add a voiceprint (unless it is there) and labels to a person, who is made if new.

        Raises:
            VoiceError: an unusable name, or an embedding that is not one of its model.
        """
        name = checked_name(name)
        with self._writing() as db:
            row = db.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
            owner = row[0] if row else uuid.uuid4().hex
            if not row:
                db.execute("INSERT INTO people VALUES (?, ?, ?)", (owner, name, now()))
            insert_voiceprint(db, owner, voiceprint, once=True)
            set_labels(db, owner, labels or {})
        return self.person(owner, by_id=True)

    def enrol_all(
        self, people: Mapping[str, tuple[Mapping[str, str], list[Voiceprint]]]
    ) -> tuple[int, int]:
        """Add many by name as (labels, voiceprints), all or nothing; what is there already is left.

        Returns:
            how many people and how many voiceprints are new.

        Raises:
            VoiceError: as :meth:`enrol`.
        """
        new_people = new_prints = 0
        with self._writing() as db:
            known = dict(db.execute("SELECT name, id FROM people"))
            for given, (labels, prints) in people.items():
                name = checked_name(given)
                if name not in known:
                    known[name] = uuid.uuid4().hex
                    db.execute("INSERT INTO people VALUES (?, ?, ?)", (known[name], name, now()))
                    new_people += 1
                set_labels(db, known[name], labels)
                new_prints += sum(insert_voiceprint(db, known[name], p, once=True) for p in prints)
        return new_people, new_prints

    def rename(self, name_or_id: str, name: str) -> Person:
        """Give a person another name.

        Raises:
            UnknownPersonError: nobody of that name or id.
            VoiceError: an unusable name, or somebody else's.
        """
        name = checked_name(name)
        with self._writing() as db:
            found = find_person(db, name_or_id)
            taken = db.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
            if taken and taken[0] != found:
                raise VoiceError(f"{name!r} is somebody else in {self.path}: choose another name")
            db.execute("UPDATE people SET name = ? WHERE id = ?", (name, found))
        return self.person(found, by_id=True)

    def forget(self, name_or_id: str, *, by_id: bool = False) -> Person:
        """Delete a person and every trace: rows, overwritten pages, free pages, the log.

        `by_id`: as :meth:`person`.

        Raises:
            UnknownPersonError: nobody of that name or id.
            VoiceStoreError: as :meth:`scrub`.
        """
        with self._writing() as db:
            person = self.person(name_or_id, by_id=by_id)
            db.execute("DELETE FROM people WHERE id = ?", (person.id,))
        self.scrub()
        return person

    def scrub(self) -> None:
        """Rewrite the file without what was deleted, and empty the write-ahead log.

        Raises:
            VoiceStoreError: another program kept reading an old state for too long. What was
                deleted is deleted, but the log may hold traces: call this again later.
        """
        with self._lock, self._translated():
            self._connection.execute("VACUUM")
            (busy, *_), *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            if busy:
                raise VoiceStoreError(
                    f"another program is still reading an older state of {self.path}, so its log "
                    "may hold traces of what was deleted: close that program, then run "
                    "`diarize voices scrub`"
                )

    # ------------------------------------------------------------------ plumbing

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that waits for its turn at the start, so that it never fails at the end."""
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._writes += 1

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise VoiceStoreError(f"the voice store {self.path} cannot be used: {error}") from error
        except OSError as error:
            reason = error.strerror or error
            raise VoiceStoreError(
                f"the voice store {self.path} cannot be used: {reason}"
            ) from error
        except VoiceStoreError as error:
            if str(self.path) in str(error):
                raise
            raise VoiceStoreError(f"the voice store {self.path} cannot be used: {error}") from error


def _make_private(path: Path) -> None:
    """Make the file, if it is new readable by its owner only; SQLite's log is as readable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA secure_delete = ON")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA temp_store = MEMORY")
    if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise VoiceStoreError("its file system allows no write-ahead log: choose a local disk")
    db.execute("PRAGMA synchronous = FULL")
    migrate(db)

"""Jobs on disk: a row in SQLite each, and a folder each, whose files are whole or not there.

    DATA/jobs.db                 rows: state, what was asked for, what went wrong
    DATA/reserve                 room for the deletion of a job on a full disk
    DATA/jobs/ID/source          the recording, until the job has ended
    DATA/jobs/ID/result.json     the result (`diarize.formats.json`)
    DATA/jobs/ID/voices.json     the voices of its speakers, so that they can be given a name later

A row is written after its source and before the job is acknowledged, a state "done" after its
result. A process killed anywhere in between leaves a job that is done again, never half a one.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from diarize.formats.files import write_atomic
from diarize.server.errors import busy
from diarize.server.job import COLUMNS, SCHEMA, VERSION, Job, State, from_row
from diarize.server.settings import SettingsError
from diarize.server.uploads import copy_to

MAX_ATTEMPTS = 3
"""A job during which the service died this often is given up: it may be what kills it."""

RESERVE_BYTES = 1 << 18
"""SQLite writes a few pages before it frees any."""

NOT_SERVED = "model_not_served"
NO_VOICES = "voice_store_unavailable"
FOR_RESTART = (NOT_SERVED, NO_VOICES)
"""Codes of the jobs that fail for want of a model or of a voice store that can be used, keep their
recording and wait for a restart."""

NEXT = "SELECT min(number) FROM jobs WHERE state = 'queued' AND (?1 IS NULL OR (url IS NULL) = ?1)"


class JobStore:
    """Jobs of one service; threads may share it.

    Raises:
        SettingsError: a newer version wrote the rows.
        OSError, sqlite3.DatabaseError: the folder or the rows cannot be used.
    """

    def __init__(self, data: Path) -> None:
        self.folder = data / "jobs"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._reserve = data / "reserve"
        self._reserve.unlink(missing_ok=True)  # SQLite needs room to open its files, too
        path = data / "jobs.db"
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
        self._lock = threading.RLock()
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise SettingsError(f"{path} is of a newer version: update diarize")
        if version < VERSION:
            self._db.executescript(SCHEMA)
            self._db.execute(f"PRAGMA user_version = {VERSION}")
        self._keep_reserve()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # on a full disk SQLite has rolled back by itself
                    self._db.execute("ROLLBACK")
                raise

    def recover(self) -> int:
        """After a start: what was running is queued again, unless the service keeps dying of it;
        so is what lacked its model or voice store. Folders of jobs that were never acknowledged go.

        Returns:
            How many jobs were given up.
        """
        given_up = 0
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET state = 'queued', error = NULL, ended_at = NULL"
                " WHERE state = 'failed' AND json_extract(error, '$.code') IN (?, ?)",
                FOR_RESTART,
            )
            running = db.execute("SELECT id, attempts FROM jobs WHERE state = 'running'").fetchall()
            for job, attempts in running:
                if attempts >= MAX_ATTEMPTS:
                    error = {
                        "code": "gave_up",
                        "message": f"the service died {attempts} times while at this recording",
                    }
                    given_up += _end(db, job, "failed", error)
                else:
                    db.execute("UPDATE jobs SET state = 'queued' WHERE id = ?", (job,))
            known = {row[0] for row in db.execute("SELECT id FROM jobs")}
        for folder in self.folder.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder)
        return given_up

    # ------------------------------------------------------------------ in and out of the queue

    def add(
        self,
        ask: dict[str, Any],
        file_name: str,
        *,
        max_queued: int,
        file: BinaryIO | None = None,
        url: str | None = None,
    ) -> Job:
        """Queue a job; once this returns it survives anything but the disk.

        Raises:
            ServiceError: 429, the queue is full.
        """
        self.check_room(max_queued)
        job = uuid.uuid4().hex
        folder = self.folder / job
        folder.mkdir(mode=0o700)
        try:
            if file is not None:
                copy_to(file, folder / "source", sync=True)
            _sync(folder)
            _sync(self.folder)
            with self._transaction() as db:
                self.check_room(max_queued)
                db.execute(
                    "INSERT INTO jobs (id, state, file_name, url, ask, created_at)"
                    " VALUES (?, 'queued', ?, ?, ?, ?)",
                    (job, file_name, url, json.dumps(ask), _now()),
                )
        except BaseException:
            shutil.rmtree(folder)
            raise
        found = self.get(job)
        assert found is not None
        return found

    def check_room(self, max_queued: int) -> None:
        """Raises:
        ServiceError: 429, the queue is full.
        """
        if self.count("queued") >= max_queued:
            raise busy(f"{max_queued} jobs are queued already: come back later", 30)

    def claim(self, fetched: bool | None = None) -> Job | None:
        """The next job, now running; `fetched`: of those whose recording is here, or is not."""
        with self._transaction() as db:
            row = db.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, error = NULL"
                f" WHERE number = ({NEXT}) RETURNING id",
                (fetched,),
            ).fetchone()
        return self.get(row[0]) if row else None

    def has_next(self, fetched: bool | None = None) -> bool:
        """Whether there is a job to claim."""
        with self._lock:
            return self._db.execute(NEXT, (fetched,)).fetchone()[0] is not None

    def requeue(self, job: str, *, fetched: bool = False) -> None:
        """The job goes on later: the service stops, or the recording has been fetched and waits for
        its turn. That is no failed attempt."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET state = 'queued', attempts = attempts - 1,"
                " url = iif(?, NULL, url) WHERE id = ? AND state = 'running'",
                (fetched, job),
            )

    def put_back(self, job: str, error: dict[str, Any]) -> None:
        """The machine is in trouble: later, and after all others, one of which may get through.
        That is no failed attempt either."""
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET state = 'queued', attempts = attempts - 1, error = ?,"
                " number = (SELECT max(number) + 1 FROM jobs)"
                " WHERE id = ? AND state = 'running'",
                (json.dumps(error), job),
            )

    def finish(
        self,
        job: str,
        result: str,
        voices: dict[str, Any],
        duration_s: float,
        warnings: list[str],
    ) -> None:
        """Keep a result; the recording goes. Nothing happens to a job cancelled meanwhile."""
        folder = self.folder / job
        write_atomic(folder / "voices.json", json.dumps(voices))
        write_atomic(folder / "result.json", result)
        with self._transaction() as db:
            db.execute(
                "UPDATE jobs SET duration_s = ?, warnings = ? WHERE id = ?",
                (duration_s, json.dumps(warnings), job),
            )
            _end(db, job, "done")
        self._drop_source(job)

    def fail(self, job: str, error: dict[str, Any]) -> None:
        """Keep why; the recording goes, unless all that it lacks comes with a restart."""
        with self._transaction() as db:
            _end(db, job, "failed", error)
        if error["code"] not in FOR_RESTART:
            self._drop_source(job)

    def cancel(self, job: str) -> bool:
        """Whether there was something to cancel: a job that has ended stays as it is."""
        with self._transaction() as db:
            cancelled = _end(db, job, "cancelled")
        if cancelled:
            self._drop_source(job)
        return cancelled

    def delete(self, job: str) -> State | None:
        """Row and files, also on a full disk; the state it had, None: there is none such."""
        try:
            state = self._forget(job)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            self._reserve.unlink(missing_ok=True)
            shutil.rmtree(self.folder / job, ignore_errors=True)
            state = self._forget(job)
        shutil.rmtree(self.folder / job, ignore_errors=True)
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._keep_reserve()
        return state

    def _forget(self, job: str) -> State | None:
        with self._transaction() as db:
            row = db.execute("DELETE FROM jobs WHERE id = ? RETURNING state", (job,)).fetchone()
        return row[0] if row else None

    def _keep_reserve(self) -> None:
        if not self._reserve.exists():
            room = shutil.disk_usage(self.folder).free // 2
            # Zeros may take no room at all.
            self._reserve.write_bytes(os.urandom(min(RESERVE_BYTES, room)))

    def expire(self, keep_s: float) -> None:
        """Delete what ended long ago."""
        limit = (datetime.now(UTC) - timedelta(seconds=keep_s)).isoformat()
        with self._lock:
            rows = self._db.execute("SELECT id FROM jobs WHERE ended_at < ?", (limit,)).fetchall()
        for (job,) in rows:
            self.delete(job)

    # ------------------------------------------------------------------ reading

    def get(self, job: str) -> Job | None:
        with self._lock:
            row = self._db.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (job,)).fetchone()
        return from_row(row) if row else None

    def list(self, limit: int, before: str | None = None) -> list[Job]:
        """The newest jobs first; `before`: of those that came before this one."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {COLUMNS} FROM jobs WHERE ?1 IS NULL OR number <"
                " (SELECT number FROM jobs WHERE id = ?1) ORDER BY number DESC LIMIT ?2",
                (before, limit),
            ).fetchall()
        return [from_row(row) for row in rows]

    def ahead(self, job: str) -> int:
        """How many jobs are queued before this one."""
        with self._lock:
            row = self._db.execute(
                "SELECT count(*) FROM jobs WHERE state = 'queued' AND number <"
                " (SELECT number FROM jobs WHERE id = ?)",
                (job,),
            ).fetchone()
        return int(row[0])

    def count(self, state: State) -> int:
        with self._lock:
            row = self._db.execute("SELECT count(*) FROM jobs WHERE state = ?", (state,)).fetchone()
        return int(row[0])

    def source(self, job: str) -> Path:
        return self.folder / job / "source"

    def result(self, job: str) -> bytes:
        """The result's JSON, as it was given to `finish`."""
        return (self.folder / job / "result.json").read_bytes()

    def voices(self, job: str) -> dict[str, Any]:
        """The voices of the result's speakers by label, as they were given to `finish`."""
        text = (self.folder / job / "voices.json").read_text(encoding="utf-8")
        found = json.loads(text)
        assert isinstance(found, dict)
        return found

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _drop_source(self, job: str) -> None:
        self.source(job).unlink(missing_ok=True)


def _end(
    db: sqlite3.Connection, job: str, state: State, error: dict[str, Any] | None = None
) -> bool:
    """To a final state; whether it was in none."""
    done = db.execute(
        "UPDATE jobs SET state = ?, error = ?, ended_at = ?"
        " WHERE id = ? AND state IN ('queued', 'running')",
        (state, json.dumps(error) if error else None, _now(), job),
    )
    return done.rowcount > 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _sync(folder: Path) -> None:
    """A new name is on the disk only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

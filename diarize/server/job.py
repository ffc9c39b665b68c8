"""One job as it is kept: the row of a table (`job_store`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    file_name TEXT NOT NULL,
    url TEXT,
    ask TEXT NOT NULL,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    duration_s REAL,
    warnings TEXT NOT NULL DEFAULT '[]',
    error TEXT
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
"""
VERSION = 1

COLUMNS = (
    "id, state, file_name, url, ask, created_at, ended_at, attempts, duration_s, warnings, error"
)


@dataclass(frozen=True, slots=True)
class Job:
    """`ask` is what its submitter wants, as JSON holds it; `error` is why it failed or, while it
    is queued, what keeps it waiting."""

    id: str
    state: State
    file_name: str
    url: str | None
    ask: dict[str, Any]
    created_at: str
    ended_at: str | None
    attempts: int
    duration_s: float | None
    warnings: list[str]
    error: dict[str, Any] | None


def from_row(row: tuple[Any, ...]) -> Job:
    """The job of a row of `COLUMNS`."""
    job, state, name, url, ask, created, ended, attempts, duration_s, warnings, error = row
    return Job(
        job,
        state,
        name,
        url,
        json.loads(ask),
        created,
        ended,
        attempts,
        duration_s,
        json.loads(warnings),
        json.loads(error) if error else None,
    )

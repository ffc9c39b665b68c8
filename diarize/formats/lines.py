"""What formats of one record per line share: numbered lines, comments, records by file id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import TypeVar

from diarize.records import Turn, Utterance, Word

Timed = TypeVar("Timed", Turn, Utterance, Word)


def numbered(text: str, source: str, comment: str = "") -> Iterator[tuple[str, str]]:
    """Yields `("<source>, line <n>", line)` for every line that is neither blank nor a comment.

    A byte order mark and carriage returns are dropped.
    """
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = raw.rstrip("\r")
        if line.strip() and not (comment and line.lstrip().startswith(comment)):
            yield f"{source}, line {number}", line


def grouped(records: Iterable[tuple[str, Timed]]) -> dict[str, tuple[Timed, ...]]:
    """Records by file id, in order of first appearance; each file's sorted by start, stably."""
    groups: dict[str, list[Timed]] = {}
    for file_id, record in records:
        groups.setdefault(file_id, []).append(record)
    return {k: tuple(sorted(v, key=attrgetter("start"))) for k, v in groups.items()}

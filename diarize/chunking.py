"""Speech → chunks that Whisper decodes one by one."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from diarize.records import SAMPLE_RATE_HZ, Int64, Turn
from diarize.spans import Span
from diarize.vad import bridge

MAX_CHUNK_S = 20.0
"""Longest chunk. 26 s gave the same word errors (14.6 against 14.5 %) in a quarter more time."""
MAX_PAUSE_S = 3.0
"""Longer pauses are never decoded: they always separate chunks."""


def speaker_changes(turns: Sequence[Turn]) -> list[float]:
    """Times in seconds at which the floor passes from one speaker to another."""
    return [(a.end + b.start) / 2 for a, b in pairwise(turns) if a.speaker != b.speaker]


def listened(speech: Int64, turns: Sequence[Turn]) -> Int64:
    """Where to listen for words, in samples: where Silero hears speech, and where anybody
    holds the floor.

    A voice that whispers, or is far away, Silero can miss for seconds. Of 7,013 words of twelve
    development sets (`decoding.PART`) 14.8 % are wrong instead of 16.2, of two calls in one of
    which somebody whispers 16.9 instead of 28.6, of AMI's ten half minutes 35.0 instead of 34.3.
    """
    held = np.array([(t.start, t.end) for t in turns]).reshape(-1, 2) * SAMPLE_RATE_HZ
    both = np.concatenate([speech, held.round().astype(np.int64)])
    return bridge(both[np.argsort(both[:, 0], kind="stable")], 0)


def plan_chunks(
    speech: Sequence[Span], changes: Sequence[float], max_s: float = MAX_CHUNK_S
) -> list[Span]:
    """Cut speech into chunks of at most `max_s`, at pauses and where the speaker changes.

    The fewest chunks with the best cuts, by dynamic programming: a chunk costs 1, a cut up to 2
    more, the less the longer the pause is and if the speaker changes there.
    """
    pieces = _pieces(speech, sorted(changes), max_s)
    costs, previous = [0.0], [0]
    for last in range(1, len(pieces) + 1):
        best = (math.inf, 0)
        for first in range(last - 1, -1, -1):
            start, _, pause_s, change = pieces[first]
            if pieces[last - 1][1] - start > max_s + 1e-6:
                break
            penalty = max(0.0, 1.0 - 1.5 * pause_s - (0.3 if change else 0.0))
            best = min(best, (costs[first] + 1 + 2 * penalty, first))
            if pause_s > MAX_PAUSE_S:
                break
        costs.append(best[0])
        previous.append(best[1])
    chunks: list[Span] = []
    last = len(pieces)
    while last:
        first = previous[last]
        chunks.append((pieces[first][0], pieces[last - 1][1]))
        last = first
    return chunks[::-1]


def plan_by_speaker(
    speech: Sequence[Span], changes: Sequence[float], max_s: float = MAX_CHUNK_S
) -> list[Span]:
    """Cut speech wherever the speaker changes: what may be in languages of their own."""
    chunks: list[Span] = []
    for start, end, _, change in _pieces(speech, sorted(changes), max_s):
        if chunks and not change and _joins(chunks[-1], (start, end), max_s):
            chunks[-1] = (chunks[-1][0], end)
        else:
            chunks.append((start, end))
    return chunks


def joined(
    chunks: Sequence[Span], languages: Sequence[str], max_s: float = MAX_CHUNK_S
) -> tuple[list[Span], list[str]]:
    """Neighbouring chunks of one language as one, and the languages."""
    found: list[Span] = []
    spoken: list[str] = []
    for chunk, language in zip(chunks, languages, strict=True):
        if found and language == spoken[-1] and _joins(found[-1], chunk, max_s):
            found[-1] = (found[-1][0], chunk[1])
        else:
            found.append(chunk)
            spoken.append(language)
    return found, spoken


def _joins(chunk: Span, later: Span, max_s: float) -> bool:
    return later[0] - chunk[1] <= MAX_PAUSE_S and later[1] - chunk[0] <= max_s + 1e-6


def _pieces(
    speech: Sequence[Span], changes: list[float], max_s: float
) -> list[tuple[float, float, float, bool]]:
    """The smallest units: (start, end, pause before, does the speaker change here?)."""
    pieces: list[tuple[float, float, float, bool]] = []
    for start, end in speech:
        within = changes[bisect_right(changes, start + 0.2) : bisect_left(changes, end - 0.2)]
        edges = [start, *within, end]
        for low, high in pairwise(edges):
            parts = max(1, math.ceil((high - low) / max_s))
            step = (high - low) / parts
            for i in range(parts):
                a = low + i * step
                before = pieces[-1][1] if pieces else -math.inf
                change = bisect_left(changes, before - 0.2) < bisect_right(changes, a + 0.2)
                pieces.append((a, high if i == parts - 1 else a + step, a - before, change))
    return pieces

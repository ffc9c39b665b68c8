"""Which language is spoken, by Whisper: asked of what comes first, then where most is said.

What comes first is heard anyway; more is asked where that is the lesser part, until it is sure. A
single "Hello?" is taken for any language. So chunks are heard together, as a window of up to 20 s
of speech, and windows are weighted by how much is said in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from diarize.chunking import MAX_CHUNK_S
from diarize.spans import Span

WINDOWS = 8
"""A recording is asked at most this often: once in each of so many parts, like long."""
SURE_S = 25.0
"""Asking ends when one language leads by this much speech, weighted by its probability."""

Votes = dict[str, float]
"""Probability of every language that the model knows."""


def language_windows(chunks: Sequence[Span]) -> list[list[Span]]:
    """Neighbouring chunks put together, then of each part of the recording the fullest window.

    The fullest of all comes first.
    """
    windows: list[list[Span]] = []
    for chunk in chunks:
        if windows and spoken_s([*windows[-1], chunk]) <= MAX_CHUNK_S:
            windows[-1].append(chunk)
        else:
            windows.append([chunk])
    parts = np.array_split(np.arange(len(windows)), min(WINDOWS, len(windows)))
    fullest = [max(part.tolist(), key=lambda i: spoken_s(windows[i])) for part in parts]
    return [windows[i] for i in sorted(fullest, key=lambda i: -spoken_s(windows[i]))]


def judge(
    first: Votes, first_s: float, windows: Sequence[list[Span]], ask: Callable[[list[Span]], Votes]
) -> str:
    """The language of a recording.

    Args:
        first: of what comes first, of which `first_s` are speech. However long that is, it counts
            as one window: a welcome in another language is not the recording's.
        windows, ask: hears one of them, asked until it is sure.
    """
    weight = min(first_s, MAX_CHUNK_S)
    totals = {code: probability * weight for code, probability in first.items()}
    for window in windows:
        ranked = sorted(totals.values(), reverse=True)
        if ranked[0] - sum(ranked[1:2]) >= SURE_S:
            break
        for code, probability in ask(window).items():
            totals[code] = totals.get(code, 0.0) + probability * spoken_s(window)
    return max(sorted(totals), key=lambda code: totals[code])


def together(votes: Sequence[Votes], lengths_s: Sequence[float]) -> Votes:
    """The votes of several pieces of sound as one, each weighted by its length."""
    total_s = sum(lengths_s)
    return {
        code: sum(v[code] * s / total_s for v, s in zip(votes, lengths_s, strict=True))
        for code in votes[0]
    }


def spoken_s(spans: Sequence[Span]) -> float:
    """How long spans are together, in seconds."""
    return sum(b - a for a, b in spans)

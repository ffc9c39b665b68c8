"""Which language is spoken, by Whisper: asked where most is said, until it is sure.

A single "Hello?" is taken for any language. So chunks are heard together, as a window of up to
20 s of speech, and windows are weighted by how much is said in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from diarize.chunking import MAX_CHUNK_S, Span

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


def judge(windows: Sequence[list[Span]], ask: Callable[[list[Span]], Votes]) -> str:
    """The language of a recording. `ask` hears a window; there must be one."""
    totals: Votes = {}
    for window in windows:
        for code, probability in ask(window).items():
            totals[code] = totals.get(code, 0.0) + probability * spoken_s(window)
        ranked = sorted(totals.values(), reverse=True)
        if ranked[0] - sum(ranked[1:2]) >= SURE_S:
            break
    return max(sorted(totals), key=lambda code: totals[code])


def spoken_s(spans: Sequence[Span]) -> float:
    """How long spans are together, in seconds."""
    return sum(b - a for a, b in spans)

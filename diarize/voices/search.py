"""Where in recordings a voice speaks: windows of speech, scored against the voice, joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diarize.audio import Recording
from diarize.records import SAMPLE_RATE_HZ, Float32
from diarize.voices.engines import SHORTEST_S, Engine
from diarize.voices.errors import VoiceError
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import Calibration, confidence, score, shown

WINDOW_S = 3.0
STEP_S = 1.0
"""Windows of 3 s hold enough of a voice; steps of 1 s find where it begins and ends."""

JOIN_S = 1.0
"""Findings closer than this are one."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Stretches of one recording with the voice in each.

    `embeddings`: (n, dim) float32; `starts_s` and `ends_s`: (n,) seconds, sorted by start.
    """

    embeddings: Float32
    starts_s: npt.NDArray[np.float64]
    ends_s: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Finding:
    """The voice speaks in `recording` from `start` to `end` seconds; `score` is the best within."""

    recording: str
    start: float
    end: float
    score: float
    confidence: float


def embed_speech(
    recording: Recording, speech: Sequence[tuple[int, int]], engine: Engine
) -> Segments:
    """Embeddings of windows over the speech of a recording.

    Args:
        speech: (start, end) of each stretch of speech, in samples.

    Raises:
        VoiceError: as :meth:`Engine.embed`.
    """
    window, step = int(WINDOW_S * SAMPLE_RATE_HZ), int(STEP_S * SAMPLE_RATE_HZ)
    spans = []
    for start, end in speech:
        if end - start < SHORTEST_S * SAMPLE_RATE_HZ:
            continue
        last = max(start, end - window)
        firsts = [*range(start, last, step), last]
        spans += [(first, min(first + window, end)) for first in firsts]
    if not spans:
        empty = np.zeros(0)
        return Segments(np.zeros((0, engine.spec.dim), np.float32), empty, empty)
    vectors = np.stack([engine.embed(recording.read(a, b)) for a, b in spans])
    starts, ends = np.array(spans).T / SAMPLE_RATE_HZ
    return Segments(vectors, starts, ends)


def find_voice(
    voice: Sequence[Voiceprint], recordings: Mapping[str, Segments], known: Calibration
) -> tuple[Finding, ...]:
    """Where the voice speaks, by recording and time.

    A moment counts as the voice's if the windows that cover it reach the threshold on average.

    Args:
        voice: what is known of the person, one or more of one model.

    Raises:
        VoiceError: none, or of another model than the recordings' windows.
    """
    if not voice:
        raise VoiceError("there is no voice to search for")
    wanted, seconds = np.stack([v.embedding for v in voice]), [v.duration_s for v in voice]
    found = []
    for name, segments in recordings.items():
        if len(segments.starts_s):
            lengths = segments.ends_s - segments.starts_s
            scores = score(wanted, segments.embeddings, known, seconds, lengths).max(axis=0)
            found += _stretches(name, segments, scores, known)
    return tuple(found)


def _stretches(name: str, segments: Segments, scores: Float32, known: Calibration) -> list[Finding]:
    edges = np.unique(np.concatenate([segments.starts_s, segments.ends_s]))
    low, high = np.searchsorted(edges, segments.starts_s), np.searchsorted(edges, segments.ends_s)
    total = np.bincount(low, scores, len(edges)) - np.bincount(high, scores, len(edges))
    count = np.bincount(low, minlength=len(edges)) - np.bincount(high, minlength=len(edges))
    covering = np.cumsum(count)[:-1]
    mean = np.cumsum(total)[:-1] / np.maximum(covering, 1)
    found: list[Finding] = []
    for i in np.flatnonzero((covering > 0) & (mean >= known.threshold)):
        start, end, best = float(edges[i]), float(edges[i + 1]), float(mean[i])
        if found and start - found[-1].end < JOIN_S:
            start, best = found[-1].start, max(best, found.pop().score)
        found.append(Finding(name, start, end, shown(best), confidence(best, known)))
    return found

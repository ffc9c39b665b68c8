"""Expected calibration error: do turns of confidence 0.8 name the right speaker 80 % of the time?

Time-weighted: the unit is a second of a hypothesis turn, not the turn. A second is right when the
reference speaker its label is mapped to (the mapping of DER) is speaking.
Left out are seconds in which the reference has nobody speaking (that is a false alarm: an error of
speech detection, which the confidence of a label says nothing about) and UNKNOWN turns, which make
no claim.

Source: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diarize.metrics.timeline import (
    SHORTEST_S,
    Region,
    Timeline,
    best_mapping,
    build_timeline,
)
from diarize.records import UNKNOWN, Float64, Turn

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The turn time whose confidence lies within one bin.

    time_s: how much there is. right_s: of it, under the right speaker.
    confidence_s: integral of the confidence over it (`confidence_s / time_s` is its mean).
    """

    time_s: float = 0.0
    right_s: float = 0.0
    confidence_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability of confidences in equal bins over 0–1, lowest first; the last includes 1.

    Add two of them to pool recordings.
    """

    bins: tuple[Bin, ...] = (Bin(),) * BINS

    @property
    def error(self) -> float | None:
        """Expected calibration error, 0–1; None where there is nothing to judge."""
        time_s = sum(b.time_s for b in self.bins)
        if time_s == 0:
            return None
        return sum(abs(b.right_s - b.confidence_s) for b in self.bins) / time_s

    def __add__(self, other: Calibration) -> Calibration:
        pairs = zip(self.bins, other.bins, strict=True)
        return Calibration(
            tuple(
                Bin(a.time_s + b.time_s, a.right_s + b.right_s, a.confidence_s + b.confidence_s)
                for a, b in pairs
            )
        )


def calibration(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    uem: Sequence[Region] | None = None,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
) -> Calibration:
    """Calibration of the turns' confidences in one recording.

    Args:
        reference: the true turns.
        hypothesis: turns with confidences 0–1.
        uem: regions to score, in seconds; None scores everything.
        collar_s: seconds left out on EACH side of a reference boundary (md-eval's sense).
        skip_overlap: leave out time in which two or more reference turns are active.

    Raises:
        ValueError: a negative collar, or a confidence outside 0–1.
    """
    named = [t for t in hypothesis if t.speaker != UNKNOWN and t.duration > SHORTEST_S]
    confidence = np.array([turn.confidence for turn in named], dtype=np.float64)
    if not np.all((confidence >= 0) & (confidence <= 1)):
        raise ValueError("a turn's confidence is outside 0–1")
    timeline = build_timeline(
        reference, named, uem=uem, collar_s=collar_s, skip_overlap=skip_overlap
    )
    time_s, right_s = _judge(timeline, named)
    which = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    sums = [
        np.bincount(which, weights=weights, minlength=BINS)
        for weights in (time_s, right_s, time_s * confidence)
    ]
    return Calibration(tuple(Bin(*map(float, values)) for values in zip(*sums, strict=True)))


def _judge(timeline: Timeline, turns: Sequence[Turn]) -> tuple[Float64, Float64]:
    """Seconds of each turn that are judged, and of these the right ones; shape (turns,) each."""
    speakers = sorted({turn.speaker for turn in turns})  # also those not heard in scored time
    columns = np.array([speakers.index(turn.speaker) for turn in turns], dtype=np.intp)
    first = np.searchsorted(timeline.boundaries_s, [turn.start for turn in turns])
    last = np.searchsorted(timeline.boundaries_s, [turn.end for turn in turns])

    right = np.zeros((len(timeline.scored_s), len(speakers)), dtype=np.bool_)
    for h, r in best_mapping(timeline.cooccurrence_s.T):
        right[:, speakers.index(timeline.hypothesis_speakers[h])] = timeline.reference[:, r] > 0
    # Seconds up to each boundary, so that a turn's share is one subtraction.
    spoken_s = _running_s(timeline, timeline.reference.sum(axis=1, keepdims=True) > 0)[:, 0]
    right_s = _running_s(timeline, right)
    return spoken_s[last] - spoken_s[first], right_s[last, columns] - right_s[first, columns]


def _running_s(timeline: Timeline, where: npt.NDArray[np.bool_]) -> Float64:
    """Scored seconds of each column before each boundary; shape (stretches + 1, columns)."""
    running_s = np.zeros((len(where) + 1, where.shape[1]))
    np.cumsum(where * timeline.scored_s[:, None], axis=0, out=running_s[1:])
    return running_s

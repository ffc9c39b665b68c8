"""Who is active when, in reference and hypothesis together: the common ground of all turn metrics.

The time axis is cut at every event (a turn, region or collar begins or ends). Between two events
nothing changes, so each metric is a weighted sum over these stretches: exact, with no frame size,
and its cost grows with the number of turns, not with the length of the recording.

What is scored
- Without a UEM everything is: from the first to the last turn of reference or hypothesis
  (pyannote.metrics' default; silence before and after holds nothing to score).
- `collar_s` is md-eval's: seconds left out on EACH side of every reference boundary. The usual
  "±0.25 s" is `collar_s=0.25`. pyannote.metrics names the total width: there it is `collar=0.5`.
- `skip_overlap` leaves out all time in which two or more reference turns are active.

UNKNOWN
- A hypothesis turn labelled UNKNOWN is speech by a voice that is never matched to a reference
  speaker. Nothing else is special: a hypothesis without UNKNOWN scores as in pyannote.metrics.
- In a reference, UNKNOWN is a speaker's name like any other.

Turns of one speaker that overlap each other count once each, as in pyannote.metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from diarize.records import UNKNOWN, Float64, Int32, Turn

Region = tuple[float, float]
"""Start and end of a region to score, in seconds."""


SHORTEST_S = 1e-6
"""Stretches up to this are rounding noise (0.1 + 0.2 against 0.3); pyannote.core's precision."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Activity of every speaker in each of n stretches between consecutive events.

    boundaries_s: float64, shape (n + 1,), ascending.
    scored_s: float64, shape (n,): the stretch's duration where it is scored, 0 where it is not.
    reference: int32, shape (n, speakers): how many turns of each reference speaker are active.
    hypothesis: int32, shape (n, speakers): the same for the hypothesis, without UNKNOWN.
    unknown: int32, shape (n,): how many UNKNOWN turns of the hypothesis are active.
    Speakers are those heard in scored time, in the order of their names. (One more row of zeros
    could change which of several equally good mappings is found.)
    """

    boundaries_s: Float64
    scored_s: Float64
    reference: Int32
    hypothesis: Int32
    unknown: Int32
    reference_speakers: tuple[str, ...]
    hypothesis_speakers: tuple[str, ...]

    @property
    def cooccurrence_s(self) -> Float64:
        """Seconds both are active, float64, shape (reference speakers, hypothesis speakers).

        Rounded to the nanosecond, so that equal overlaps tie whatever the order of summation.
        """
        weighted = self.reference * self.scored_s[:, None]
        return np.round(weighted.T @ self.hypothesis.astype(np.float64), 9)


def build_timeline(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    uem: Sequence[Region] | None = None,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
) -> Timeline:
    """Lay reference and hypothesis on one time axis (see the module for the rules).

    Turns without duration are ignored. An empty `uem` scores nothing; None scores everything.

    Raises:
        ValueError: a negative collar.
    """
    if collar_s < 0:
        raise ValueError(f"collar_s is {collar_s}: it must not be negative")
    reference, hypothesis = _drop_empty(reference), _drop_empty(hypothesis)
    named = [turn for turn in hypothesis if turn.speaker != UNKNOWN]
    unknown = [turn for turn in hypothesis if turn.speaker == UNKNOWN]
    collars = _collars(reference, collar_s)
    regions = np.array([] if uem is None else uem, dtype=np.float64).reshape(-1, 2)
    spans = (_spans(reference), _spans(named), _spans(unknown), collars, regions)
    boundaries_s = np.unique(np.concatenate([span.ravel() for span in spans]))

    reference_speakers, reference_active = _active(boundaries_s, reference)
    hypothesis_speakers, hypothesis_active = _active(boundaries_s, named)
    scored = np.diff(boundaries_s) > SHORTEST_S
    if uem is not None:
        scored &= _count(boundaries_s, regions)[:, 0] > 0
    if collar_s > 0:
        scored &= _count(boundaries_s, collars)[:, 0] == 0
    if skip_overlap:
        scored &= reference_active.sum(axis=1) < 2
    heard_reference = np.flatnonzero(reference_active[scored].sum(axis=0))
    heard_hypothesis = np.flatnonzero(hypothesis_active[scored].sum(axis=0))
    return Timeline(
        boundaries_s=boundaries_s,
        scored_s=np.where(scored, np.diff(boundaries_s), 0.0),
        reference=reference_active[:, heard_reference],
        hypothesis=hypothesis_active[:, heard_hypothesis],
        unknown=_count(boundaries_s, _spans(unknown))[:, 0],
        reference_speakers=tuple(reference_speakers[i] for i in heard_reference),
        hypothesis_speakers=tuple(hypothesis_speakers[i] for i in heard_hypothesis),
    )


def best_mapping(gain: npt.NDArray[np.generic]) -> list[tuple[int, int]]:
    """One-to-one pairs (row, column) with the largest total gain; pairs without gain are dropped.

    Hungarian algorithm (Kuhn 1955), scipy's `linear_sum_assignment`.
    """
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if gain[r, c] > 0]


def _drop_empty(turns: Sequence[Turn]) -> list[Turn]:
    return [turn for turn in turns if turn.duration > SHORTEST_S]


def _spans(turns: Sequence[Turn]) -> Float64:
    return np.array([(t.start, t.end) for t in turns], dtype=np.float64).reshape(-1, 2)


def _collars(reference: Sequence[Turn], collar_s: float) -> Float64:
    """The time around each reference boundary that is not scored, shape (2 × turns, 2)."""
    if collar_s == 0:
        return np.empty((0, 2))
    edges_s = _spans(reference).ravel()
    return np.stack([edges_s - collar_s, edges_s + collar_s], axis=1)


def _active(boundaries_s: Float64, turns: Sequence[Turn]) -> tuple[list[str], Int32]:
    """The speakers by name, and how many turns of each are active in each stretch."""
    speakers = sorted({turn.speaker for turn in turns})
    index = {speaker: i for i, speaker in enumerate(speakers)}
    columns = np.array([index[turn.speaker] for turn in turns], dtype=np.intp)
    return speakers, _count(boundaries_s, _spans(turns), columns, len(speakers))


def _count(
    boundaries_s: Float64,
    spans: Float64,
    columns: npt.NDArray[np.intp] | None = None,
    n_columns: int = 1,
) -> Int32:
    """How many spans of each column cover each stretch, int32, shape (stretches, n_columns)."""
    if columns is None:
        columns = np.zeros(len(spans), dtype=np.intp)
    change = np.zeros((len(boundaries_s), n_columns), dtype=np.int32)
    np.add.at(change, (np.searchsorted(boundaries_s, spans[:, 0]), columns), 1)
    np.add.at(change, (np.searchsorted(boundaries_s, spans[:, 1]), columns), -1)
    return np.cumsum(change, axis=0, dtype=np.int32)[:-1]

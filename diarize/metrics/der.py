"""Diarization error rate (DER) with its parts.

DER = (missed + false alarm + confusion) / total, after the one-to-one mapping of hypothesis to
reference speakers that makes it smallest. Equal to pyannote.metrics' `DiarizationErrorRate`.

Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarize.metrics.timeline import Region, Timeline, best_mapping, build_timeline
from diarize.records import Turn


@dataclass(frozen=True, slots=True)
class DiarizationError:
    """The parts of DER, in seconds of speaker time (two people talking for 1 s make 2 s).

    total_s: reference speech. correct_s: of it, given to the right speaker.
    missed_s: reference speech with no hypothesis speaker to answer for it.
    false_alarm_s: hypothesis speech with no reference speaker to answer for it.
    confusion_s: speech on both sides, but the wrong speaker, UNKNOWN included.
    unknown_s: the share of `confusion_s` that is labelled UNKNOWN: nobody was named. Named
        speakers are matched first, so UNKNOWN never takes the place of a wrong name.

    Add two of them to pool recordings.
    """

    total_s: float = 0.0
    correct_s: float = 0.0
    missed_s: float = 0.0
    false_alarm_s: float = 0.0
    confusion_s: float = 0.0
    unknown_s: float = 0.0

    @property
    def rate(self) -> float:
        """DER, 0 and up. Without reference speech: 0 without false alarm, 1 with (as pyannote)."""
        errors_s = self.missed_s + self.false_alarm_s + self.confusion_s
        if self.total_s == 0:
            return 1.0 if errors_s > 0 else 0.0
        return errors_s / self.total_s

    def __add__(self, other: DiarizationError) -> DiarizationError:
        return DiarizationError(
            self.total_s + other.total_s,
            self.correct_s + other.correct_s,
            self.missed_s + other.missed_s,
            self.false_alarm_s + other.false_alarm_s,
            self.confusion_s + other.confusion_s,
            self.unknown_s + other.unknown_s,
        )


def diarization_error(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    uem: Sequence[Region] | None = None,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
) -> DiarizationError:
    """DER of one recording.

    Args:
        reference: the true turns.
        hypothesis: the turns to judge; UNKNOWN is never mapped to a reference speaker.
        uem: regions to score, in seconds; None scores everything.
        collar_s: seconds left out on EACH side of a reference boundary (md-eval's sense; in
            pyannote.metrics, which counts the total width, twice this value).
        skip_overlap: leave out time in which two or more reference turns are active.

    Raises:
        ValueError: a negative collar.
    """
    timeline = build_timeline(
        reference, hypothesis, uem=uem, collar_s=collar_s, skip_overlap=skip_overlap
    )
    return diarization_error_of(timeline)


def diarization_error_of(timeline: Timeline) -> DiarizationError:
    """The same for a timeline that is already there."""
    correct = np.zeros(len(timeline.scored_s), dtype=np.int32)
    for h, r in best_mapping(timeline.cooccurrence_s.T):
        correct += np.minimum(timeline.reference[:, r], timeline.hypothesis[:, h])
    n_reference = timeline.reference.sum(axis=1)
    n_named = timeline.hypothesis.sum(axis=1)
    n_hypothesis = n_named + timeline.unknown
    answered = np.minimum(n_reference, n_hypothesis)
    return DiarizationError(
        total_s=float(n_reference @ timeline.scored_s),
        correct_s=float(correct @ timeline.scored_s),
        missed_s=float((n_reference - answered) @ timeline.scored_s),
        false_alarm_s=float((n_hypothesis - answered) @ timeline.scored_s),
        confusion_s=float((answered - correct) @ timeline.scored_s),
        unknown_s=float((answered - np.minimum(n_reference, n_named)) @ timeline.scored_s),
    )

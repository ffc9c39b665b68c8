"""Jaccard error rate (JER): every reference speaker weighs the same, however little they say.

For each reference speaker, 1 − intersection / union with the hypothesis speaker mapped to them;
1 where none is. Equal to pyannote.metrics' `JaccardErrorRate`.

Source: N. Ryant et al., "Second DIHARD Challenge Evaluation Plan", v1.1, 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diarize.metrics.timeline import Region, Timeline, best_mapping, build_timeline
from diarize.records import Turn


@dataclass(frozen=True, slots=True)
class JaccardError:
    """Add two of them to pool recordings: each speaker of each recording weighs the same.

    speakers: reference speakers who are heard in the scored time.
    error_sum: the sum of their Jaccard errors, each 0–1.
    """

    speakers: int = 0
    error_sum: float = 0.0

    @property
    def rate(self) -> float:
        """JER, 0–1. Undefined without a reference speaker; then 1, as in pyannote.metrics."""
        return self.error_sum / self.speakers if self.speakers else 1.0

    def __add__(self, other: JaccardError) -> JaccardError:
        return JaccardError(self.speakers + other.speakers, self.error_sum + other.error_sum)


def jaccard_error(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    uem: Sequence[Region] | None = None,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
) -> JaccardError:
    """JER of one recording. UNKNOWN is no speaker: what it covers is missed.

    Args:
        reference: the true turns.
        hypothesis: the turns to judge.
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
    return jaccard_error_of(timeline)


def jaccard_error_of(timeline: Timeline) -> JaccardError:
    """The same for a timeline that is already there."""
    error_sum = float(len(timeline.reference_speakers))
    for r, h in best_mapping(timeline.cooccurrence_s):
        speaks, claimed = timeline.reference[:, r] > 0, timeline.hypothesis[:, h] > 0
        both_s = timeline.scored_s[speaks & claimed].sum()
        either_s = timeline.scored_s[speaks | claimed].sum()
        error_sum -= float(both_s / either_s)
    return JaccardError(len(timeline.reference_speakers), error_sum)

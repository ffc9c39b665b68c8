"""How many speakers were found, against how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diarize.metrics.timeline import Region, build_timeline
from diarize.records import Turn


@dataclass(frozen=True, slots=True)
class SpeakerCount:
    """Speakers heard in the scored time; UNKNOWN is none."""

    reference: int
    hypothesis: int

    @property
    def error(self) -> int:
        """Found minus true: below 0 speakers were merged or missed, above 0 split or invented."""
        return self.hypothesis - self.reference

    @property
    def exact(self) -> bool:
        return self.error == 0


def speaker_count(
    reference: Sequence[Turn],
    hypothesis: Sequence[Turn],
    *,
    uem: Sequence[Region] | None = None,
) -> SpeakerCount:
    """Count the speakers of one recording.

    Neither collar nor overlap rule applies: a voice heard only there is still a voice.

    Args:
        reference: the true turns.
        hypothesis: the turns to judge.
        uem: regions to score, in seconds; None scores everything.
    """
    timeline = build_timeline(reference, hypothesis, uem=uem)
    return SpeakerCount(len(timeline.reference_speakers), len(timeline.hypothesis_speakers))

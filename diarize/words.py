"""The words of a recording: each channel transcribed, and every word given to who said it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from diarize.alignment import align
from diarize.audio import Recording
from diarize.labels import Side
from diarize.prepared import Prepared
from diarize.records import ProgressHook, Utterance, Word, part_of
from diarize.vad import speech_regions

if TYPE_CHECKING:
    from diarize.transcription import Transcriber

UtteranceHook = Callable[[Utterance], None]

SETTLED_S = 5.0
"""An utterance that ends this long before the newest word is settled: whoever speaks, a sentence's
end or a pause has come meanwhile, and what follows no longer says whose words those were."""


def said(
    transcriber: Transcriber,
    recording: Recording,
    prepared: Prepared,
    sides: Sequence[Side],
    progress: ProgressHook,
    *,
    language: str | None = None,
    on_utterance: UtteranceHook | None = None,
) -> tuple[list[Utterance], str | None]:
    """Who said what, sorted by start, and the language.

    Args:
        prepared: evidence of the recording, by channel.
        sides: whose turns are on each channel.
        language: of this recording; None: as the transcriber was told.
        on_utterance: called with utterances in order of time, as soon as they are settled; of
            several channels, which are heard one after the other, at the end.
    """
    utterances: list[Utterance] = []
    spoken = None
    progress("transcription", 0.0)
    live = _Live(sides[0], on_utterance) if on_utterance and len(sides) == 1 else None
    speech = [speech_regions(c.speech_probability, c.n_samples) for c in prepared.channels]
    samples = [int((regions[:, 1] - regions[:, 0]).sum()) for regions in speech]
    done, all_samples = 0, max(1, sum(samples))
    # The side that says most comes first, and its language is that of all: "Mm-hm" is in any.
    for channel in sorted(range(len(sides)), key=lambda c: -samples[c]):
        side = sides[channel]
        transcript = transcriber(
            recording,
            speech[channel],
            side.exclusive,
            part_of(progress, done / all_samples, (done + samples[channel]) / all_samples),
            channel=channel,
            language=language or (None if transcriber.mixed_languages else spoken),
            on_words=live,
        )
        utterances += align(transcript.words, side.turns, side.exclusive)
        spoken = spoken or transcript.language
        done += samples[channel]
    progress("transcription", 1.0)
    utterances.sort(key=lambda u: (u.start, u.end))
    if live:
        live.tell(math.inf)
    elif on_utterance:
        for utterance in utterances:
            on_utterance(utterance)
    return utterances, spoken


@dataclass(slots=True)
class _Live:
    """Gives words to their speakers as they come."""

    side: Side
    on_utterance: UtteranceHook
    open: list[Word] = field(default_factory=list)

    def __call__(self, words: Sequence[Word]) -> None:
        """Take the next words."""
        self.open = sorted([*self.open, *words], key=lambda w: (w.start, w.end))
        self.tell(self.open[-1].end - SETTLED_S)

    def tell(self, until_s: float) -> None:
        """Tell the utterances that end by then, and be done with their words."""
        found = align(self.open, self.side.turns, self.side.exclusive)
        for utterance in takewhile(lambda u: u.end <= until_s, found):
            self.on_utterance(utterance)
            del self.open[: len(utterance.words)]

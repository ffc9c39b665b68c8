"""Word diarization error rate (WDER): the share of recognised words given to the wrong speaker.

Reference and hypothesis words (ordered as for WER) are aligned; of the pairs that are correct or
substituted, those whose speakers are not mapped to each other are wrong. The one-to-one mapping of
speakers is the one with the fewest wrong words. Inserted and deleted words have no counterpart and
do not count.

UNKNOWN in the hypothesis is never mapped: its words are wrong, and counted on their own too.

Source: L. El Shafey, H. Soltau, I. Shafran, "Joint Speech Recognition and Speaker Diarization via
Sequence Transduction", Interspeech 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarize.metrics.edit_distance import Alignment, align_words
from diarize.metrics.normalise import Normaliser, raw
from diarize.metrics.timeline import best_mapping
from diarize.metrics.wer import words_in_order
from diarize.records import UNKNOWN, Utterance


@dataclass(frozen=True, slots=True)
class WordDiarizationErrors:
    """Add two of them to pool recordings.

    aligned: words that are correct or substituted. wrong: of these, under the wrong speaker.
    unknown: of the wrong ones, those labelled UNKNOWN.
    """

    aligned: int = 0
    wrong: int = 0
    unknown: int = 0

    @property
    def rate(self) -> float | None:
        """WDER, 0–1; None where no word is aligned."""
        return self.wrong / self.aligned if self.aligned else None

    def __add__(self, other: WordDiarizationErrors) -> WordDiarizationErrors:
        return WordDiarizationErrors(
            self.aligned + other.aligned,
            self.wrong + other.wrong,
            self.unknown + other.unknown,
        )


def word_diarization_error(
    reference: Sequence[Utterance],
    hypothesis: Sequence[Utterance],
    *,
    normaliser: Normaliser = raw,
) -> WordDiarizationErrors:
    """WDER of one recording.

    Args:
        reference: what was said, by whom. `start` gives the order; no other time is used.
        hypothesis: what was recognised, and to whom it was given.
        normaliser: applied to each text before it is split; `raw` compares as written.
    """
    spoken = words_in_order(reference, normaliser)
    recognised = words_in_order(hypothesis, normaliser)
    alignment = align_words([word for word, _ in spoken], [word for word, _ in recognised])
    return word_diarization_error_of(spoken, recognised, alignment)


def word_diarization_error_of(
    spoken: Sequence[tuple[str, str]],
    recognised: Sequence[tuple[str, str]],
    alignment: Alignment,
) -> WordDiarizationErrors:
    """The same for (word, speaker) pairs that are already aligned."""
    reference_index = {s: i for i, s in enumerate(sorted({s for _, s in spoken}))}
    hypothesis_index = {s: i for i, s in enumerate(sorted({s for _, s in recognised} - {UNKNOWN}))}
    together = np.zeros((len(reference_index), len(hypothesis_index)), dtype=np.int64)
    unknown = 0
    for r, h in alignment.pairs.tolist():
        speaker = recognised[h][1]
        if speaker == UNKNOWN:
            unknown += 1
        else:
            together[reference_index[spoken[r][1]], hypothesis_index[speaker]] += 1
    right = sum(int(together[r, h]) for r, h in best_mapping(together))
    aligned = len(alignment.pairs)
    return WordDiarizationErrors(aligned, wrong=aligned - right, unknown=unknown)

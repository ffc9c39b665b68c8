"""Concatenated minimum-permutation word error rate (cpWER): who said what, in one figure.

Each speaker's utterances are joined; speakers are paired one to one so that the errors over all
pairs are fewest; a speaker left without partner is all insertions or all deletions. A word given
to the wrong speaker therefore counts twice. Equal to meeteval's `cp_word_error_rate`.

UNKNOWN in the hypothesis is never paired: its words are insertions.

Source: S. Watanabe et al., "CHiME-6 Challenge: Tackling Multispeaker Speech Recognition for
Unsegmented Recordings", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarize.metrics.edit_distance import WordErrors, align_words, edit_distance
from diarize.metrics.normalise import Normaliser, raw
from diarize.metrics.wer import words_in_order
from diarize.records import UNKNOWN, Utterance


@dataclass(frozen=True, slots=True)
class CpWordErrors:
    """errors: over all pairs; add these to pool recordings.

    assignment: (reference speaker, hypothesis speaker); None where a speaker has no partner.
    """

    errors: WordErrors
    assignment: tuple[tuple[str | None, str | None], ...]

    @property
    def rate(self) -> float | None:
        """cpWER, 0 and up; None where the reference has no words."""
        return self.errors.rate


def cp_word_error(
    reference: Sequence[Utterance],
    hypothesis: Sequence[Utterance],
    *,
    normaliser: Normaliser = raw,
) -> CpWordErrors:
    """cpWER of one recording.

    Args:
        reference: what was said, by whom. `start` gives the order; no other time is used.
        hypothesis: what was recognised, and to whom it was given.
        normaliser: applied to each text before it is split; `raw` compares as written.
    """
    spoken = _words_by_speaker(reference, normaliser)
    recognised = _words_by_speaker(hypothesis, normaliser)
    unknown_words = recognised.pop(UNKNOWN, [])
    pairs = _pair_speakers(spoken, recognised)
    errors = WordErrors(insertions=len(unknown_words))
    for r, h in pairs:
        errors += align_words(
            spoken[r] if r is not None else [], recognised[h] if h is not None else []
        ).errors
    return CpWordErrors(errors, pairs)


def _words_by_speaker(
    utterances: Sequence[Utterance], normaliser: Normaliser
) -> dict[str, list[str]]:
    ordered = sorted(utterances, key=lambda utterance: utterance.start)
    words: dict[str, list[str]] = {utterance.speaker: [] for utterance in ordered}
    for word, speaker in words_in_order(ordered, normaliser):
        words[speaker].append(word)
    return words


def _pair_speakers(
    spoken: dict[str, list[str]], recognised: dict[str, list[str]]
) -> tuple[tuple[str | None, str | None], ...]:
    """The pairs with the fewest errors; the smaller side is filled up with silent speakers."""
    n = max(len(spoken), len(recognised))
    rows = [*spoken.items(), *[(None, [])] * (n - len(spoken))]
    columns = [*recognised.items(), *[(None, [])] * (n - len(recognised))]
    cost = np.array([[edit_distance(r, h) for _, h in columns] for _, r in rows], dtype=np.int64)
    chosen = linear_sum_assignment(cost.reshape(n, n))
    return tuple((rows[r][0], columns[h][0]) for r, h in zip(*chosen, strict=True))

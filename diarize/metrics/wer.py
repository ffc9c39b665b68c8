"""Word error rate (WER) of a conversation: what was said, whoever said it.

The utterances' texts are joined in the order of their starts, on both sides. Equal to meeteval's
siso WER of the joined texts. Where people talk at once the order is a matter of chance and costs
errors; `cpwer` does not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from diarize.metrics.edit_distance import WordErrors, align_words
from diarize.metrics.normalise import Normaliser, raw
from diarize.records import Utterance


def word_error(
    reference: Sequence[Utterance],
    hypothesis: Sequence[Utterance],
    *,
    normaliser: Normaliser = raw,
) -> WordErrors:
    """WER of one recording, with substitutions, insertions and deletions.

    Args:
        reference: what was said. Only `start` (for the order) and `text` are used.
        hypothesis: what was recognised.
        normaliser: applied to each text before it is split; `raw` compares as written.
    """
    spoken = [word for word, _ in words_in_order(reference, normaliser)]
    recognised = [word for word, _ in words_in_order(hypothesis, normaliser)]
    return align_words(spoken, recognised).errors


def words_in_order(
    utterances: Sequence[Utterance], normaliser: Normaliser
) -> list[tuple[str, str]]:
    """(word, speaker) of all utterances by start; equal starts keep their order."""
    return [
        (word, utterance.speaker)
        for utterance in sorted(utterances, key=lambda utterance: utterance.start)
        for word in normaliser(utterance.text).split()
    ]

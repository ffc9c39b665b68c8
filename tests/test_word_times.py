"""Whisper's tokens with times → words with times."""

from __future__ import annotations

import pytest

from diarize.spans import Span
from diarize.word_times import EARLY_S, timed_words

CHUNK = (0.0, 30.0)


def heard(start: float, end: float, speech: list[Span]) -> tuple[float, float]:
    """What becomes of one word that Whisper hears from `start` to `end`."""
    timed = {"word": " The", "start": start - EARLY_S, "end": end - EARLY_S, "probability": 0.9}
    (word,) = timed_words([timed], 0.0, CHUNK, speech)
    assert (word.text, word.space_before) == ("The", True)
    return word.start, word.end


@pytest.mark.parametrize(
    ("speech", "said"),
    [
        ([(5.0, 12.0)], (10.0, 11.0)),
        ([(5.0, 10.4), (10.8, 12.0)], (10.8, 11.0)),  # what VAD leaves of the word before is longer
        ([(5.0, 10.2), (10.4, 10.5), (10.7, 12.0)], (10.7, 11.0)),
        ([(5.0, 10.7), (10.97, 12.0)], (10.0, 10.7)),  # 0.03 s of the word after it
        ([(10.3, 12.0)], (10.3, 11.0)),
        ([(5.0, 9.0)], (10.0, 11.0)),  # nothing is heard there
    ],
)
def test_a_word_is_where_speech_is_and_after_the_pause(
    speech: list[Span], said: tuple[float, float]
) -> None:
    assert heard(10.0, 11.0, speech) == said


def test_no_word_leaves_its_chunk() -> None:
    assert heard(29.5, 31.0, [(0.0, 40.0)]) == (29.5, 30.0)

"""Words given to their speakers, and told as they come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diarize.audio import Recording
from diarize.labels import Side
from diarize.pipeline import Pipeline
from diarize.records import SAMPLE_RATE_HZ, Float32, Turn, Utterance, Word
from diarize.transcription import Transcriber
from diarize.words import SETTLED_S, _Live, said


@pytest.fixture(scope="module")
def transcriber(whisper: Path) -> Transcriber:
    return Transcriber(whisper, mixed_languages=True, threads=1)


def test_words_are_told_while_others_are_yet_to_be_heard(
    transcriber: Transcriber, pipeline: Pipeline, speech: Float32
) -> None:
    heard = 0.0
    told: list[tuple[float, Utterance]] = []

    def progress(stage: str, fraction: float) -> None:
        nonlocal heard
        heard = fraction

    with Recording.from_array(np.tile(speech, 5), SAMPLE_RATE_HZ) as recording:
        prepared = pipeline.prepare(recording)
        turns = pipeline.attribute(prepared)
        utterances, language = said(
            transcriber,
            recording,
            prepared,
            [Side(turns.turns, turns.exclusive)],
            progress,
            language="en",
            on_utterance=lambda utterance: told.append((heard, utterance)),
        )
    assert [utterance for _, utterance in told] == utterances
    assert told[0][0] < told[-1][0] == 1
    assert (told[0][1].text[:5], language) == ("Hello", "en")


def test_an_utterance_is_told_as_soon_as_it_is_settled() -> None:
    """A holds the floor for ten seconds, B for the next ten; the words come in three pieces."""
    turns = (Turn(0, 10, "A"), Turn(10, 20, "B"))
    words = [Word("so." if i in (9, 19) else "so", i + 0.2, i + 0.8) for i in range(20)]
    told: list[Utterance] = []
    live = _Live(Side(turns, turns), told.append)
    live(words[:8])
    assert told == []  # A may go on
    live(words[8:12])
    assert told == []  # A has stopped at 9.8 s, the newest word ends at 11.8 s
    live(words[12:16])
    assert [(u.speaker, u.end) for u in told] == [("A", 9.8)]
    assert words[15].end - told[0].end > SETTLED_S
    live(words[16:])
    live.tell(float("inf"))
    assert [(u.speaker, len(u.words)) for u in told] == [("A", 10), ("B", 10)]

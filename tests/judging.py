"""What holds for every result, and the sample's truth, for the tests of the pipeline."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from diarize.formats import rttm
from diarize.records import Bool, Result, Turn

DATA = Path(__file__).parent / "data"
TRUTH = rttm.read((DATA / "sample.rttm").read_text())["sample"]
DIANE, SHEILA = "speaker90", "speaker91"


def spoken(speaker: str, n_samples: int) -> Bool:
    """Samples of the sample in which somebody speaks, at the same time as the other or not."""
    found = np.zeros(n_samples, bool)
    for turn in TRUTH:
        if turn.speaker == speaker:
            found[round(turn.start * 16_000) : round(turn.end * 16_000)] = True
    return found


def labels(turns: tuple[Turn, ...]) -> set[str]:
    return {turn.speaker for turn in turns}


def check(result: Result) -> None:
    """What holds for every result."""
    for turns in (result.turns, result.exclusive):
        assert list(turns) == sorted(turns, key=lambda t: (t.start, t.end))
        assert all(0 <= t.start < t.end <= result.duration for t in turns)
        assert all(0 <= t.confidence <= 1 for t in turns)
    assert all(a.end <= b.start for a, b in pairwise(result.exclusive))
    assert labels(result.exclusive) <= labels(result.turns)


def speaker_of_words(result: Result) -> dict[str, str | None]:
    words = [word for utterance in result.utterances for word in utterance.words]
    return {word.text.strip(".,?!"): word.speaker for word in words}

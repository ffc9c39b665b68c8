"""What holds for every result, and the sample's truth, for the tests of the pipeline."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from diarize.formats import rttm
from diarize.records import Result, Turn

DATA = Path(__file__).parent / "data"
TRUTH = rttm.read((DATA / "sample.rttm").read_text())["sample"]
DIANE, SHEILA = "speaker90", "speaker91"


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

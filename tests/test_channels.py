"""Both channels of a call kept apart: sides, labels, hints, words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diarize.audio import Recording
from diarize.errors import AudioError, HintError
from diarize.metrics.der import diarization_error
from diarize.pipeline import Pipeline
from diarize.prepared import Prepared
from diarize.records import UNKNOWN, Float32
from tests.judging import DIANE, SHEILA, TRUTH, check, labels, speaker_of_words


@pytest.fixture(scope="module")
def stereo(speech: Float32) -> Float32:
    """A call: Diane on the left, Sheila on the right, nothing where the other one speaks."""
    channels = np.zeros((2, len(speech)), np.float32)
    for turn in TRUTH:
        here = slice(round(turn.start * 16_000), round(turn.end * 16_000))
        channels[int(turn.speaker == SHEILA), here] = speech[here]
    return channels


@pytest.fixture(scope="module")
def separate() -> Pipeline:
    return Pipeline(channels="separate", labels="numbers")


@pytest.fixture(scope="module")
def call(separate: Pipeline, stereo: Float32) -> Prepared:
    return separate.prepare(stereo, sample_rate_hz=16_000)


def test_channels_are_sides_of_their_own(separate: Pipeline, call: Prepared) -> None:
    found = separate.attribute(call)
    check(found)
    assert found.speakers == ("SPEAKER_00", "SPEAKER_01")
    assert diarization_error(TRUTH, found.turns).rate <= 0.08
    sides = {"SPEAKER_00": DIANE, "SPEAKER_01": SHEILA}  # whoever speaks on the left is Diane
    for turn in (t for t in found.turns if t.speaker in sides):
        side = sides[turn.speaker]
        own = [
            max(0, min(turn.end, t.end) - max(turn.start, t.start))
            for t in TRUTH
            if t.speaker == side
        ]
        assert sum(own) > 0.75 * (turn.end - turn.start)


def test_names_want_the_channels_that_were_prepared(
    separate: Pipeline, stereo: Float32, call: Prepared, tmp_path: Path
) -> None:
    with (
        Recording.from_array(stereo, 16_000, keep_channels=False) as mixed,
        pytest.raises(AudioError, match="is not the sound that"),
    ):
        separate.attribute(call, voices=tmp_path / "voices.db", recording=mixed)


def test_labels_never_cross_from_one_side_to_the_other(
    separate: Pipeline, stereo: Float32, call: Prepared
) -> None:
    """The same voice on both sides is two speakers."""
    left = call.channels[0]
    twice = separate.attribute(Prepared("twice", (left, left)))
    check(twice)
    assert len(twice.speakers) == 2
    assert [t.start for t in twice.turns] == sorted(2 * [t.start for t in twice.turns[::2]])


def test_hints_count_all_sides_together(separate: Pipeline, call: Prepared) -> None:
    assert len(separate.attribute(call, num_speakers=2).speakers) == 2
    five = separate.attribute(call, num_speakers=5)
    assert len(five.speakers) == 5 == len(labels(five.exclusive) - {UNKNOWN})
    assert len(separate.attribute(call, max_speakers=2).speakers) == 2
    with pytest.raises(HintError, match="2 channels carry speech"):
        separate.attribute(call, max_speakers=1)


@pytest.mark.parametrize("silent", [0, 1])
def test_a_silent_side_has_no_speaker(separate: Pipeline, call: Prepared, silent: int) -> None:
    nobody = separate.prepare(np.zeros(480_000, np.float32), sample_rate_hz=16_000).channels[0]
    speaking = call.channels[1 - silent]
    sides = (nobody, speaking) if silent == 0 else (speaking, nobody)
    found = separate.attribute(Prepared("call", sides), num_speakers=1)
    check(found)
    assert found.speakers == ("SPEAKER_00",)
    side = (DIANE, SHEILA)[1 - silent]
    assert diarization_error([t for t in TRUTH if t.speaker == side], found.turns).rate <= 0.1


def test_words_of_a_call_stay_on_their_side(whisper: Path, stereo: Float32) -> None:
    pipeline = Pipeline(model=whisper, channels="separate", language="en")
    found = pipeline(stereo[:, 12 * 16_000 : 18 * 16_000], sample_rate_hz=16_000)
    speaker = speaker_of_words(found)
    assert (speaker["Diane"], speaker["Sheila"]) == ("A", "B")
    assert found.speakers == ("A", "B")

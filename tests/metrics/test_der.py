import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.metrics.diarization import DiarizationErrorRate

from diarize.metrics.der import DiarizationError, diarization_error
from diarize.records import UNKNOWN, Turn

from .judges import pyannote_rate, regions, turns

SAMPLE = Path(__file__).parent.parent / "data" / "sample.rttm"


def sample_turns() -> list[Turn]:
    rows = [line.split() for line in SAMPLE.read_text().splitlines()]
    return [Turn(float(r[3]), float(r[3]) + float(r[4]), r[7]) for r in rows]


def perturbed(reference: list[Turn], seed: int) -> list[Turn]:
    """Moved boundaries, swapped labels, lost and invented turns."""
    rng = random.Random(seed)
    moved = [
        Turn(
            t.start + rng.uniform(-0.3, 0.1),
            t.end + rng.uniform(-0.2, 0.5),
            rng.choice(["A", "B", "C"]) if rng.random() < 0.3 else t.speaker,
        )
        for t in reference
        if rng.random() < 0.9
    ]
    return [*moved, Turn(2.0, 3.25, "A"), Turn(24.0, 26.5, "C")]


def assert_same(ours: DiarizationError, judge: dict) -> None:
    assert ours.rate == pytest.approx(judge["diarization error rate"], abs=1e-6)
    parts = [ours.total_s, ours.correct_s, ours.missed_s, ours.false_alarm_s, ours.confusion_s]
    names = ["total", "correct", "missed detection", "false alarm", "confusion"]
    assert parts == pytest.approx([judge[name] for name in names], abs=1e-6)


@settings(deadline=None)  # the first call imports much
@given(
    turns("abcd"),
    turns("wxyz"),
    st.none() | regions,
    st.sampled_from([0.0, 0.125, 0.25]),
    st.booleans(),
)
def test_equals_pyannote_on_random_turns(reference, hypothesis, uem, collar_s, skip_overlap):
    judge = DiarizationErrorRate(collar=2 * collar_s, skip_overlap=skip_overlap)
    ours = diarization_error(
        reference, hypothesis, uem=uem, collar_s=collar_s, skip_overlap=skip_overlap
    )
    assert_same(ours, pyannote_rate(judge, reference, hypothesis, uem))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("collar_s", [0.0, 0.25])
@pytest.mark.parametrize("skip_overlap", [False, True])
@pytest.mark.parametrize("uem", [None, [(5.0, 14.7), (16.1, 29.0)]])
def test_equals_pyannote_on_a_real_conversation(seed, collar_s, skip_overlap, uem):
    reference = sample_turns()
    hypothesis = perturbed(reference, seed)
    judge = DiarizationErrorRate(collar=2 * collar_s, skip_overlap=skip_overlap)
    ours = diarization_error(
        reference, hypothesis, uem=uem, collar_s=collar_s, skip_overlap=skip_overlap
    )
    assert ours.rate > 0
    assert_same(ours, pyannote_rate(judge, reference, hypothesis, uem))


def test_the_collar_is_the_width_on_each_side():
    reference = [Turn(10.0, 20.0, "a")]
    error = diarization_error(reference, [], collar_s=0.25)
    assert error.total_s == pytest.approx(9.5)


def test_parts():
    reference = [Turn(0.0, 10.0, "a"), Turn(8.0, 12.0, "b")]
    hypothesis = [Turn(1.0, 9.0, "X"), Turn(9.0, 14.0, "Y")]
    # 0-1 missed a; 1-8 right; 8-9 b missed under a; 9-10 b right, a missed; 12-14 false alarm
    assert diarization_error(reference, hypothesis) == DiarizationError(
        total_s=14.0, correct_s=11.0, missed_s=3.0, false_alarm_s=2.0
    )


def test_unknown_is_never_the_right_speaker_and_has_its_own_part():
    reference = [Turn(0.0, 10.0, "a")]
    error = diarization_error(reference, [Turn(0.0, 12.0, UNKNOWN)])
    assert error == DiarizationError(
        total_s=10.0, false_alarm_s=2.0, confusion_s=10.0, unknown_s=10.0
    )


def test_unknown_only_answers_for_speech_that_no_named_speaker_answers_for():
    reference = [Turn(0.0, 10.0, "a"), Turn(0.0, 10.0, "b"), Turn(20.0, 30.0, "c")]
    hypothesis = [Turn(0.0, 10.0, "A"), Turn(20.0, 30.0, "A"), Turn(5.0, 25.0, UNKNOWN)]
    error = diarization_error(reference, hypothesis)
    # 5-10 covers the second voice, 10-20 nobody, 20-25 a voice A already answers for
    assert (error.unknown_s, error.confusion_s) == (5.0, 15.0)
    assert (error.correct_s, error.missed_s, error.false_alarm_s) == (10.0, 5.0, 15.0)


def test_an_empty_uem_scores_nothing():
    assert diarization_error([Turn(0.0, 1.0, "a")], [], uem=[]) == DiarizationError()


def test_pooling_adds_seconds_not_rates():
    long = diarization_error([Turn(0.0, 90.0, "a")], [Turn(0.0, 90.0, "A")])
    short = diarization_error([Turn(0.0, 10.0, "a")], [])
    assert (long + short).rate == pytest.approx(0.1)


def test_a_negative_collar_is_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        diarization_error([], [], collar_s=-0.25)

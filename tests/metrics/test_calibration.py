import pytest

from diarize.metrics.calibration import Bin, calibration
from diarize.records import UNKNOWN, Turn


def test_time_in_the_right_bins():
    reference = [Turn(0.0, 10.0, "a"), Turn(10.0, 20.0, "b")]
    hypothesis = [
        Turn(0.0, 8.0, "A", confidence=0.75),
        Turn(8.0, 18.0, "B", confidence=1.0),  # 8-10 is a: wrong
    ]
    result = calibration(reference, hypothesis)
    assert result.bins[7] == Bin(time_s=8.0, right_s=8.0, confidence_s=6.0)
    assert result.bins[9] == Bin(time_s=10.0, right_s=8.0, confidence_s=10.0)
    assert result.error == pytest.approx((2.0 + 2.0) / 18.0)


def test_overlapping_speakers_are_both_right():
    reference = [Turn(0.0, 10.0, "a"), Turn(0.0, 4.0, "b")]
    hypothesis = [Turn(0.0, 10.0, "A", 1.0), Turn(0.0, 4.0, "B", 1.0)]
    assert calibration(reference, hypothesis).error == 0.0


def test_silence_and_unknown_are_left_out():
    reference = [Turn(0.0, 4.0, "a")]
    hypothesis = [Turn(0.0, 10.0, "A", 1.0), Turn(0.0, 4.0, UNKNOWN, 0.1)]
    result = calibration(reference, hypothesis)
    assert sum(b.time_s for b in result.bins) == 4.0
    assert result.error == 0.0


def test_collar_and_uem_shorten_the_judged_time():
    reference = [Turn(0.0, 10.0, "a")]
    hypothesis = [Turn(0.0, 10.0, "A", 0.5)]
    result = calibration(reference, hypothesis, uem=[(5.0, 20.0)], collar_s=0.25)
    assert result.bins[5] == Bin(time_s=4.75, right_s=4.75, confidence_s=2.375)


def test_pooling_adds_the_bins():
    right = calibration([Turn(0.0, 1.0, "a")], [Turn(0.0, 1.0, "A", 0.5)])
    wrong = calibration(
        [Turn(0.0, 3.0, "a"), Turn(3.0, 4.0, "b")],
        [Turn(0.0, 3.0, "A", 1.0), Turn(3.0, 4.0, "A", 0.5)],
    )
    assert right.error == 0.5
    assert (right + wrong).error == 0.0


def test_nothing_to_judge_has_no_error():
    assert calibration([Turn(0.0, 1.0, "a")], []).error is None


def test_a_confidence_that_is_none_is_refused():
    with pytest.raises(ValueError, match="outside 0–1"):
        calibration([], [Turn(0.0, 1.0, "A", 1.5)])

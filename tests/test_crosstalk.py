"""What leaks from one channel into another is nobody's speech there."""

from __future__ import annotations

import numpy as np
import pytest

from diarize.audio import Recording
from diarize.crosstalk import crosstalk
from diarize.metrics.der import diarization_error
from diarize.pipeline import Pipeline, quiet
from diarize.records import Float32
from tests.judging import DIANE, SHEILA, TRUTH, spoken

LATE = 80
"""5 ms."""


def call(speech: Float32, leak_db: float) -> Float32:
    """Diane on one channel, Sheila on the other, shape (2, samples); each is heard on both."""
    diane, sheila = (spoken(who, len(speech)) for who in (DIANE, SHEILA))
    sides = np.stack([speech * (diane & ~sheila), speech * (sheila & ~diane)])
    noise = 3e-5 * np.random.RandomState(1).standard_normal(sides.shape)
    leaked = np.pad(sides[::-1], ((0, 0), (LATE, 0)))[:, :-LATE] * 10 ** (leak_db / 20)
    return np.asarray(sides + leaked + noise, np.float32)


def recording(samples: Float32) -> Recording:
    return Recording.from_array(samples, 16_000, keep_channels=True)


def test_it_is_told_from_what_is_said_there(speech: Float32) -> None:
    stereo = call(speech, -25)
    found = np.zeros(stereo.shape, bool)
    for leaked, regions in zip(found, crosstalk(recording(stereo), quiet), strict=True):
        for start, end in regions.tolist():
            leaked[start:end] = True
    diane, sheila = (spoken(who, len(speech)) for who in (DIANE, SHEILA))
    assert found[0, sheila & ~diane].mean() > 0.9
    assert found[1, diane & ~sheila].mean() > 0.9
    assert found[0, diane & ~sheila].mean() < 0.03
    assert found[1, sheila & ~diane].mean() < 0.03


def test_nothing_leaks_into_one_channel_or_out_of_silence(speech: Float32) -> None:
    beside_silence = np.stack([speech, np.zeros_like(speech)])
    for samples in (speech, beside_silence):
        assert all(len(regions) == 0 for regions in crosstalk(recording(samples), quiet))


def test_a_word_on_the_other_side_takes_next_to_nothing_away(speech: Float32) -> None:
    """One word of Sheila's in the other channel, at ten places."""
    word, lost = speech[round(21.7 * 16_000) : round(22.4 * 16_000)], 0.0
    for at_s in range(8, 28, 2):
        sides = np.zeros((2, len(speech)), np.float32)
        sides[0], sides[1, at_s * 16_000 : at_s * 16_000 + len(word)] = speech, word
        for side, regions in zip(sides, crosstalk(recording(sides), quiet), strict=True):
            lost += sum(float(np.square(side[a:b]).sum()) for a, b in regions.tolist())
    assert lost < 0.002 * 10 * np.square(speech).sum()


def test_of_one_sound_in_two_channels_the_first_has_it(speech: Float32) -> None:
    first, second = crosstalk(recording(np.stack([speech, 0.7 * speech])), quiet)
    assert len(first) == 0
    assert np.diff(second).sum() > 22 * 16_000


def test_a_channel_where_nobody_speaks_takes_nothing_from_another(speech: Float32) -> None:
    noise = 0.003 * np.std(speech) * np.random.RandomState(1).standard_normal(len(speech))
    listener = 0.01 * np.roll(speech, LATE) + noise
    both = np.stack([speech, np.asarray(listener, np.float32)])
    own, leaked = crosstalk(recording(both), quiet)
    assert len(own) == 0
    assert np.diff(leaked).sum() > 20 * 16_000


def test_the_progress_hook_can_end_it(speech: Float32) -> None:
    def end(stage: str, done: float) -> None:
        raise InterruptedError(stage)

    with pytest.raises(InterruptedError, match="speech"):
        crosstalk(recording(np.stack([speech, speech])), end)


def test_nobody_is_heard_twice(speech: Float32) -> None:
    """Taken for speech: a DER of 1.05, four speakers."""
    result = Pipeline(channels="separate").turns(call(speech, -20), sample_rate_hz=16_000)
    assert result.speakers == ("A", "B")
    assert diarization_error(TRUTH, result.turns).rate < 0.2

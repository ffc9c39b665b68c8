"""The level of a recording: what it is, and the gain that makes it usual."""

from __future__ import annotations

import numpy as np
import pytest

from diarize.audio import Recording
from diarize.audio.level import LevelMeter
from diarize.records import Float32


def square(level_db: float, seconds: float) -> Float32:
    """A square wave, whose level is its height."""
    return np.resize(np.float32([1, -1]), round(seconds * 16_000)) * np.float32(
        10 ** (level_db / 20)
    )


@pytest.mark.parametrize(
    ("level_db", "gain"),
    [
        (-39.9, 1),
        (-10.1, 1),
        (-40.1, 4),
        (-9.9, 0.125),
        (-74, 256),
        (-100, 512),
        (64, 2**-15),
    ],
)
def test_the_gain_is_a_power_of_two(level_db: float, gain: float) -> None:
    sound = square(level_db, 0.7)
    with Recording.from_array(sound, 16_000) as recording:
        assert recording.gain == gain
        assert (recording.read(3, 9) == sound[3:9]).all()
        assert (recording.hear(3, 9) == sound[3:9] * gain).all()


def test_the_level_is_that_of_the_loud_parts_but_not_of_one_bang() -> None:
    meter = LevelMeter()
    for sound in (square(-60, 90), square(-30, 9.7), square(0, 0.3), square(-60, 0.1)):
        meter.add(sound)
    assert meter.level_db() == pytest.approx(-30, abs=0.1)


def test_rare_speech_in_a_quiet_room_is_not_made_a_roar() -> None:
    meter = LevelMeter()
    for sound in (square(-70, 300), square(-20, 4), square(-70, 300)):
        meter.add(sound)
    assert meter.level_db() == pytest.approx(-32, abs=0.1)


def test_an_offset_is_in_nobody_s_way() -> None:
    """Sound at -50 dB on a direct current of -34 dB; one at -50 dB again under sound at -25 dB."""
    faint = square(-50, 2)
    with Recording.from_array(faint + np.float32(0.02), 16_000) as recording:
        assert recording.levels_db == pytest.approx([-50], abs=0.1)
        heard = recording.hear(-2, 2) / recording.gain
        assert heard == pytest.approx([0, 0, faint[0], faint[1]], abs=1e-6)
    with Recording.from_array(square(-25, 2) + np.float32(0.003), 16_000) as recording:
        assert (recording.hear(0, 2) == recording.read(0, 2)).all()


def test_silence_stays_as_it_is() -> None:
    for n_samples in (0, 1, 20_000):
        assert Recording.from_array(np.zeros(n_samples), 16_000).gain == 1


def test_what_leaks_into_another_channel_stays_as_quiet() -> None:
    both = np.stack([square(-4, 1), square(-44, 1)])
    with Recording.from_array(both, 16_000, keep_channels=True) as recording:
        assert recording.gain == 0.0625
        assert abs(recording.hear(0, 1, channel=1)[0]) == pytest.approx(10 ** (-44 / 20) / 16)

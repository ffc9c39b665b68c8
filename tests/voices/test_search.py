"""Where a voice speaks, and which clips are one person's."""

from __future__ import annotations

import numpy as np
import pytest

from diarize.voices.errors import VoiceError
from diarize.voices.group import group_clips
from diarize.voices.scoring import Calibration
from diarize.voices.search import Finding, Segments, find_voice

from .people import voice, voiceprint

KNOWN = Calibration(threshold=0.5, midpoint=0.5, slope=20.0)


def segments(*windows: tuple[float, float, int]) -> Segments:
    """Windows (start, end, who) of one recording."""
    starts, ends, who = zip(*windows, strict=True)
    vectors = np.stack([voice(person, take=1) for person in who])
    return Segments(vectors, np.array(starts), np.array(ends))


def test_finds_the_stretches_and_joins_their_windows() -> None:
    recordings = {
        "monday": segments((0, 3, 1), (1, 4, 1), (2, 5, 1), (20, 23, 2), (30, 33, 1)),
        "tuesday": segments((0, 3, 2), (5, 8, 3)),
        "silence": Segments(np.zeros((0, 256), np.float32), np.zeros(0), np.zeros(0)),
    }
    score = float(voice(1) @ voice(1, take=1))
    found = find_voice([voiceprint(1)], recordings, KNOWN)
    assert [(f.recording, f.start, f.end) for f in found] == [("monday", 0, 5), ("monday", 30, 33)]
    assert [f.score for f in found] == pytest.approx([score, score], abs=1e-6)
    assert found[0].confidence > 0.99


def test_a_moment_belongs_to_the_voice_if_its_windows_say_so_on_average() -> None:
    # From 2 to 3 s one window says yes (0.95) and one says no (0): 0.47 is below the threshold.
    found = find_voice([voiceprint(1)], {"r": segments((0, 3, 1), (2, 5, 2))}, KNOWN)
    assert [(f.start, f.end) for f in found] == [(0, 2)]


def test_a_stranger_is_found_nowhere() -> None:
    assert find_voice([voiceprint(9)], {"r": segments((0, 3, 1), (2, 5, 2))}, KNOWN) == ()


def test_no_voice_is_refused() -> None:
    with pytest.raises(VoiceError, match="no voice"):
        find_voice([], {}, KNOWN)
    assert isinstance(find_voice([voiceprint(1)], {"r": segments((0, 1, 1))}, KNOWN)[0], Finding)


def test_groups_are_the_people_in_order_of_appearance() -> None:
    who = [5, 2, 5, 9, 2, 5]
    clips = [voiceprint(person, take) for take, person in enumerate(who)]
    assert group_clips(clips, KNOWN).tolist() == [0, 1, 0, 2, 1, 0]


def test_few_and_too_many_clips() -> None:
    assert group_clips([], KNOWN).tolist() == []
    assert group_clips([voiceprint(1)], KNOWN).tolist() == [0]
    with pytest.raises(VoiceError, match="too many"):
        group_clips([voiceprint(1)] * 8_001, KNOWN)

"""Where a voice speaks, and which clips are one person's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diarize.records import Result, Turn
from diarize.voices.errors import VoiceError
from diarize.voices.group import group_clips
from diarize.voices.scoring import Calibration
from diarize.voices.search import find_voice

from .people import voice, voiceprint

KNOWN = Calibration(threshold=0.5, midpoint=0.5, slope=20.0)
TURNS = (Turn(0, 2, "A"), Turn(2, 5, "B"), Turn(4.5, 6, "A"), Turn(6.5, 9, "A"), Turn(20, 21, "A"))
MEETING = Result("monday", 30.0, TURNS, TURNS)
SPEAKERS = {"A": voiceprint(1, take=1), "B": voiceprint(2, take=1)}


def test_finds_the_turns_of_the_voice_and_joins_what_is_near() -> None:
    found = find_voice([voiceprint(1)], MEETING, SPEAKERS, KNOWN, "monday.wav")
    assert [(f.start, f.end) for f in found] == [(0, 2), (4.5, 9), (20, 21)]
    assert {f.recording for f in found} == {"monday.wav"}
    assert found[0].score == pytest.approx(float(voice(1) @ voice(1, take=1)), abs=1e-6)
    assert found[0].confidence > 0.99


def test_the_nearest_of_several_voiceprints_counts() -> None:
    found = find_voice([voiceprint(9), voiceprint(2)], MEETING, SPEAKERS, KNOWN, "monday.wav")
    assert [(f.start, f.end) for f in found] == [(2, 5)]


def test_a_person_is_one_speaker_of_a_recording() -> None:
    near = replace(voiceprint(1), embedding=voice(1) * 0.9 + voice(2) * 0.8)
    anybody = replace(KNOWN, threshold=-1.0)
    assert find_voice([near], MEETING, SPEAKERS, anybody, "")[0].start == 0
    assert find_voice([voiceprint(2)], MEETING, SPEAKERS, anybody, "")[0].start == 2


def test_a_stranger_is_found_nowhere() -> None:
    assert find_voice([voiceprint(9)], MEETING, SPEAKERS, KNOWN, "monday.wav") == ()
    assert find_voice([voiceprint(1)], MEETING, {}, KNOWN, "monday.wav") == ()


def test_no_voice_is_refused() -> None:
    with pytest.raises(VoiceError, match="no voice"):
        find_voice([], MEETING, SPEAKERS, KNOWN, "monday.wav")


def test_groups_are_the_people_in_order_of_appearance() -> None:
    who = [5, 2, 5, 9, 2, 5]
    clips = [voiceprint(person, take) for take, person in enumerate(who)]
    assert group_clips(clips, KNOWN).tolist() == [0, 1, 0, 2, 1, 0]


def test_few_and_too_many_clips() -> None:
    assert group_clips([], KNOWN).tolist() == []
    assert group_clips([voiceprint(1)], KNOWN).tolist() == [0]
    with pytest.raises(VoiceError, match="too many"):
        group_clips([voiceprint(1)] * 8_001, KNOWN)

from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.metrics.diarization import DiarizationSpeakerCountError

from diarize.metrics.speaker_count import SpeakerCount, speaker_count
from diarize.records import UNKNOWN, Turn

from .judges import pyannote_rate, regions, turns


@settings(deadline=None)  # the first call imports much
@given(turns("abcd"), turns("wxyz"), st.none() | regions)
def test_equals_pyannote_on_random_turns(reference, hypothesis, uem):
    theirs = pyannote_rate(DiarizationSpeakerCountError(), reference, hypothesis, uem)
    assert abs(speaker_count(reference, hypothesis, uem=uem).error) == theirs["error"]


def test_unknown_is_no_speaker():
    reference = [Turn(0.0, 1.0, "a"), Turn(1.0, 2.0, "b")]
    count = speaker_count(reference, [Turn(0.0, 1.0, "A"), Turn(1.0, 2.0, UNKNOWN)])
    assert count == SpeakerCount(reference=2, hypothesis=1)
    assert (count.error, count.exact) == (-1, False)


def test_a_voice_outside_the_uem_does_not_count():
    reference = [Turn(0.0, 1.0, "a"), Turn(5.0, 6.0, "b")]
    assert speaker_count(reference, [], uem=[(0.0, 2.0)]).reference == 1

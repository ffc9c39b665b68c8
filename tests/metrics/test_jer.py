import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyannote.metrics.diarization import JaccardErrorRate

from diarize.metrics.jer import JaccardError, jaccard_error
from diarize.records import UNKNOWN, Turn

from .judges import pyannote_rate, regions, turns


@settings(deadline=None)  # the first call imports much
@given(
    turns("abcd"),
    turns("wxyz"),
    st.none() | regions,
    st.sampled_from([0.0, 0.125, 0.25]),
    st.booleans(),
)
def test_equals_pyannote_on_random_turns(reference, hypothesis, uem, collar_s, skip_overlap):
    judge = JaccardErrorRate(collar=2 * collar_s, skip_overlap=skip_overlap)
    theirs = pyannote_rate(judge, reference, hypothesis, uem)
    ours = jaccard_error(
        reference, hypothesis, uem=uem, collar_s=collar_s, skip_overlap=skip_overlap
    )
    assert ours.rate == pytest.approx(theirs["jaccard error rate"], abs=1e-6)
    assert ours.speakers == theirs["speaker count"]


def test_each_speaker_weighs_the_same():
    reference = [Turn(0.0, 100.0, "a"), Turn(100.0, 101.0, "b"), Turn(102.0, 104.0, "c")]
    hypothesis = [Turn(0.0, 100.0, "A"), Turn(102.0, 103.0, "C")]
    assert jaccard_error(reference, hypothesis) == JaccardError(speakers=3, error_sum=0.0 + 1 + 0.5)


def test_unknown_is_no_speaker():
    assert jaccard_error([Turn(0.0, 1.0, "a")], [Turn(0.0, 1.0, UNKNOWN)]).rate == 1.0


def test_pooling_weighs_speakers_not_recordings():
    pooled = JaccardError(speakers=3, error_sum=0.0) + JaccardError(speakers=1, error_sum=1.0)
    assert pooled.rate == 0.25

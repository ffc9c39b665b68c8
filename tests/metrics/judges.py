"""The field's scorers, fed with our records, and random conversations to compare on."""

import warnings

from hypothesis import strategies as st
from pyannote.core import Annotation, Segment, Timeline

from diarize.records import Turn, Utterance

# Sixty-fourths of a second are exact in binary: equal overlaps tie exactly, on both sides.
TICK_S = 1 / 64

regions = st.lists(
    st.tuples(st.integers(0, 1500), st.integers(1, 700)).map(
        lambda t: (t[0] * TICK_S, (t[0] + t[1]) * TICK_S)
    ),
    max_size=3,
)


def turns(speakers: str, **options):
    """Lists of turns, which may touch, overlap or repeat."""
    turn = st.builds(
        lambda start, length, speaker: Turn(start * TICK_S, (start + length) * TICK_S, speaker),
        st.integers(0, 1500),
        st.integers(1, 500),
        st.sampled_from(speakers),
    )
    return st.lists(turn, max_size=14, **options)


def utterances(speakers: str):
    utterance = st.builds(
        lambda start, speaker, words: Utterance(speaker, start, start + 1.0, " ".join(words)),
        st.integers(0, 8).map(float),
        st.sampled_from(speakers),
        st.lists(st.sampled_from("abcd"), max_size=5),
    )
    return st.lists(utterance, min_size=1, max_size=8)


def pyannote_rate(metric, reference, hypothesis, uem=None):
    """The judge's components for one recording, as a dict."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "uem was approximated": what we test
        return metric(
            _annotation(reference),
            _annotation(hypothesis),
            uem=None if uem is None else Timeline([Segment(*region) for region in uem]),
            detailed=True,
        )


def _annotation(turns_: list[Turn]) -> Annotation:
    annotation = Annotation()
    for track, turn in enumerate(turns_):
        annotation[Segment(turn.start, turn.end), track] = turn.speaker
    return annotation


def seglst(utterances_: list[Utterance]):
    from meeteval.io import SegLST

    return SegLST(
        [
            {
                "session_id": "s",
                "speaker": u.speaker,
                "start_time": u.start,
                "end_time": u.end,
                "words": u.text,
            }
            for u in utterances_
        ]
    )

"""Results the format tests write, and the strategies that invent more."""

from pathlib import Path

from hypothesis import strategies as st

from diarize.formats import rttm, stm
from diarize.records import Named, Result, Turn, Utterance, Word, join_words

DATA = Path(__file__).parents[1] / "data"

EMPTY = Result("silence", 12.5, (), ())

TURNS_ONLY = Result(
    "call", 4.0, (Turn(0.5, 2.0, "A", 0.9), Turn(1.5, 3.25, "UNKNOWN", 0.4)), (Turn(0.5, 2.0, "A"),)
)

WORDS = (
    Word("Neither", 9.838, 10.1, 0.98, "Sheila"),
    Word("did", 10.1, 10.4, 0.75, "Sheila"),
    Word("I.", 10.4, 10.78, 0.5, "Sheila"),
)
SPOKEN = Result(
    "call",
    12.0,
    (Turn(9.8, 10.8, "Sheila", 0.9),),
    (Turn(9.8, 10.8, "Sheila", 0.9),),
    (Utterance("Sheila", 9.838, 10.78, "Neither did I.", WORDS, 0.875),),
    "en",
)

HOSTILE_NAMES = (
    "A B", "a\nb", "<v>", "-->", "tab\there", 'say "hi"', "🦊", " lead", "trail ", "two  blanks",
    "A: b", "]: x", ";;", "100%", "%41", "a\u2028b", "\ud800", "Zoë & <b>Co</b>", "\xa0", '"',
)  # fmt: skip


def sample() -> Result:
    """The sample conversation as its reference files have it, words spread over their utterance."""
    utterances = []
    for u in stm.read((DATA / "sample.stm").read_text())["sample"]:
        parts = u.text.split()
        step = (u.end - u.start) / len(parts)
        words = tuple(
            Word(part, round(u.start + i * step, 3), round(u.start + (i + 1) * step, 3))
            for i, part in enumerate(parts)
        )
        utterances.append(Utterance(u.speaker, u.start, u.end, u.text, words))
    turns = rttm.read((DATA / "sample.rttm").read_text())["sample"]
    return Result("sample", 30.0, turns, turns, tuple(utterances), "en")


def speaking(speaker: str, text: str = "Hello there.", name: str = "call") -> Result:
    """One utterance from 1 s to 2.5 s."""
    words = tuple(Word(part, 1.0, 2.5, 0.5, speaker) for part in text.split())
    turn = Turn(1.0, 2.5, speaker)
    return Result(name, 4.0, (turn,), (turn,), (Utterance(speaker, 1.0, 2.5, text, words),), "en")


names = st.text(st.characters(), min_size=1, max_size=12)
"""Any name at all, surrogates and control characters included."""

_seconds = st.integers(0, 200_000_000).map(lambda ms: ms / 1000)
_probability = st.floats(0, 1)
_span = st.tuples(_seconds, st.integers(1, 100_000)).map(
    lambda span: (span[0], round(span[0] + span[1] / 1000, 3))
)


@st.composite
def _utterances(draw: st.DrawFn) -> Utterance:
    start, end = draw(_span)
    words = []
    for text in draw(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))):
        at, until = sorted((draw(st.floats(start, end)), draw(st.floats(start, end))))
        words.append(Word(text, at, until, draw(_probability), "A", draw(st.booleans())))
    return Utterance(
        draw(st.text(min_size=1)), start, end, join_words(words), tuple(words), draw(_probability)
    )


_turns = st.lists(
    st.builds(lambda span, s, c: Turn(*span, s, c), _span, st.text(min_size=1), _probability)
)
results = st.builds(
    Result,
    st.text(min_size=1),
    _seconds,
    _turns.map(tuple),
    _turns.map(tuple),
    st.lists(_utterances()).map(lambda found: tuple(sorted(found, key=lambda u: u.start))),
    st.none() | st.just("de"),
    st.lists(st.builds(Named, st.text(min_size=1), st.floats(-1, 1), _probability)).map(tuple),
)
"""Results with every field filled."""

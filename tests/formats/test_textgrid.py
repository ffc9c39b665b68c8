import pytest

from diarize.errors import FormatError
from diarize.formats import textgrid
from diarize.records import Result, Utterance

from .samples import EMPTY, sample

OVERLAPPING = Result(
    "a",
    5.0,
    (),
    (),
    (
        Utterance("A", 1.0, 3.0, 'say "hi"'),
        Utterance("B", 2.0, 5.0, "over"),
        Utterance("A", 2.5, 4.0, "late"),
        Utterance("A", 2.6, 2.9, "within"),
    ),
)
LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 5.000
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "A"
        xmin = 0
        xmax = 5.000
        intervals: size = 4
        intervals [1]:
            xmin = 0.000
            xmax = 1.000
            text = ""
        intervals [2]:
            xmin = 1.000
            xmax = 3.000
            text = "say ""hi\"""
        intervals [3]:
            xmin = 3.000
            xmax = 4.000
            text = "late within"
        intervals [4]:
            xmin = 4.000
            xmax = 5.000
            text = ""
    item [2]:
        class = "IntervalTier"
        name = "B"
        xmin = 0
        xmax = 5.000
        intervals: size = 2
        intervals [1]:
            xmin = 0.000
            xmax = 2.000
            text = ""
        intervals [2]:
            xmin = 2.000
            xmax = 5.000
            text = "over"
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"
0 5 <exists> 2 ! what Praat allows
"TextTier" "clicks" 0 5 1
1.5 "click"
"IntervalTier" "A"
0 5 2
0 3 "here"
3 5 ""
"""


def test_tiers_tile_though_a_speaker_overlaps_itself() -> None:
    assert textgrid.write(OVERLAPPING) == LONG
    assert textgrid.read(LONG) == (
        Utterance("A", 1.0, 3.0, 'say "hi"'),
        Utterance("B", 2.0, 5.0, "over"),
        Utterance("A", 3.0, 4.0, "late within"),
    )


def test_the_sample_comes_back() -> None:
    expected = [(u.speaker, u.start, u.end, u.text) for u in sample().utterances]
    found = textgrid.read(textgrid.write(sample()))
    assert [(u.speaker, u.start, u.end, u.text) for u in found] == expected


def test_an_utterance_of_no_length_keeps_its_text() -> None:
    instant = Result("a", 1.0, (), (), (Utterance("A", 0.5, 0.5, "oh"),))
    assert textgrid.read(textgrid.write(instant)) == (Utterance("A", 0.5, 0.501, "oh"),)


def test_the_short_form_comments_and_point_tiers() -> None:
    assert textgrid.read(SHORT) == (Utterance("A", 0.0, 3.0, "here"),)


def test_nobody_speaks() -> None:
    assert textgrid.read(textgrid.write(EMPTY)) == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Hello", "cut short"),
        (LONG.replace("ooTextFile", "Text"), "not a TextGrid"),
        (LONG[:-40], "cut short"),
        (LONG.replace("size = 2", "size = 1" + "0" * 5000, 1), "expected a count"),
        (SHORT.replace("3 5 ", "4 5 "), "tier 'A' does not tile"),
        (SHORT.replace("3 5 ", "3 4 "), "ends at 4.0 s, not at 5.0 s"),
    ],
)
def test_a_broken_file_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(FormatError, match=f"x.TextGrid: .*{complaint}"):
        textgrid.read(text, source="x.TextGrid")

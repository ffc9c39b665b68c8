from pathlib import Path

import meeteval
import pytest
from pyannote.database.util import load_rttm

from diarize.errors import FormatError
from diarize.formats import rttm
from diarize.records import Result, Turn

from .samples import DATA, TURNS_ONLY, sample


def test_the_line_to_the_letter() -> None:
    assert rttm.write(TURNS_ONLY) == (
        "SPEAKER call 1 0.500 1.500 <NA> <NA> A <NA> <NA>\n"
        "SPEAKER call 1 1.500 1.750 <NA> <NA> UNKNOWN <NA> <NA>\n"
    )


def test_the_sample_comes_back() -> None:
    text = (DATA / "sample.rttm").read_text()
    assert rttm.write(sample()) == text
    assert rttm.read(text)["sample"][0] == Turn(6.69, 7.12, "speaker90")


def test_reading_nine_or_ten_fields_comments_and_other_records() -> None:
    text = (
        ";; a comment\n"
        "SPKR-INFO b 1 <NA> <NA> <NA> unknown B <NA>\n"
        "SPEAKER b 1 3 1.5 <NA> <NA> B <NA>\r\n"
        "\n"
        "SPEAKER a 1 2.000 1.000 <NA> <NA> A 0.5 <NA>\n"
        "SPEAKER b 1 1.000 0.500 <NA> <NA> C <NA> <NA>\n"
    )
    assert rttm.read(text) == {
        "b": (Turn(1.0, 1.5, "C"), Turn(3.0, 4.5, "B")),
        "a": (Turn(2.0, 3.0, "A"),),
    }


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("SPEAKER a 1 2.0 1.0 <NA> <NA> A", "x.rttm, line 2: a record has 9 or 10 fields"),
        ("this is no rttm", "x.rttm, line 2: a record has 9 or 10 fields"),
        ("SPEAKER a 1 two 1.0 <NA> <NA> A <NA>", "'two' is not a time"),
        ("SPEAKER a 1 2.0 -1.0 <NA> <NA> A <NA>", "-1.0 s"),
        ("SPEAKER a 1 nan 1.0 <NA> <NA> A <NA>", "nan"),
        ("SPEAKER a 1 1e308 1e308 <NA> <NA> A <NA>", r"of 1e308 s: times go from 0 to 1e\+12 s"),
        ("SPEAKER a 1 6e11 6e11 <NA> <NA> A <NA>", "line 2: .* is not a span of time"),
    ],
)
def test_a_broken_record_is_refused(line: str, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        rttm.read("\n" + line, source="x.rttm")


def test_a_turn_that_rounds_to_nothing_is_left_out() -> None:
    assert rttm.write(Result("a", 1.0, (Turn(0.5001, 0.5002, "A"),), ())) == ""


def test_pyannote_and_meeteval_read_it(tmp_path: Path) -> None:
    turns = (Turn(0.5, 2.0, 'say "hi"'), Turn(1.5, 3.25, "A B"), Turn(3.5, 4.0, '"'))
    path = tmp_path / "my call.rttm"
    path.write_text(rttm.write(Result("my call", 4.0, turns, turns)))

    annotations = load_rttm(path)
    assert list(annotations) == ["my%20call"]
    assert [
        (s.start, s.end, label) for s, _, label in annotations["my%20call"].itertracks(True)
    ] == [
        (0.5, 2.0, "say%20%22hi%22".replace("%22", '"')),
        (1.5, 3.25, "A%20B"),
        (3.5, 4.0, "%22"),
    ]
    lines = meeteval.io.RTTM.load(path).lines
    assert [line.speaker_id for line in lines] == ['say%20"hi"', "A%20B", "%22"]

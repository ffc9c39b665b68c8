"""The formats for reading and for sheets: txt, TSV, Audacity labels."""

import pytest

from diarize.errors import FormatError
from diarize.formats import audacity, tsv, txt
from diarize.records import Utterance

from .samples import SPOKEN, TURNS_ONLY, sample


def test_txt_to_the_letter() -> None:
    assert txt.write(SPOKEN) == "[00:00:09] Sheila: Neither did I.\n"
    assert txt.write(TURNS_ONLY) == (
        "[00:00:00.5 - 00:00:02.0] A\n[00:00:01.5 - 00:00:03.2] UNKNOWN\n"
    )


def test_txt_wrapped_to_a_terminal() -> None:
    assert txt.write(sample(), width=60).split("\n")[5:7] == [
        "[00:00:10] Diane: Okay, then I thought you know, I heard a",
        "           beep.",
    ]


def test_txt_comes_back() -> None:
    found = txt.read(txt.write(sample()))
    assert [(u.speaker, u.text) for u in found] == [
        (u.speaker, u.text) for u in sample().utterances
    ]
    assert (found[0].start, found[0].end) == (6.0, 7.0)
    with pytest.raises(FormatError, match=r"a.txt, line 1: not of the form"):
        txt.read("Hello", source="a.txt")


def test_tsv_to_the_letter() -> None:
    expected = "start\tend\ttext\tspeaker\n9838\t10780\tNeither did I.\tSheila\n"
    assert tsv.write(SPOKEN) == expected
    assert tsv.read(expected) == (Utterance("Sheila", 9.838, 10.78, "Neither did I."),)
    assert tsv.write(TURNS_ONLY).split("\n")[1] == "500\t2000\t\tA"


def test_tsv_of_another_form_is_refused() -> None:
    with pytest.raises(FormatError, match=r"a.tsv: the first line is not"):
        tsv.read("start\tend\ttext\n", source="a.tsv")
    with pytest.raises(FormatError, match=r"a.tsv, line 2: expected start and end in ms"):
        tsv.read("start\tend\ttext\tspeaker\n1.5\t2\tx\tA\n", source="a.tsv")
    with pytest.raises(FormatError, match=r"a.tsv, line 2: from 2.0 s to 1.5 s is not a span"):
        tsv.read("start\tend\ttext\tspeaker\n2000\t1500\tx\tA\n", source="a.tsv")
    with pytest.raises(FormatError, match=r"a.tsv, line 2: expected start and end in ms"):
        tsv.read(f"start\tend\ttext\tspeaker\n1\t1{'0' * 400}\tx\tA\n", source="a.tsv")


def test_audacity_to_the_letter() -> None:
    expected = "9.838000\t10.780000\tSheila: Neither did I.\n"
    assert audacity.write(SPOKEN) == expected
    assert audacity.read(expected + "\\\t100.0\t200.0\n") == (
        Utterance("Sheila", 9.838, 10.78, "Neither did I."),
    )
    assert audacity.write(TURNS_ONLY).split("\n")[0] == "0.500000\t2.000000\tA"
    with pytest.raises(FormatError, match=r"labels.txt, line 1: expected start, end and label"):
        audacity.read("1.0 2.0 A", source="labels.txt")

from dataclasses import replace
from pathlib import Path

import meeteval
import pytest

from diarize.errors import FormatError
from diarize.formats import ctm
from diarize.records import Word

from .samples import SPOKEN, sample


def test_the_line_to_the_letter_and_back() -> None:
    text = ctm.write(SPOKEN)
    assert text == (
        "call 1 9.838 0.262 Neither 0.9800\n"
        "call 1 10.100 0.300 did 0.7500\n"
        "call 1 10.400 0.380 I. 0.5000\n"
    )
    assert ctm.read(text) == {
        "call": (
            Word("Neither", 9.838, 10.1, 0.98),
            Word("did", 10.1, 10.4, 0.75),
            Word("I.", 10.4, 10.78, 0.5),
        )
    }


def test_a_word_with_a_blank_becomes_two() -> None:
    words = (Word("10 000", 1.0, 1.5),)
    utterance = replace(SPOKEN.utterances[0], text="10 000", words=words)
    text = ctm.write(replace(SPOKEN, utterances=(utterance,)))
    assert text == "call 1 1.000 0.200 10 1.0000\ncall 1 1.200 0.300 000 1.0000\n"


def test_text_without_word_times_is_refused() -> None:
    bare = replace(SPOKEN, utterances=(replace(SPOKEN.utterances[0], words=()),))
    with pytest.raises(FormatError, match=r"call: the utterance at 9.838 s has no word times"):
        ctm.write(bare)


def test_a_broken_line_is_refused() -> None:
    with pytest.raises(FormatError, match=r"hyp.ctm, line 2: expected file, channel"):
        ctm.read(";; c\na 1 0.0 1.0", source="hyp.ctm")
    with pytest.raises(FormatError, match="'high' is not a confidence"):
        ctm.read("a 1 0.0 1.0 word high")


def test_meeteval_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "sample.ctm"
    path.write_text(ctm.write(sample()))
    assert meeteval.io.CTM.load(path).merged_transcripts() == sample().text

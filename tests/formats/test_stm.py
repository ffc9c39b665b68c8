from pathlib import Path

import meeteval
import pytest

from diarize.errors import FormatError
from diarize.formats import stm
from diarize.records import Utterance

from .samples import DATA, SPOKEN, sample, speaking


def test_the_line_to_the_letter() -> None:
    assert stm.write(SPOKEN) == "call 1 Sheila 9.838 10.780 Neither did I.\n"


def test_reading_labels_and_comments() -> None:
    text = (
        ";; a comment\n"
        "b A bob 2.5 3 <o,f0,male> second words\n"
        "b A ann 0.0 1.25 <O> first\n"
        "c 1 ann 0 1\n"
    )
    assert stm.read(text) == {
        "b": (Utterance("ann", 0.0, 1.25, "first"), Utterance("bob", 2.5, 3.0, "second words")),
        "c": (Utterance("ann", 0.0, 1.0, ""),),
    }


def test_what_sclite_takes_for_nobody_is_left_out() -> None:
    text = (
        "a 1 inter_segment_gap 0 1\n"
        "a 1 ann 1 2 <o> hello\n"
        "a 1 excluded 2.5 3 <o> IGNORE_TIME_SEGMENT_IN_SCORING\n"
        "b 1 Inter_Segment_Gap 0 9 <o>\n"
    )
    assert stm.read(text) == {"a": (Utterance("ann", 1.0, 2.0, "hello"),), "b": ()}
    assert stm.read_ignored(text) == {"a": ((2.5, 3.0),)}


def test_words_like_a_label_are_words() -> None:
    text = stm.write(speaking("A", "<laugh> hello"))
    assert text == "call 1 A 1.000 2.500 <o> <laugh> hello\n"
    assert stm.read(text)["call"][0].text == "<laugh> hello"


def test_a_broken_line_is_refused() -> None:
    with pytest.raises(FormatError, match=r"ref.stm, line 1: expected file, channel, speaker"):
        stm.read("a 1 A 0.0", source="ref.stm")


def test_meeteval_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "sample.stm"
    path.write_text(stm.write(sample()))
    reference = meeteval.io.STM.load(DATA / "sample.stm").lines
    for ours, theirs in zip(meeteval.io.STM.load(path).lines, reference, strict=True):
        assert (ours.filename, ours.speaker_id, ours.begin_time, ours.end_time) == (
            theirs.filename,
            theirs.speaker_id,
            theirs.begin_time,
            theirs.end_time,
        )
        assert ours.transcript == theirs.transcript

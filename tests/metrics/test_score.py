import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from diarize.errors import FormatError
from diarize.formats import json, rttm, seglst, stm
from diarize.metrics.report import Pair, render, score_recordings
from diarize.metrics.score import score_paths
from diarize.records import UNKNOWN, Result, Turn, Utterance

DATA = Path(__file__).parent.parent / "data"

MEETING = Result(
    name="meeting",
    duration=20.0,
    turns=(Turn(0.0, 10.0, "A"), Turn(10.0, 18.0, "B")),
    exclusive=(),
    utterances=(
        Utterance("A", 0.0, 10.0, "Hello there, you two."),
        Utterance("B", 10.0, 18.0, "hello"),
    ),
    language="en",
)


TABLE = """\
DER with its parts and JER, %: no collar, overlap scored, first to last turn of either side
(unknown: the part of confusion that is labelled UNKNOWN; speakers: found/true)

recording    DER  missed  false alarm  confusion  unknown    JER      speakers  off by  speech s
------------------------------------------------------------------------------------------------
one name   20.00   10.00         0.00      10.00    10.00  50.00           1/2      -1      10.0
silence     0.00       –            –          –        –      –           0/0      +0       0.0
------------------------------------------------------------------------------------------------
all        20.00   10.00         0.00      10.00    10.00  50.00  1 of 2 exact    0.50      10.0

WER, cpWER and words under the wrong speaker (WDER), %
(in lower case without punctuation; raw: as written)

recording    WER  cpWER  WDER  raw WER  raw cpWER  raw WDER  words
------------------------------------------------------------------
one name   50.00  50.00  0.00   100.00     100.00      0.00      2
------------------------------------------------------------------
all        50.00  50.00  0.00   100.00     100.00      0.00      2

A note
"""


@pytest.fixture
def reference(tmp_path) -> Path:
    """A folder with two recordings: `meeting` with words, `call` without."""
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "meeting.rttm").write_text(
        "SPEAKER meeting 1 0.000 10.000 <NA> <NA> ann <NA> <NA>\n"
        "SPEAKER meeting 1 10.000 10.000 <NA> <NA> bob <NA> <NA>\n"
    )
    (folder / "meeting.stm").write_text(
        "meeting 1 ann 0 9 hello there you two\nmeeting 1 bob 10 19 hello ann\n"
    )
    (folder / "call.rttm").write_text("SPEAKER call 1 0.000 5.000 <NA> <NA> cyd <NA> <NA>\n")
    return folder


@pytest.fixture
def hypothesis(tmp_path) -> Path:
    folder = tmp_path / "hypothesis"
    folder.mkdir()
    return folder


def test_the_truth_scores_zero():
    report = score_paths(DATA / "sample.rttm", DATA / "sample.rttm")
    assert [file.name for file in report.files] == ["sample"]
    assert report.der.rate == report.jer.rate == 0.0
    assert report.exact_counts == 1
    assert report.notes == ()


def test_a_folder_with_turns_and_words(reference, hypothesis):
    (hypothesis / "meeting.json").write_text(json.write(MEETING))
    (hypothesis / "meeting.whisperx.json").write_text("{}")
    (hypothesis / "notes.txt").write_text("not for scoring")
    (hypothesis / "call.rttm").write_text(
        "SPEAKER call 1 0.000 5.000 <NA> <NA> A <NA> <NA>\n"
        "SPEAKER call 1 5.000 1.000 <NA> <NA> B <NA> <NA>\n"
    )
    report = score_paths(reference, hypothesis)
    call, meeting = report.files
    assert (meeting.name, meeting.der.missed_s, meeting.der.rate) == ("meeting", 2.0, 0.1)
    assert (call.name, call.der.false_alarm_s, call.der.rate) == ("call", 1.0, 0.2)
    assert report.der.rate == pytest.approx(3.0 / 25.0)
    assert (report.exact_counts, report.mean_count_error) == (1, 0.5)
    assert call.words is None
    assert meeting.words.cpwer.errors == 1  # "ann" is deleted
    assert meeting.words.wder.rate == 0.0
    assert meeting.words_raw.cpwer.errors == 4  # and Hello, "there," and "two." are spelt otherwise
    assert report.words == meeting.words


def test_missing_and_unexpected_hypotheses_are_scored_and_named(reference, hypothesis):
    (hypothesis / "x.stm").write_text(stm.write(replace(MEETING, name="other")))
    report = score_paths(reference, hypothesis)
    assert report.der.missed_s == report.der.total_s == 25.0
    assert report.words.wer.deletions == 6
    assert report.notes == (
        "No hypothesis, scored as all missed: call, meeting",
        "No reference, not scored: other",
    )


def test_an_empty_file_found_nothing_and_is_not_missing(reference, hypothesis):
    (hypothesis / "meeting.rttm").write_text("")
    (hypothesis / "call.seglst.json").write_text("[]")
    report = score_paths(reference, hypothesis)
    assert report.der.missed_s == 25.0
    assert report.notes == (
        "Words on one side only, not scored: all recordings",
        "Turns of the hypothesis are the segments of its SegLST: their times may include pauses",
    )


def test_segments_serve_as_turns_where_there_are_no_others(reference, hypothesis):
    (hypothesis / "meeting.seglst.json").write_text(seglst.write(MEETING))
    report = score_paths(reference / "meeting.stm", hypothesis / "meeting.seglst.json")
    assert report.der.total_s == 18.0
    assert report.der.false_alarm_s == 1.0
    assert [note.split(":")[0] for note in report.notes] == [
        "Turns of the reference are the segments of its STM",
        "Turns of the hypothesis are the segments of its SegLST",
    ]


def test_sclites_marks_in_an_stm_are_no_speakers(reference, hypothesis):
    (reference / "meeting.stm").write_text(
        "meeting 1 inter_segment_gap 0 1\n"
        "meeting 1 ann 1 9 hello there you two\n"
        "meeting 1 excluded_region 10 18 IGNORE_TIME_SEGMENT_IN_SCORING\n"
    )
    (hypothesis / "meeting.rttm").write_text(rttm.write(MEETING))
    report = score_paths(reference / "meeting.stm", hypothesis)
    [meeting] = report.files
    assert (meeting.der.total_s, meeting.der.false_alarm_s, meeting.der.missed_s) == (8.0, 2.0, 0.0)
    assert (meeting.count.reference, meeting.count.hypothesis) == (1, 1)
    assert report.notes[1] == (
        "Time that the reference's STM wants ignored is not scored, but words found in it are: "
        "meeting"
    )
    (hypothesis / "a.uem").write_text("meeting 1 8.000 15.000\n")
    report = score_paths(reference / "meeting.stm", hypothesis, hypothesis / "a.uem")
    assert (report.der.total_s, report.der.false_alarm_s) == (1.0, 1.0)


def test_an_impossible_time_is_refused_by_line(reference, hypothesis):
    (hypothesis / "x.rttm").write_text("SPEAKER rec 1 1e308 1e308 <NA> <NA> A <NA> <NA>\n")
    with pytest.raises(FormatError, match=r"x\.rttm, line 1: a time of 1e308 s: times go from 0"):
        score_paths(reference, hypothesis)


def test_turns_without_transcription_are_not_an_empty_transcript(reference, hypothesis):
    untranscribed = replace(MEETING, utterances=(), language=None)
    (hypothesis / "meeting.json").write_text(json.write(untranscribed))
    assert score_paths(reference, hypothesis).words is None


def test_a_recording_in_which_nobody_was_heard_misses_all_words(reference, hypothesis):
    silent = Result("meeting", 20.0, turns=(), exclusive=())
    (hypothesis / "meeting.json").write_text(json.write(silent))
    report = score_paths(reference / "meeting.stm", hypothesis)
    assert report.words.wer.rate == 1.0
    assert report.words.wer.deletions == 6


def test_suffixes_in_capitals_are_as_good(reference, tmp_path):
    named, empty = tmp_path / "MEETING.RTTM", tmp_path / "call.RTTM"
    shutil.copy(reference / "meeting.rttm", named)
    empty.touch()
    report = score_paths(reference, tmp_path)
    assert [(one.name, one.der.missed_s) for one in report.files] == [
        ("call", 5.0),
        ("meeting", 0.0),
    ]
    assert "No hypothesis" not in " ".join(report.notes)


def test_uem_collar_and_overlap_rule(reference, hypothesis, tmp_path):
    (hypothesis / "meeting.rttm").write_text(rttm.write(MEETING))
    for name in ("meeting", "call"):
        (tmp_path / f"{name}.uem").write_text(f"{name} 1 0.000 15.000\n")
    report = score_paths(reference, hypothesis, tmp_path, collar_s=0.25, skip_overlap=True)
    meeting = report.files[1]
    assert meeting.der.total_s == pytest.approx(15.0 - 0.25 - 0.5)
    assert meeting.der.rate == 0.0
    assert "±0.25 s collar, overlap skipped, within the UEM" in render(report)
    with pytest.raises(FormatError, match=r"meeting.uem: no region for 'call'"):
        score_paths(reference, hypothesis, tmp_path / "meeting.uem")


def test_what_cannot_be_scored_is_refused_by_name(reference, hypothesis):
    with pytest.raises(FormatError, match=r"nowhere\.rttm cannot be read: No such file"):
        score_paths(Path("nowhere.rttm"), reference)
    with pytest.raises(FormatError, match=r"nowhere cannot be read: No such file .*: check the"):
        score_paths(Path("nowhere"), reference)
    with pytest.raises(FormatError, match=r"a\.rttm cannot be read: File name too long"):
        score_paths(Path("a" * 300 + ".rttm"), reference)
    with pytest.raises(FormatError, match="the folder holds no"):
        score_paths(reference, hypothesis)
    with pytest.raises(FormatError, match=r"sample\.wav: not an \.rttm"):
        score_paths(reference, DATA / "sample.wav")
    (hypothesis / "info.json").write_text('{"a": 1}')
    with pytest.raises(FormatError, match=r"info\.json: neither this program's JSON nor SegLST"):
        score_paths(reference, hypothesis)


def test_two_files_of_one_kind_for_one_recording_are_refused(reference, hypothesis):
    for name in ("a.rttm", "b.rttm"):
        shutil.copy(reference / "meeting.rttm", hypothesis / name)
    with pytest.raises(FormatError, match=r"b\.rttm and .*a\.rttm both hold RTTM of 'meeting'"):
        score_paths(reference, hypothesis)


def test_the_table():
    hello = (Utterance("a", 0.0, 8.0, "Hello you"),)
    pair = Pair(
        reference=(Turn(0.0, 8.0, "a"), Turn(8.0, 10.0, "b")),
        hypothesis=(Turn(0.0, 8.0, "A"), Turn(8.0, 9.0, UNKNOWN)),
        reference_utterances=hello,
        hypothesis_utterances=(Utterance("A", 0.0, 8.0, "hello"),),
    )
    silence = Pair(reference=(), hypothesis=())
    report = score_recordings({"one\nname": pair, "silence": silence}, notes=["A note"])
    assert render(report).splitlines() == TABLE.splitlines()


def test_a_uem_for_some_recordings_only_is_refused():
    with_uem = Pair(reference=(), hypothesis=(), uem=[(0.0, 1.0)])
    with pytest.raises(ValueError, match="some recordings have a UEM"):
        score_recordings({"a": with_uem, "b": Pair(reference=(), hypothesis=())})

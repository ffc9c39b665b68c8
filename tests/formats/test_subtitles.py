"""SRT and WebVTT, and how both cut utterances into cues."""

import pytest
from hypothesis import given, settings

from diarize.errors import FormatError
from diarize.formats import srt, vtt
from diarize.formats.names import one_line, without_arrows
from diarize.formats.subtitles import CUE_S, LINE_CHARACTERS, cues
from diarize.records import Result, Utterance, Word, join_words

from .samples import SPOKEN, TURNS_ONLY, results, sample, speaking


def test_srt_to_the_letter() -> None:
    assert srt.write(SPOKEN) == "1\n00:00:09,838 --> 00:00:10,780\n[Sheila]: Neither did I.\n\n"


def test_vtt_to_the_letter() -> None:
    expected = "WEBVTT\n\n00:00:09.838 --> 00:00:10.780\n<v Sheila>Neither did I.\n"
    assert vtt.write(SPOKEN) == expected


def test_arrows_and_markup_in_text_and_names() -> None:
    result = speaking("A --> <v>", "a --> b & <c>")
    assert "[A --%3E %3Cv>]: a -> b & <c>\n" in srt.write(result)
    assert "<v A --&gt; &lt;v&gt;>a -&gt; b &amp; &lt;c&gt;\n" in vtt.write(result)


def test_turns_without_words_show_the_speaker() -> None:
    assert srt.write(TURNS_ONLY).startswith("1\n00:00:00,500 --> 00:00:02,000\n[A]:\n\n2\n")
    assert "00:00:01.500 --> 00:00:03.250\n<v UNKNOWN>UNKNOWN\n" in vtt.write(TURNS_ONLY)


def test_a_long_utterance_becomes_cues_with_the_speaker_on_each() -> None:
    text = (
        "At least you know, they all call me a Yankee down here, so what can I say? "
        "Well, there isn't that much difference."
    )
    parts = text.split()
    words = tuple(Word(p, i * 0.4, i * 0.4 + 0.4) for i, p in enumerate(parts))
    long = Result("a", 20.0, (), (), (Utterance("Sheila", 0.0, 9.2, text, words),))
    assert srt.write(long) == (
        "1\n00:00:00,000 --> 00:00:06,800\n"
        "[Sheila]: At least you know, they all call\n"
        "me a Yankee down here, so what can I say?\n\n"
        "2\n00:00:06,800 --> 00:00:09,200\n"
        "[Sheila]: Well, there\nisn't that much difference.\n\n"
    )


def test_text_without_words_is_spread_over_its_time() -> None:
    result = Result("a", 20.0, (), (), (Utterance("A", 0.0, 12.0, "one two. " * 12),))
    found = srt.read(srt.write(result))
    assert " ".join(u.text for u in found) == ("one two. " * 12).strip()
    assert [(u.start, u.end) for u in found] == [(0.0, 7.0), (7.0, 12.0)]


def test_no_blank_comes_between_words_of_a_script_without_them() -> None:
    words = tuple(
        Word(c, i * 0.1, i * 0.1 + 0.1, space_before=False) for i, c in enumerate("你好。")
    )
    result = Result("a", 1.0, (), (), (Utterance("A", 0.0, 0.3, "你好。", words),))
    assert "[A]: 你好。\n" in srt.write(result)


def test_lines_of_wide_characters_are_shorter() -> None:
    """Sixteen to a line; no line begins with what ends a clause."""
    text = "我们今天下午三点开会讨论明年的计划，请大家准时参加。"
    [cue] = cues(Result("a", 6.0, (), (), (Utterance("A", 0.0, 6.0, text),)), lambda speaker: "")
    assert cue.lines == ("我们今天下午三点开会讨论明", "年的计划，请大家准时参加。")
    [cue] = cues(Result("a", 3.0, (), (), (Utterance("A", 0.0, 3.0, text[7:22]),)), lambda s: "")
    assert cue.lines == ("点开会讨论明年的计划，请大家准",)


@pytest.mark.parametrize(
    "words",
    [
        [*["je"] * 13, "m", "'appelle", "Sophie"],
        [*["the", "price"] * 5, "$10", ",500", "or", "so"],
        [*"โรงเรียน" * 7],
        [*"「見」て" * 7],
    ],
    ids=["French", "a price", "Thai", "Japanese"],
)
def test_lines_never_begin_with_what_belongs_to_the_word_before(words: list[str]) -> None:
    spoken = tuple(
        Word(w, i / 10, i / 10 + 0.1, space_before=w.isascii() and w[0] not in "',")
        for i, w in enumerate(words)
    )
    text = join_words(spoken)
    result = Result("x", 9, (), (), (Utterance("A", 0, 8, text, spoken),))
    found = [line for cue in cues(result, lambda _: "") for line in cue.lines]
    assert len(found) > 1
    assert not {line[0] for line in found} & set("',」\u0e35")
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


@given(result=results)
@settings(deadline=None, max_examples=50)
def test_no_word_is_lost_and_the_limits_hold(result: Result) -> None:
    found = cues(result, lambda speaker: "")
    said = "".join(without_arrows(one_line(u.text)) for u in result.utterances)
    if result.utterances:
        shown = "".join("".join(c.lines) for c in found)
        assert sorted(shown.replace(" ", "")) == sorted(said.replace(" ", ""))
    assert [c.start_ms for c in found] == sorted(c.start_ms for c in found)
    assert all(c.end_ms > c.start_ms and len(c.lines) <= 2 for c in found)


def test_limits_on_the_sample_said_in_one_breath() -> None:
    words = tuple(w for u in sample().utterances for w in u.words)
    whole = Utterance("Diane Smith", 6.68, 29.987, sample().text, words)
    text = srt.write(Result("a", 30.0, (), (), (whole,)))
    assert max(map(len, text.split("\n"))) <= LINE_CHARACTERS
    assert all(u.end - u.start <= CUE_S for u in srt.read(text))


def test_reading_other_peoples_srt() -> None:
    text = "\ufeff1\r\n00:00:01,000 --> 00:00:02,500 X1:40\r\nHello\r\nthere\r\n\r\n\r\n"
    assert srt.read(text) == (Utterance("UNKNOWN", 1.0, 2.5, "Hello there"),)
    with pytest.raises(FormatError, match=r"a.srt, cue 1: expected a line"):
        srt.read("no times here", source="a.srt")


@pytest.mark.parametrize("each", [srt, vtt])
def test_a_line_of_blanks_between_cues_separates_them(each) -> None:
    head = "WEBVTT\n\n" if each is vtt else ""
    text = (
        "1\n00:00:01.000 --> 00:00:02.000\nOne\n \t\n \n2\n00:00:02.000 --> 00:00:03.000\n"
        "Two\n \nand a half\n\n \n00:00:03.000 --> 00:00:04.000\nThree\n \n"
    )
    assert [(u.start, " ".join(u.text.split())) for u in each.read(head + text)] == [
        (1.0, "One"),
        (2.0, "Two and a half"),
        (3.0, "Three"),
    ]
    with pytest.raises(FormatError, match=r"a, \w+ 2: from 12.0 s to 3.0 s is not a span of time"):
        each.read(head + text.replace("02.000 -->", "12.000 -->"), source="a")


def test_reading_other_peoples_vtt() -> None:
    text = (
        "WEBVTT - title\nKind: captions\n\nNOTE\na note\n\nSTYLE\n::cue {}\n\n"
        "id\n01:02.000 --> 01:03.500 align:start\n"
        "<v.loud Ann B>Hello <i>there</i></v> <v Bob>Hi &amp; bye\n\n"
        "00:01:04.000 --> 00:01:05.000\nno voice\n"
    )
    assert vtt.read(text) == (
        Utterance("Ann B", 62.0, 63.5, "Hello there"),
        Utterance("Bob", 62.0, 63.5, "Hi & bye"),
        Utterance("UNKNOWN", 64.0, 65.0, "no voice"),
    )
    with pytest.raises(FormatError, match=r"a.vtt: the first line is not WEBVTT"):
        vtt.read("1\n00:00:01,000 --> 00:00:02,500\nHi", source="a.vtt")
    with pytest.raises(FormatError, match=r"a.vtt, block 1: .*'1:2:3' is not a time"):
        vtt.read("WEBVTT\n\n1:2:3 --> 00:00:02.500\nHi", source="a.vtt")

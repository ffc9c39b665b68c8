"""No speaker's name breaks a format: it comes back as it was, or is refused."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diarize.errors import FormatError
from diarize.formats import (
    FORMATS,
    assemblyai,
    audacity,
    ctm,
    json,
    openai,
    rttm,
    seglst,
    srt,
    stm,
    textgrid,
    tsv,
    txt,
    uem,
    vtt,
    whisperx,
)
from diarize.formats.names import TOKEN, escape, one_line, unescape, without_arrows
from diarize.records import Result, Turn

from .samples import HOSTILE_NAMES, names, speaking

SPEAKER_OF = {
    "txt": lambda text: txt.read(text)[0].speaker,
    "json": lambda text: json.read(text).utterances[0].speaker,
    "srt": lambda text: srt.read(text)[0].speaker,
    "vtt": lambda text: vtt.read(text)[0].speaker,
    "tsv": lambda text: tsv.read(text)[0].speaker,
    "rttm": lambda text: rttm.read(text)["call"][0].speaker,
    "stm": lambda text: stm.read(text)["call"][0].speaker,
    "seglst": lambda text: seglst.read(text)["call"][0].speaker,
    "textgrid": lambda text: textgrid.read(text)[0].speaker,
    "audacity": lambda text: audacity.read(text)[0].speaker,
    "whisperx": lambda text: whisperx.read(text)[0].speaker,
    "assemblyai": lambda text: assemblyai.read(text)[0].speaker,
    "openai": lambda text: openai.read(text)[0].speaker,
}
JSON = {"json", "seglst", "whisperx", "assemblyai", "openai"}


def test_every_format_with_speakers_is_here() -> None:
    assert SPEAKER_OF.keys() == FORMATS.keys() - {"ctm"}


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("form", SPEAKER_OF)
def test_a_hostile_speaker_comes_back(form: str, name: str) -> None:
    if form in JSON and name == "\ud800":
        with pytest.raises(FormatError, match="surrogate"):
            FORMATS[form].write(speaking(name))
    else:
        text = FORMATS[form].write(speaking(name))
        assert SPEAKER_OF[form](text) == name
        text.encode()


@pytest.mark.parametrize("form", sorted(SPEAKER_OF.keys() - JSON))
@given(name=names)
@settings(deadline=None, max_examples=60)
def test_any_speaker_comes_back(form: str, name: str) -> None:
    assert SPEAKER_OF[form](FORMATS[form].write(speaking(name))) == name


@pytest.mark.parametrize("form", ["rttm", "srt", "vtt", "tsv", "txt", "audacity", "textgrid"])
@given(name=names)
@settings(deadline=None, max_examples=40)
def test_any_speaker_comes_back_from_turns_without_words(form: str, name: str) -> None:
    turns_only = Result("call", 4.0, (Turn(1.0, 2.5, name),), ())
    assert SPEAKER_OF[form](FORMATS[form].write(turns_only)) == name


@pytest.mark.parametrize("form", sorted(SPEAKER_OF.keys() - JSON))
def test_a_speaker_without_a_name_is_refused(form: str) -> None:
    with pytest.raises(FormatError, match="empty speaker name"):
        FORMATS[form].write(speaking(""))


@given(name=names)
@settings(deadline=None)
def test_any_file_id_comes_back(name: str) -> None:
    result = speaking("A", name=name)
    assert list(rttm.read(rttm.write(result))) == [name]
    assert list(stm.read(stm.write(result))) == [name]
    assert list(ctm.read(ctm.write(result))) == [name]
    assert uem.read(uem.write({name: [(0.0, 4.0)]})) == {name: ((0.0, 4.0),)}


@given(text=st.text())
@example("a\r\n\r\n--> b\t\x85c")
@example('say "hi" ----> <v Bob>there & <00:00:01.000>')
@example("<o> words")
@settings(deadline=None, max_examples=200)
def test_no_text_breaks_out_of_its_utterance(text: str) -> None:
    result = speaking("A", text=text)
    shown = one_line(text)
    assert [u.text for u in tsv.read(tsv.write(result))] == [shown]
    assert [u.text for u in txt.read(txt.write(result))] == [shown]
    assert [u.text for u in audacity.read(audacity.write(result))] == [shown]
    assert [u.text for u in textgrid.read(textgrid.write(result))] == ([shown] if shown else [])
    assert [u.text.split() for u in stm.read(stm.write(result))["call"]] == [shown.split()]
    spoken = "".join(without_arrows(shown).split())
    for subtitles in (srt, vtt):
        cues = subtitles.read(subtitles.write(result))
        assert "".join("".join(u.text for u in cues).split()) == spoken
        assert {u.speaker for u in cues} <= {"A"}


def test_escapes_are_literal() -> None:
    assert escape("A B", TOKEN) == "A%20B"
    assert escape("a\nb", TOKEN) == "a%0Ab"
    assert escape(";a;", TOKEN) == "%3Ba;"
    assert escape("100% 50%", TOKEN) == "100%%2050%"
    assert unescape("%FF is not UTF-8") == "%FF is not UTF-8"

import pytest

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
    select,
    srt,
    stm,
    textgrid,
    tsv,
    txt,
    vtt,
    whisperx,
)
from diarize.records import Result

from .samples import EMPTY, SPOKEN, TURNS_ONLY

NAMES = ["txt", "json", "srt", "vtt", "tsv", "rttm", "stm", "ctm", "seglst", "textgrid"]
NAMES += ["audacity", "whisperx", "assemblyai", "openai"]


def test_every_format_is_there_and_no_two_share_a_suffix() -> None:
    assert list(FORMATS) == NAMES
    assert len({f.suffix for f in FORMATS.values()}) == len(NAMES)


@pytest.mark.parametrize("duration", [0.0, 12.5])
def test_an_empty_result_is_a_valid_empty_file_in_every_format(duration: float) -> None:
    nothing = Result("silence", duration, (), ())
    text = {name: each.write(nothing) for name, each in FORMATS.items()}
    blank = {name for name in NAMES if text[name] == ""}
    assert blank == {"txt", "srt", "rttm", "stm", "ctm", "audacity"}
    assert text["vtt"] == "WEBVTT\n"
    assert json.read(text["json"]) == nothing
    for each in (txt, srt, vtt, tsv, textgrid, audacity, whisperx, assemblyai, openai):
        assert each.read(text[each.__name__.split(".")[-1]]) == ()
    for each in (rttm, stm, ctm, seglst):
        assert each.read(text[each.__name__.split(".")[-1]]) == {}


def test_turns_alone_show_in_the_formats_that_need_no_words() -> None:
    for each in FORMATS.values():
        assert ("UNKNOWN" in each.write(TURNS_ONLY)) is not each.needs_words
        assert each.write(SPOKEN) != each.write(EMPTY)


def test_selection() -> None:
    assert [f.name for f in select(["srt", "diarized_json", "srt"])] == ["srt", "openai"]
    assert [f.name for f in select(["all"])] == NAMES
    assert not any(f.needs_words for f in select(["all"], words=False))
    with pytest.raises(FormatError, match="unknown format 'docx': choose from txt, json"):
        select(["docx"])
    with pytest.raises(FormatError, match="ctm holds words"):
        select(["ctm"], words=False)

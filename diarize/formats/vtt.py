"""WebVTT subtitles: https://www.w3.org/TR/webvtt1/

    WEBVTT

    00:00:06.680 --> 00:00:07.160
    <v Diane>Hello?

The speaker is the annotation of a voice span. `&`, `<` and `>` are character references in it as
in the text, where `-->` becomes `->` before. The spec collapses blanks in annotations: leading,
trailing and repeated ones are percent-encoded in a name, as control characters are.
"""

from __future__ import annotations

import html
import re

from diarize.errors import FormatError
from diarize.formats.names import escape, reserved, unescape
from diarize.formats.subtitles import blocks, cues
from diarize.formats.times import clock, parse_clock_span
from diarize.records import UNKNOWN, Result, Utterance

_RESERVED = reserved(r"^\s|\s\Z|(?<= ) ")
_TIMES = re.compile(r"[ \t]*(\S+)[ \t]+-->[ \t]+(\S+)(?:[ \t].*)?")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t\n]([^>]*)>")
_BLANKS = re.compile(r"[ \t\n\f\r]+")
_TAG = re.compile(r"<[^>]*>")


def write(result: Result) -> str:
    """The utterances as cues; turns as cues that show the speaker when there are none.

    Raises:
        FormatError: a time that is no time, or a speaker without a name.
    """
    out = ["WEBVTT\n"]
    for cue in cues(result, lambda _: ""):
        times = f"{clock(cue.start_ms, '.')} --> {clock(cue.end_ms, '.')}"
        voice = html.escape(escape(cue.speaker, _RESERVED), quote=False)
        # A player does not show the annotation, and a turn has nothing else to show.
        text = html.escape("\n".join(cue.lines), quote=False) if cue.lines else voice
        out.append(f"\n{times}\n<v {voice}>{text}\n")
    return "".join(out)


def read(text: str, source: str = "WebVTT") -> tuple[Utterance, ...]:
    """One utterance per voice span, lines joined by blanks; UNKNOWN where no voice is named.

    Comments, styles, regions, cue settings and other tags are passed over.

    Raises:
        FormatError: no WEBVTT header, or a cue with bad times; names `source` and the cue.
    """
    if re.match(r"\ufeff?WEBVTT(?=[ \t\r\n]|\Z)", text) is None:
        raise FormatError(f"{source}: the first line is not WEBVTT")
    found: list[Utterance] = []
    for number, block in enumerate(blocks(text)[1:], start=1):
        lines = block.split("\n")
        timed = next((i for i, line in enumerate(lines[:2]) if "-->" in line), None)
        if timed is None:
            if re.match(r"(NOTE|STYLE|REGION)\b", lines[0]) is None:
                raise FormatError(f"{source}, block {number}: no line 'MM:SS.mmm --> MM:SS.mmm'")
            continue
        where = f"{source}, block {number}"
        match = _TIMES.fullmatch(lines[timed])
        if match is None:
            raise FormatError(f"{where}: {lines[timed]!r} is not a line of times")
        start, end = parse_clock_span(match[1], match[2], where)
        found.extend(
            Utterance(speaker, start, end, words)
            for speaker, words in _voices("\n".join(lines[timed + 1 :]))
        )
    return tuple(found)


def _voices(payload: str) -> list[tuple[str, str]]:
    """Speaker and text of each voice span, and of text outside of any."""
    before, *spans = _VOICE.split(payload)
    pairs = [(UNKNOWN, before)] if before.strip() or not spans else []
    for annotation, inside in zip(spans[::2], spans[1::2], strict=True):
        pairs.append((unescape(html.unescape(_BLANKS.sub(" ", annotation).strip(" "))), inside))
    return [
        (speaker, " ".join(html.unescape(_TAG.sub("", words)).split("\n")).strip(" "))
        for speaker, words in pairs
    ]

"""SubRip subtitles: https://www.matroska.org/technical/subtitles.html#srt-subtitles

    1
    00:00:06,680 --> 00:00:07,160
    [Diane]: Hello?

A number from 1, the times, one or two lines of text, an empty line. The speaker stands as
`[SPEAKER]: ` on every cue. `-->` in text becomes `->`; in a speaker's name it is written
`--%3E`, a `]` `%5D`, and a `<`, which players take for markup, `%3C`.
"""

from __future__ import annotations

import re

from diarize.errors import FormatError
from diarize.formats.names import escape, reserved, unescape
from diarize.formats.subtitles import blocks, cues
from diarize.formats.times import clock, parse_clock_span
from diarize.records import UNKNOWN, Result, Utterance

_RESERVED = reserved(r"[\]<]|(?<=--)>")
_CUE = re.compile(r"(?:\d+[ \t]*\n)?(\S+)[ \t]*-->[ \t]*(\S+)[^\n]*(?:\n(.*))?", re.DOTALL)
_TEXT = re.compile(r"\[([^\]\n]+)\]:(?: (.*))?", re.DOTALL)


def write(result: Result) -> str:
    """The utterances as cues; turns as cues of the speaker alone when there are none.

    Raises:
        FormatError: a time that is no time, or a speaker without a name.
    """
    out = []
    for number, cue in enumerate(cues(result, _prefix), start=1):
        times = f"{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}"
        text = (_prefix(cue.speaker) + "\n".join(cue.lines)).rstrip(" ")
        out.append(f"{number}\n{times}\n{text}\n\n")
    return "".join(out)


def read(text: str, source: str = "SRT") -> tuple[Utterance, ...]:
    """One utterance per cue, its lines joined by blanks; UNKNOWN where no speaker is named.

    Raises:
        FormatError: a cue without times; names `source` and the cue.
    """
    found = []
    for number, block in enumerate(blocks(text), start=1):
        where = f"{source}, cue {number}"
        match = _CUE.fullmatch(block)
        if match is None:
            raise FormatError(f"{where}: expected a line 'HH:MM:SS,mmm --> HH:MM:SS,mmm'")
        start, end = parse_clock_span(match[1], match[2], where)
        spoken = _TEXT.fullmatch(match[3] or "")
        speaker = unescape(spoken[1]) if spoken else UNKNOWN
        words = (spoken[2] if spoken else match[3]) or ""
        found.append(Utterance(speaker, start, end, " ".join(words.split("\n"))))
    return tuple(found)


def _prefix(speaker: str) -> str:
    return f"[{escape(speaker, _RESERVED)}]: "

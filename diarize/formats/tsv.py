"""Whisper's tab-separated values plus a column for the speaker.

https://github.com/openai/whisper/blob/main/whisper/utils.py, `WriteTSV`

    start   end     text    speaker
    6680    7160    Hello?  Diane

Integer milliseconds. The speaker comes last, so that what reads whisper's three columns goes on
working. Tabs and line breaks in text become blanks; in a speaker's name they are percent-encoded.
"""

from __future__ import annotations

import re

from diarize.errors import FormatError
from diarize.formats.lines import numbered
from diarize.formats.names import escape, one_line, reserved, unescape
from diarize.formats.times import checked_span, span_ms
from diarize.records import Result, Utterance

HEADER = "start\tend\ttext\tspeaker"
_RESERVED = reserved()
_MS = re.compile(r"[0-9]{1,15}")


def write(result: Result) -> str:
    """One row per utterance; one per turn, with empty text, when there are none.

    Raises:
        FormatError: a time that is no time, or a speaker without a name.
    """
    rows = [(u.start, u.end, u.text, u.speaker) for u in result.utterances]
    rows = rows or [(t.start, t.end, "", t.speaker) for t in result.turns]
    out = [HEADER + "\n"]
    for start, end, text, speaker in rows:
        start_ms, end_ms = span_ms(start, end)
        out.append(f"{start_ms}\t{end_ms}\t{one_line(text)}\t{escape(speaker, _RESERVED)}\n")
    return "".join(out)


def read(text: str, source: str = "TSV") -> tuple[Utterance, ...]:
    """The rows; a turn becomes an utterance with the text "".

    Raises:
        FormatError: another header, or a row that does not fit it; names `source` and the line.
    """
    lines = list(numbered(text, source))
    if not lines or lines[0][1] != HEADER:
        raise FormatError(f"{source}: the first line is not {HEADER!r}")
    found = []
    for where, line in lines[1:]:
        fields = line.split("\t")
        if len(fields) != 4 or not all(map(_MS.fullmatch, fields[:2])):
            raise FormatError(f"{where}: expected start and end in ms, text and speaker, by tabs")
        start_s, end_s = checked_span(int(fields[0]) / 1000, int(fields[1]) / 1000, where)
        found.append(Utterance(unescape(fields[3]), start_s, end_s, fields[2]))
    return tuple(found)

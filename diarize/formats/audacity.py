"""Audacity's label track: https://manual.audacityteam.org/man/importing_and_exporting_labels.html

    6.680000 ⇥ 7.160000 ⇥ Diane: Hello?

Start, end and label, separated by tabs; seconds. A `:` in a speaker's name is written as `%3A`.
"""

from __future__ import annotations

from diarize.errors import FormatError
from diarize.formats.lines import numbered
from diarize.formats.names import escape, one_line, reserved, unescape
from diarize.formats.times import decimal, parse_span, span_ms
from diarize.records import Result, Utterance

_RESERVED = reserved(":")


def write(result: Result) -> str:
    """One label `speaker: text` per utterance; `speaker` per turn when there are none.

    Raises:
        FormatError: a time that is no time, or a speaker without a name.
    """
    rows = [(u.start, u.end, u.speaker, ": " + one_line(u.text)) for u in result.utterances]
    rows = rows or [(t.start, t.end, t.speaker, "") for t in result.turns]
    out = []
    for start, end, speaker, text in rows:
        start_ms, end_ms = span_ms(start, end)
        label = escape(speaker, _RESERVED) + text
        # Audacity writes six decimals.
        out.append(f"{decimal(start_ms)}000\t{decimal(end_ms)}000\t{label}\n")
    return "".join(out)


def read(text: str, source: str = "Audacity labels") -> tuple[Utterance, ...]:
    """The labels; one without a colon is a turn, which becomes an utterance with the text "".

    Lines that open with a backslash (a label's frequency range) are passed over.

    Raises:
        FormatError: a line that breaks the format; names `source` and the line.
    """
    found = []
    for where, line in numbered(text, source, comment="\\"):
        fields = line.split("\t")
        if len(fields) != 3:
            raise FormatError(f"{where}: expected start, end and label, separated by tabs")
        start, end = parse_span(fields[0], fields[1], where)
        speaker, _, words = fields[2].partition(":")
        found.append(Utterance(unescape(speaker), start, end, words.strip(" ")))
    return tuple(found)

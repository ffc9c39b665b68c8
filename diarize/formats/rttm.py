"""NIST Rich Transcription Time Marked turns: RT-09 evaluation plan, appendix A.

https://web.archive.org/web/20170119114252/http://www.itl.nist.gov/iad/mig/tests/rt/2009/docs/rt09-meeting-eval-plan-v2.pdf

    SPEAKER <file> 1 <start> <duration> <NA> <NA> <speaker> <NA> <NA>

Seconds with three decimals. White space in a file id or speaker is percent-encoded.
"""

from __future__ import annotations

from collections.abc import Iterator

from diarize.errors import FormatError
from diarize.formats.lines import grouped, numbered
from diarize.formats.names import TOKEN, escape, unescape
from diarize.formats.times import checked_span, decimal, parse_decimal, span_ms
from diarize.records import Result, Turn


def write(result: Result) -> str:
    """The overlapping turns. One that rounds to nothing is left out: scorers refuse it.

    Raises:
        FormatError: a time that is no time; a recording or speaker without a name.
    """
    out = []
    for turn in result.turns:
        start_ms, end_ms = span_ms(turn.start, turn.end)
        if end_ms > start_ms:
            out.append(
                f"SPEAKER {escape(result.name, TOKEN)} 1 {decimal(start_ms)} "
                f"{decimal(end_ms - start_ms)} <NA> <NA> {escape(turn.speaker, TOKEN)} <NA> <NA>\n"
            )
    return "".join(out)


def read(text: str, source: str = "RTTM") -> dict[str, tuple[Turn, ...]]:
    """Turns by file id, in order of start.

    Nine fields (older files lack the last) or ten; lines that open with `;` are comments; records
    other than SPEAKER are skipped. Channel and confidence are not read: each writer has its scale.

    Raises:
        FormatError: a record that breaks the format; names `source` and the line.
    """
    return grouped(_records(text, source))


def _records(text: str, source: str) -> Iterator[tuple[str, Turn]]:
    for where, line in numbered(text, source, comment=";"):
        fields = line.split()
        if len(fields) not in (9, 10):
            raise FormatError(f"{where}: a record has 9 or 10 fields, this one {len(fields)}")
        if fields[0] != "SPEAKER":
            continue
        start, duration = parse_decimal(fields[3], where), parse_decimal(fields[4], where)
        start, end = checked_span(start, round(start + duration, 9), where)
        yield unescape(fields[1]), Turn(start, end, unescape(fields[7]))

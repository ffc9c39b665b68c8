"""NIST segment time marks, sclite's reference transcripts.

https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm#stm_fmt_name_0

    <file> <channel> <speaker> <start> <end> [<label>] words…

Seconds with three decimals; `;;` opens a comment. The optional label is a comma-separated list
in angle brackets, like `<o,f0,male>`. White space in a file id or speaker is percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from diarize.errors import FormatError
from diarize.formats.lines import grouped, numbered
from diarize.formats.names import TOKEN, escape, one_line, unescape
from diarize.formats.times import decimal, parse_span, span_ms
from diarize.records import Result, Utterance

_LABEL = re.compile(r"<[^<>\s]*>(?=\s|\Z)")
_OVERALL = "<o> "
"""Written only before words that would be taken for a label themselves."""


def write(result: Result) -> str:
    """One line per utterance, in order of start.

    Raises:
        FormatError: a time that is no time; a recording or speaker without a name.
    """
    out = []
    for utterance in result.utterances:
        start_ms, end_ms = span_ms(utterance.start, utterance.end)
        words = one_line(utterance.text)
        label = _OVERALL if _LABEL.match(words) else ""
        out.append(
            f"{escape(result.name, TOKEN)} 1 {escape(utterance.speaker, TOKEN)} "
            f"{decimal(start_ms)} {decimal(end_ms)} {label}{words}".rstrip(" ")
            + "\n"
        )
    return "".join(out)


def read(text: str, source: str = "STM") -> dict[str, tuple[Utterance, ...]]:
    """Utterances by file id, in order of start. Channel and label are not read.

    Raises:
        FormatError: a line that breaks the format; names `source` and the line.
    """
    return grouped(_records(text, source))


def _records(text: str, source: str) -> Iterator[tuple[str, Utterance]]:
    for where, line in numbered(text, source, comment=";;"):
        fields = line.split(maxsplit=5)
        if len(fields) < 5:
            raise FormatError(
                f"{where}: expected file, channel, speaker, start, end and words, found {line!r}"
            )
        start, end = parse_span(fields[3], fields[4], where)
        words = fields[5].strip() if len(fields) == 6 else ""
        if label := _LABEL.match(words):
            words = words[label.end() :].strip()
        yield unescape(fields[0]), Utterance(unescape(fields[2]), start, end, words)

"""NIST un-partitioned evaluation map: which parts of each recording are scored.

https://github.com/usnistgov/SCTK/blob/master/doc/md-eval.htm

    <file> <channel> <start> <end>

Seconds with three decimals. White space in a file id is percent-encoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from diarize.errors import FormatError
from diarize.formats.lines import numbered
from diarize.formats.names import TOKEN, escape, unescape
from diarize.formats.times import decimal, parse_span, span_ms


def write(regions: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """`regions`: (start, end) in seconds by file id.

    Raises:
        FormatError: a time that is no time, or a recording without a name.
    """
    out = []
    for file_id, spans in regions.items():
        for start, end in spans:
            start_ms, end_ms = span_ms(start, end)
            out.append(f"{escape(file_id, TOKEN)} 1 {decimal(start_ms)} {decimal(end_ms)}\n")
    return "".join(out)


def read(text: str, source: str = "UEM") -> dict[str, tuple[tuple[float, float], ...]]:
    """(start, end) in seconds by file id, sorted; `;;` opens a comment.

    Raises:
        FormatError: a line that breaks the format; names `source` and the line.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for where, line in numbered(text, source, comment=";;"):
        fields = line.split()
        if len(fields) != 4:
            raise FormatError(f"{where}: expected file, channel, start and end, found {line!r}")
        span = parse_span(fields[2], fields[3], where)
        found.setdefault(unescape(fields[0]), []).append(span)
    return {file_id: tuple(sorted(spans)) for file_id, spans in found.items()}

"""NIST segment time marks, sclite's reference transcripts.

https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm#stm_fmt_name_0

    <file> <channel> <speaker> <start> <end> [<label>] words…

Seconds with three decimals; `;;` opens a comment. The optional label is a comma-separated list
in angle brackets, like `<o,f0,male>`. White space in a file id or speaker is percent-encoded.

As for sclite, a segment of the speaker `inter_segment_gap` is nobody's, and one whose words are
`ignore_time_segment_in_scoring` marks time that is not scored; capitals do not matter.
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
_GAP, _IGNORED = "inter_segment_gap", "ignore_time_segment_in_scoring"
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

    Segments that are nobody's or not scored are left out; a file id may have no others.

    Raises:
        FormatError: a line that breaks the format; names `source` and the line.
    """
    return {
        file_id: tuple(u for u in found if u.speaker.lower() != _GAP and not _is_ignored(u))
        for file_id, found in grouped(_records(text, source)).items()
    }


def read_ignored(text: str, source: str = "STM") -> dict[str, tuple[tuple[float, float], ...]]:
    """(start, end) in seconds of what is not scored, by file id; only where there is any.

    Raises:
        FormatError: as :func:`read`.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for file_id, segment in _records(text, source):
        if _is_ignored(segment):
            found.setdefault(file_id, []).append((segment.start, segment.end))
    return {file_id: tuple(sorted(spans)) for file_id, spans in found.items()}


def _is_ignored(segment: Utterance) -> bool:
    return segment.text.lower() == _IGNORED


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

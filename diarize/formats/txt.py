"""The readable transcript that the command line prints.

    [00:00:06] Diane: Hello?
    [00:01:02] Sheila: Neither did I.

One utterance a line: the time it starts (whole seconds, cut off, as a player shows them), the
speaker, the text. Without utterances, one turn a line, with tenths and the end:
`[00:00:06.6 - 00:00:07.1] Diane`. A `:` in a speaker's name is written as `%3A`.
"""

from __future__ import annotations

import re
import textwrap

from diarize.errors import FormatError
from diarize.formats.lines import numbered
from diarize.formats.names import escape, one_line, reserved, unescape
from diarize.formats.times import clock, parse_clock, parse_clock_span, span_ms
from diarize.records import Result, Utterance

_RESERVED = reserved(":")
_LINE = re.compile(r"\[([\d:]+)\] ([^:]+):(?: (.*))?")
_TURN = re.compile(r"\[([\d:.]+) - ([\d:.]+)\] ([^:]+)")


def write(result: Result, width: int | None = None) -> str:
    """The transcript; with `width`, wrapped to so many columns with the text indented.

    Raises:
        FormatError: a time that is no time, or a speaker without a name.
    """
    if not result.utterances:
        return "".join(
            f"[{_tenths(t.start)} - {_tenths(t.end)}] {escape(t.speaker, _RESERVED)}\n"
            for t in result.turns
        )
    out = []
    for utterance in result.utterances:
        start_ms, _ = span_ms(utterance.start, utterance.end)
        stamp = f"[{clock(start_ms, '.')[:-4]}] "
        line = f"{stamp}{escape(utterance.speaker, _RESERVED)}: {one_line(utterance.text)}".rstrip(
            " "
        )
        if width is not None:
            indent = " " * len(stamp)
            line = textwrap.fill(line, max(width, 2 * len(stamp)), subsequent_indent=indent)
        out.append(line + "\n")
    return "".join(out)


def read(text: str, source: str = "transcript") -> tuple[Utterance, ...]:
    """The utterances of an unwrapped transcript.

    The format has no ends: each utterance ends where the next starts, the last where it starts.
    A turn without text becomes an utterance with the text "".

    Raises:
        FormatError: a line of another form; names `source` and the line.
    """
    found: list[tuple[float, float | None, str, str]] = []
    for where, line in numbered(text, source):
        if turn := _TURN.fullmatch(line):
            start, end = parse_clock_span(f"{turn[1]}00", f"{turn[2]}00", where)
            found.append((start, end, turn[3], ""))
        elif utterance := _LINE.fullmatch(line):
            start = parse_clock(f"{utterance[1]}.000", where)
            found.append((start, None, utterance[2], utterance[3] or ""))
        else:
            raise FormatError(f"{where}: not of the form '[HH:MM:SS] speaker: text'")
    following = [start for start, *_ in found[1:]] + [start for start, *_ in found[-1:]]
    return tuple(
        Utterance(unescape(speaker), start, next_start if end is None else end, words)
        for (start, end, speaker, words), next_start in zip(found, following, strict=True)
    )


def _tenths(seconds: float) -> str:
    ms, _ = span_ms(seconds, seconds)
    return clock(ms, ".")[:-2]

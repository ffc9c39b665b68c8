"""Praat's TextGrid, long text form: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html

    File type = "ooTextFile"
    Object class = "TextGrid"

    xmin = 0
    xmax = 30
    tiers? <exists>
    size = 1
    item []:
        item [1]:
            class = "IntervalTier"
            name = "Diane"
            …

One IntervalTier per speaker; its intervals tile xmin to xmax, gaps hold the text "". A `"` in a
string is written twice; control characters in a speaker's name are percent-encoded. Where nobody
speaks there is no tier.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from diarize.errors import FormatError
from diarize.formats.names import escape, one_line, reserved, unescape
from diarize.formats.times import decimal, milliseconds, parse_span, span_ms
from diarize.records import Result, Utterance

_RESERVED = reserved()
_HEADER = ["ooTextFile", "TextGrid"]
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(<\w+>)|!.*|(\S+)')
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class _Interval:
    start_ms: int
    end_ms: int
    text: str


def write(result: Result) -> str:
    """The utterances; turns, with the speaker's name as text, when there are none.

    Where intervals of one speaker overlap, the later gives way; what lies wholly within another
    adds its text to it, for tiers cannot overlap themselves.

    Raises:
        FormatError: a time that is no time, or a speaker without a name.
    """
    tiers: dict[str, list[_Interval]] = {}
    rows = [(u.start, u.end, u.speaker, one_line(u.text)) for u in result.utterances]
    rows = rows or [(t.start, t.end, t.speaker, escape(t.speaker, _RESERVED)) for t in result.turns]
    for start, end, speaker, text in rows:
        start_ms, end_ms = span_ms(start, end)
        interval = _Interval(start_ms, max(end_ms, start_ms + 1), text)
        tiers.setdefault(speaker, []).append(interval)
    ends = [interval.end_ms for tier in tiers.values() for interval in tier]
    xmax_ms = max([milliseconds(result.duration), *ends])
    out = [
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n',
        f"xmin = 0\nxmax = {decimal(xmax_ms)}\ntiers? <exists>\nsize = {len(tiers)}\nitem []:\n",
    ]
    for number, (speaker, intervals) in enumerate(tiers.items(), start=1):
        tiling = _tiling(intervals, xmax_ms)
        out.append(
            f'    item [{number}]:\n        class = "IntervalTier"\n'
            f"        name = {_quoted(escape(speaker, _RESERVED))}\n"
            f"        xmin = 0\n        xmax = {decimal(xmax_ms)}\n"
            f"        intervals: size = {len(tiling)}\n"
        )
        for index, interval in enumerate(tiling, start=1):
            out.append(
                f"        intervals [{index}]:\n"
                f"            xmin = {decimal(interval.start_ms)}\n"
                f"            xmax = {decimal(interval.end_ms)}\n"
                f"            text = {_quoted(interval.text)}\n"
            )
    return "".join(out)


def read(text: str, source: str = "TextGrid") -> tuple[Utterance, ...]:
    """The intervals with text, by start, each tier a speaker. Point tiers are passed over.

    Reads the long and the short form: like Praat, only strings, numbers and flags that stand free.

    Raises:
        FormatError: not a TextGrid, one cut short, or tiers that do not tile; names `source`.
    """
    tokens = _Tokens(text, source)
    if [tokens.string(), tokens.string()] != _HEADER:
        raise FormatError(f"{source}: not a TextGrid in text form")
    tokens.span()
    found: list[Utterance] = []
    tiers = tokens.count() if tokens.next() == "<exists>" else 0
    for _ in range(tiers):
        kind, speaker = tokens.string(), unescape(tokens.string())
        at, tier_end = tokens.span()
        for _ in range(tokens.count()):
            if kind == "TextTier":
                tokens.next(), tokens.next()
                continue
            start, end = tokens.span()
            if start != at:
                raise FormatError(f"{source}: tier {speaker!r} does not tile: {at} s to {start} s")
            at = end
            if words := tokens.string():
                found.append(Utterance(speaker, start, end, words))
        if kind != "TextTier" and at != tier_end:
            raise FormatError(f"{source}: tier {speaker!r} ends at {at} s, not at {tier_end} s")
    return tuple(sorted(found, key=lambda u: u.start))


def _tiling(intervals: Iterable[_Interval], xmax_ms: int) -> list[_Interval]:
    """The intervals, made to touch and not to overlap, with empty ones between, from 0 to xmax."""
    tiles: list[_Interval] = []
    at = 0
    for interval in sorted(intervals, key=lambda i: (i.start_ms, i.end_ms)):
        start_ms = max(interval.start_ms, at)
        if interval.end_ms <= start_ms:
            if tiles and interval.text:
                last = tiles[-1]
                joined = f"{last.text} {interval.text}".strip()
                tiles[-1] = _Interval(last.start_ms, last.end_ms, joined)
            continue
        if start_ms > at:
            tiles.append(_Interval(at, start_ms, ""))
        tiles.append(_Interval(start_ms, interval.end_ms, interval.text))
        at = interval.end_ms
    if at < xmax_ms:
        tiles.append(_Interval(at, xmax_ms, ""))
    return tiles


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


class _Tokens:
    """The free-standing values of a text file, in order."""

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._values = self._scan(text.removeprefix("\ufeff"))

    def _scan(self, text: str) -> Iterator[str]:
        for match in _TOKEN.finditer(text):
            if match[1] is not None:
                yield '"' + match[1].replace('""', '"')
            elif match[2] or (match[3] and _NUMBER.fullmatch(match[3])):
                yield match[0]

    def next(self) -> str:
        """The next value; a string's opens with a `"`."""
        value = next(self._values, None)
        if value is None:
            raise FormatError(f"{self._source}: the TextGrid is cut short")
        return value

    def string(self) -> str:
        value = self.next()
        if not value.startswith('"'):
            raise FormatError(f"{self._source}: expected a string in quotes, found {value}")
        return value[1:]

    def span(self) -> tuple[float, float]:
        return parse_span(self.next(), self.next(), self._source)

    def count(self) -> int:
        value = self.next()
        if not value.isdigit() or len(value) > 15:
            raise FormatError(f"{self._source}: expected a count, found {value}")
        return int(value)

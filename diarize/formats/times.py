"""Times as formats write them. Seconds become integer milliseconds once, so rounding carries."""

from __future__ import annotations

import math
import re

from diarize.errors import FormatError

LONGEST_S = 10.0**12
"""No time lies beyond: what AssemblyAI and TSV hold in 15 digits of milliseconds. What is read is
added up, and must not overflow."""

_CLOCK = re.compile(r"(?:(\d{1,6}):)?([0-5]\d):([0-5]\d)[.,](\d{3})")


def milliseconds(seconds: float) -> int:
    """`seconds` rounded to the nearest millisecond.

    Raises:
        FormatError: a time that is negative, infinite or not a number.
    """
    if not math.isfinite(seconds * 1000) or round(seconds * 1000) < 0:
        raise FormatError(
            f"a time of {seconds} s cannot be written: times are finite and from 0 on"
        )
    return round(seconds * 1000)


def span_ms(start: float, end: float) -> tuple[int, int]:
    """Start and end in milliseconds, both rounded, so that what touched still touches.

    Raises:
        FormatError: see :func:`milliseconds`; also an end before its start.
    """
    start_ms, end_ms = milliseconds(start), milliseconds(end)
    if end_ms < start_ms:
        raise FormatError(f"a span from {start} s to {end} s cannot be written: it ends too early")
    return start_ms, end_ms


def span_s(start: float, end: float) -> tuple[float, float]:
    """Start and end in seconds, rounded to milliseconds. Raises as :func:`span_ms`."""
    start_ms, end_ms = span_ms(start, end)
    return start_ms / 1000, end_ms / 1000


def decimal(ms: int) -> str:
    """Seconds with three decimals: 6680 is `6.680`."""
    return f"{ms // 1000}.{ms % 1000:03d}"


def clock(ms: int, separator: str) -> str:
    """`HH:MM:SS` + `separator` + `mmm`; hours take more digits when they must."""
    total_s, rest_ms = divmod(ms, 1000)
    return (
        f"{total_s // 3600:02d}:{total_s // 60 % 60:02d}:{total_s % 60:02d}{separator}{rest_ms:03d}"
    )


def parse_clock(text: str, where: str) -> float:
    """Seconds of `[HH:]MM:SS,mmm` (or with a point).

    Raises:
        FormatError: anything else; `where` names file and line.
    """
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise FormatError(f"{where}: {text!r} is not a time like 00:01:02.345")
    hours, minutes, seconds, ms = match.groups(default="0")
    return (int(hours) * 3_600_000 + int(minutes) * 60_000 + int(seconds) * 1000 + int(ms)) / 1000


def parse_clock_span(start: str, end: str, where: str) -> tuple[float, float]:
    """Start and end in seconds of two times of a clock. Raises as the parts it is made of."""
    return checked_span(parse_clock(start, where), parse_clock(end, where), where)


def parse_decimal(text: str, where: str) -> float:
    """Seconds of a decimal field.

    Raises:
        FormatError: not a number, or negative or beyond LONGEST_S; `where` names file and line.
    """
    try:
        value = float(text)
    except ValueError:
        raise FormatError(f"{where}: {text!r} is not a time in seconds") from None
    if not 0 <= value < LONGEST_S:
        raise FormatError(f"{where}: a time of {text} s: times go from 0 to {LONGEST_S:g} s")
    return value


def parse_span(start: str, end: str, where: str) -> tuple[float, float]:
    """Start and end in seconds of two decimal fields.

    Raises:
        FormatError: see :func:`parse_decimal`; also an end before its start.
    """
    start_s, end_s = parse_decimal(start, where), parse_decimal(end, where)
    if end_s < start_s:
        raise FormatError(f"{where}: the end ({end} s) lies before the start ({start} s)")
    return start_s, end_s


def checked_span(start_s: float, end_s: float, where: str = "") -> tuple[float, float]:
    """Start and end of what was read, as they are.

    Raises:
        FormatError: no span of time; `where`, if given, names file and line.
    """
    if not 0 <= start_s <= end_s < LONGEST_S:
        place = f"{where}: " if where else ""
        raise FormatError(f"{place}from {start_s} s to {end_s} s is not a span of time")
    return start_s, end_s

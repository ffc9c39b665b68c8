"""Stretches of time, and what of them lies inside and outside of others."""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[float, float]
"""Start and end in seconds."""


def inside(spans: Sequence[Span], span: Span) -> list[Span]:
    """The parts of `spans` that lie within another one."""
    low, high = span
    return [(max(a, low), min(b, high)) for a, b in spans if a < high and b > low]


def outside(spans: Sequence[Span], cuts: Sequence[Span]) -> list[Span]:
    """What of `spans` lies outside of `cuts`; the order of either does not matter."""
    left = list(spans)
    for start, end in cuts:
        left = [
            part
            for a, b in left
            for part in ((a, min(b, start)), (max(a, end), b))
            if part[0] < part[1]
        ]
    return left

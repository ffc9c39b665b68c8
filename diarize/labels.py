"""Names for speakers nobody has named: A, B, C… or SPEAKER_00…, in order of first appearance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from diarize.records import SAMPLE_RATE_HZ, UNKNOWN, Result, Turn

if TYPE_CHECKING:
    from diarize.attribution import Views
    from diarize.prepared import Prepared

LabelStyle = Literal["letters", "numbers"]


@dataclass(frozen=True, slots=True)
class Side:
    """One channel's named turns, as they overlap and one at a time."""

    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]


def label(index: int, style: LabelStyle = "letters") -> str:
    """The label of speaker `index`: A … Z, AA, AB …; or SPEAKER_00, SPEAKER_01 …."""
    if style == "numbers":
        return f"SPEAKER_{index:02d}"
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def name_sides(sides: Sequence[Views], style: LabelStyle) -> list[Side]:
    """Labels in order of first appearance over all sides; no two sides share one but UNKNOWN."""
    heard = sorted(
        (
            (turn.start, turn.end, i, speaker)
            for i, side in enumerate(sides)
            for speaker, turn in side.turns + side.exclusive
            if speaker is not None
        )
    )
    names: dict[tuple[int, int | None], str] = {(i, None): UNKNOWN for i in range(len(sides))}
    for _, _, i, speaker in heard:
        names.setdefault((i, speaker), label(len(names) - len(sides), style))

    def named(i: int, view: Sequence[tuple[int | None, Turn]]) -> tuple[Turn, ...]:
        turns = [replace(turn, speaker=names[i, speaker]) for speaker, turn in view]
        return in_order(turns)

    return [Side(named(i, s.turns), named(i, s.exclusive)) for i, s in enumerate(sides)]


def one_at_a_time(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Turns of which none overlap, of sides that may speak at once.

    Who began last has the floor, as a short answer into a long speech does; the interrupted turn
    goes on where that one ends.
    """
    pieces: list[Turn] = []
    begun: list[Turn] = []
    now = 0.0
    beyond = Turn(math.inf, math.inf, "")
    for turn in [*sorted(turns, key=lambda t: (t.start, -t.end, t.speaker)), beyond]:
        while begun and now < turn.start:
            stop = min(begun[-1].end, turn.start)
            if now < stop:
                pieces.append(replace(begun[-1], start=now, end=stop))
                now = stop
            if begun[-1].end <= now:
                begun.pop()
        now = max(now, turn.start)
        begun.append(turn)
    return tuple(pieces)


def in_order(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Turns sorted by time."""
    return tuple(sorted(turns, key=lambda t: (t.start, t.end, t.speaker)))


def together(prepared: Prepared, sides: Sequence[Side]) -> Result:
    """The result of all sides of a recording."""
    return Result(
        prepared.name,
        prepared.n_samples / SAMPLE_RATE_HZ,
        in_order(turn for side in sides for turn in side.turns),
        one_at_a_time(turn for side in sides for turn in side.exclusive),
    )


def renamed(sides: Sequence[Side], before: Result, after: Result) -> list[Side]:
    """The sides with the labels that naming gave, which leaves the turns in their order."""
    new = {a.speaker: b.speaker for a, b in zip(before.turns, after.turns, strict=True)}
    new |= {a.speaker: b.speaker for a, b in zip(before.exclusive, after.exclusive, strict=True)}

    def named(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
        return tuple(replace(turn, speaker=new.get(turn.speaker, turn.speaker)) for turn in turns)

    return [Side(named(side.turns), named(side.exclusive)) for side in sides]

"""Who is found, by how much they say: a count that is off by one says nothing of who is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.judging import truth
from benchmarks.markdown import table
from benchmarks.page.gathered import Gathered, Heard
from benchmarks.page.tables import PARTS
from diarize.metrics.timeline import best_mapping, build_timeline

SPOKEN_S = ((0.0, 3.0), (3.0, 10.0), (10.0, 30.0), (30.0, math.inf))
SHARE = 0.5

NOTE = """People by how much they say in a recording, overlap included. Found: a label of their own
(one to one, so that most time is right, as for DER) has at least half of what they say. Last line:
labels that are nobody's, and how much they say on average."""


def section(page: Gathered) -> str:
    """Found of all people that speak for so long, by part and system; and whom nobody is."""
    names = [*(_span(low, high) for low, high in SPOKEN_S), "nobody"]
    rows = []
    for part, fits in PARTS:
        columns = [_cells([h for h in heard if fits(h.planned)]) for heard in page.heard.values()]
        for name, *cells in zip(names, *columns, strict=True):
            if set(cells) != {"–"}:
                rows.append([part, name, *cells])
    return f"{NOTE}\n\n{table(['of', 'they say', *page.heard], rows)}"


def _cells(heard: Sequence[Heard]) -> list[str]:
    people, nobodies_s = found(heard)
    cells = []
    for low, high in SPOKEN_S:
        own = [right for spoken_s, right in people if low <= spoken_s < high]
        cells.append(f"{sum(own)}/{len(own)}" if own else "–")
    mean = f" ({sum(nobodies_s) / len(nobodies_s):.1f} s)" if nobodies_s else ""
    return [*cells, f"{len(nobodies_s)}{mean}" if people else "–"]


def found(heard: Iterable[Heard]) -> tuple[list[tuple[float, bool]], list[float]]:
    """Of every person: seconds said, and whether they are found; of every label that is nobody's:
    seconds."""
    people: list[tuple[float, bool]] = []
    nobodies_s: list[float] = []
    for one in heard:
        item = one.planned.case.item
        line = build_timeline(truth(item)[0], one.kept.answer.turns, uem=item.scored())
        together_s = line.cooccurrence_s
        own = dict(best_mapping(together_s))
        spoken_s = ((line.reference > 0) * line.scored_s[:, None]).sum(axis=0)
        said_s = ((line.hypothesis > 0) * line.scored_s[:, None]).sum(axis=0)
        for i, seconds in enumerate(spoken_s.tolist()):
            right = i in own and together_s[i, own[i]] >= SHARE * seconds
            people.append((seconds, bool(right)))
        nobodies_s += said_s[np.setdiff1d(np.arange(len(said_s)), list(own.values()))].tolist()
    return people, nobodies_s


def _span(low: float, high: float) -> str:
    if low == 0:
        return f"up to {high:.0f} s"
    return f"{low:.0f} s and more" if math.isinf(high) else f"{low:.0f} to {high:.0f} s"

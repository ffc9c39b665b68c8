"""The page in one table, for the README: a line per measure, a column per system."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.markdown import both_rules, table
from benchmarks.page import speed, tables
from benchmarks.page.gathered import Gathered, pooled
from benchmarks.page.plan import Planned

PARTS: dict[str, Callable[[Planned], bool]] = {
    "real": lambda p: not p.about.simulated,
    "simulated, held back": lambda p: p.about.simulated,
    "**all of these**": lambda p: True,
}


def section(page: Gathered) -> str:
    """DER by set and pooled, counts, speed and memory."""
    wanted = {f"DER, {label}": fits for label, fits in PARTS.items()}
    for about in page.sets:
        wanted[about.label] = lambda p, name=about.name: p.about.name == name  # type: ignore[misc]
    errors = [_error(page, label, fits) for label, fits in wanted.items()]
    rows = [row for row in errors if row is not None]
    rows += [_counted(page), _slower(page), _memory(page)]
    return table(["", "recordings", *page.heard], rows)


def _error(page: Gathered, label: str, fits: Callable[[Planned], bool]) -> list[str] | None:
    complete = page.complete(fits)
    if not complete:
        return None
    own = [p for p in page.compared if fits(p)]
    least = min(p.strict.der.rate for p in complete.values()) if len(complete) > 1 else None
    cells = []
    for name in page.heard:
        cell = both_rules(complete[name]) if name in complete else "–"
        best = name in complete and complete[name].strict.der.rate == least
        cells.append(f"**{cell}**" if best else cell)
    minutes = sum(p.case.duration_s for p in own) / 60
    return [label, f"{len(own)} ({minutes:.0f} min)", *cells]


def _counted(page: Gathered) -> list[str]:
    cells, kind = [], tables.KINDS[1]
    for heard in page.heard.values():
        off = tables.counts([h for h in heard if h.planned.compared], kind)
        cells.append(f"{off.count(0)} of {len(off)}" if off else "–")
    return [f"counted exactly, {kind[0]}", "", *cells]


def _slower(page: Gathered) -> list[str]:
    cells = []
    for name in page.heard:
        timed = speed.pairs(page, name)
        cells.append(f"{speed.ratio(timed):.1f} × slower" if timed else "–")
    shown = speed.timed_pooled(page)
    if "ours" in page.heard:
        own = f"{shown['ours'].speed:.0f} × real time" if "ours" in shown else "–"
        cells[list(page.heard).index("ours")] = own
    return ["speed, networks loaded", "", *cells]


def _memory(page: Gathered) -> list[str]:
    peaks = [pooled(heard).peak_bytes / 1e6 for heard in page.heard.values()]
    return ["peak memory, MB", "", *(f"{peak:.0f}" for peak in peaks)]

"""The page in one table, for the README: a line per measure, a column per system."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.markdown import both_rules, table
from benchmarks.page import speed, tables
from benchmarks.page.gathered import Gathered, pooled
from benchmarks.page.plan import Planned

PARTS: dict[str, Callable[[Planned], bool]] = {
    "real": lambda p: not p.about.simulated,
    "simulated, held back": lambda p: p.about.simulated and p.about.held,
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
    return [label, f"{len(own)} ({_length(sum(p.case.duration_s for p in own))})", *cells]


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


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
    own = speed.beside(page).get("ours")
    if "ours" in page.heard:
        shown = "–" if own is None else f"{own:.0f} × real time"
        cells[list(page.heard).index("ours")] = shown
    return ["speed, networks loaded", "", *cells]


def _memory(page: Gathered) -> list[str]:
    found, n = page.common()
    cells = []
    for name in page.heard:
        heard = found.get(name, [])
        cells.append(f"{pooled(heard).peak_bytes / 1e6:.0f}" if len(heard) == n else "–")
    return ["peak memory, MB", f"{n}", *cells]

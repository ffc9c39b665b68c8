"""What is won by knowing how many speakers there are; it should never cost anything."""

from __future__ import annotations

from benchmarks.judging import Pooled
from benchmarks.markdown import table
from benchmarks.page.gathered import Gathered, pooled

NOTE = """DER with the right `num_speakers` / without, collar 0; **bold** where the hint makes it
worse, which it never should. Every set is the part of it that has been answered both ways."""
WORSE = 5e-4
"""Differences below this are the last digit shown."""


def with_and_without(page: Gathered) -> dict[str, dict[str, tuple[Pooled, Pooled]]]:
    """System → set → (with the hint, without it), on the same recordings."""
    found: dict[str, dict[str, tuple[Pooled, Pooled]]] = {}
    for system in page.systems:
        plain = {h.planned.case.sha256: h for h in page.heard.get(system.name, [])}
        told = [h for h in page.answers(system, hinted=True) if h.planned.case.sha256 in plain]
        for name in dict.fromkeys(h.planned.about.name for h in told):
            own = [h for h in told if h.planned.about.name == name]
            both = pooled(own), pooled([plain[h.planned.case.sha256] for h in own])
            found.setdefault(system.name, {})[name] = both
    return found


def worse(both: tuple[Pooled, Pooled]) -> bool:
    """Whether the hint costs anything."""
    return both[0].strict.der.rate > both[1].strict.der.rate + WORSE


def section(page: Gathered) -> str:
    found = with_and_without(page)
    if not found:
        return "Not run (`--hints`)."
    rows = []
    for about in page.sets:
        cells = [_cell(by_set.get(about.name)) for by_set in found.values()]
        if any(cell != "–" for cell in cells):
            n = max(len(s[about.name][0].strict.files) for s in found.values() if about.name in s)
            rows.append([about.label, f"{n}", *cells])
    return f"{NOTE}\n\n{table(['set', 'recordings', *found], rows)}"


def _cell(both: tuple[Pooled, Pooled] | None) -> str:
    if both is None:
        return "–"
    told, plain = (100 * p.strict.der.rate for p in both)
    cell = f"{told:.1f} / {plain:.1f}"
    return f"**{cell}**" if worse(both) else cell

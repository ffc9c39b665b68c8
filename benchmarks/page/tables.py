"""Who is right: DER pooled and by set, speakers counted, every recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.judging import Pooled
from benchmarks.markdown import both_rules, der_cells, mean_size, percent, system_name, table
from benchmarks.page.gathered import Gathered, Heard, pooled
from benchmarks.page.plan import Planned

TELEPHONE = "telephone"
ERROR_NOTE = """DER in %, once at collar 0 and once at ±0.25 s; overlap is scored in both. No hints.
Count error: speakers found minus speakers there, mean (mean size). A system that has not answered
for every recording is compared with ours on those it has (last column); its own figures are not
those of the other rows."""


def errors(page: Gathered, fits: Callable[[Planned], bool] = lambda _: True) -> str:
    """Every system over the compared recordings that fit, pooled."""
    head = ["system", "DER", "missed", "false alarm", "confusion", "DER ±0.25", "missed"]
    head += ["false alarm", "confusion", "JER", "count exact", "count error"]
    head += ["ours on the same: DER", "±0.25"]
    rows = []
    found, n = page.common(fits)
    for name, heard in found.items():
        every, own = pooled(heard), page.ours_on(heard)
        off = [h.judged.strict.count.error for h in heard]
        same = ["–", "–"]
        if len(own) == len(heard):
            ours = pooled(own)
            same = [percent(ours.strict.der.rate), percent(ours.lenient.der.rate)]
        rows.append(
            [
                system_name(name, len(heard), n),
                *der_cells(every.strict.der),
                *der_cells(every.lenient.der),
                percent(every.strict.jer.rate),
                f"{every.strict.exact_counts}/{len(heard)}",
                f"{sum(off) / len(off):+.2f} (±{mean_size(off):.2f})",
                *same,
            ]
        )
    minutes = sum(p.case.duration_s for p in page.compared if fits(p)) / 60
    return f"{n} recordings, {minutes:.0f} minutes.\n\n{table(head, rows)}"


def sets(page: Gathered) -> str:
    """DER by set, the least in bold, and what share of the best peer's ours is."""
    names = list(page.heard)
    rows = []
    about = {one.name: one for one in page.sets}
    for group, by_system in page.by_set().items():
        own = [p for p in page.compared if p.about.name == group]
        best = min((p.strict.der.rate for p in by_system.values()), default=0.0)
        cells = []
        for name in names:
            one = by_system.get(name)
            cell = "–" if one is None else both_rules(one)
            least = one is not None and len(by_system) > 1 and one.strict.der.rate == best
            cells.append(f"**{cell}**" if least else cell)
        minutes = sum(p.case.duration_s for p in own) / 60
        label = about[group].label
        rows.append([label, f"{len(own)}", f"{minutes:.1f}", *cells, _against_best(by_system)])
    return table(["set", "recordings", "min", *names, "ours / best peer"], rows)


def _against_best(by_system: Mapping[str, Pooled]) -> str:
    """Our DER as a multiple of the best peer's, by both rules."""
    peers = [p for name, p in by_system.items() if name != "ours"]
    if "ours" not in by_system or not peers:
        return "–"
    own = by_system["ours"]
    best = min(p.strict.der.rate for p in peers), min(p.lenient.der.rate for p in peers)
    rates = own.strict.der.rate, own.lenient.der.rate
    return " / ".join(f"{o / b:.2f}" if b else "–" for o, b in zip(rates, best, strict=True))


Kind = tuple[str, Callable[[Planned, int], bool], int]
"""A label, which recordings (by plan and voices there) it holds, and how far off still counts."""


def _long(low: int, high: int) -> Callable[[Planned, int], bool]:
    return lambda p, there: p.case.duration_s >= 120 and low <= there <= high


KINDS: tuple[Kind, ...] = (
    ("from 2 min, 1 voice", _long(0, 1), 0),
    ("from 2 min, 2–8 voices", _long(2, 8), 0),
    ("from 2 min, 9–11 voices", _long(9, 11), 0),
    ("from 2 min, 12–20 voices, ± 2", _long(12, 20), 2),
    ("up to 1 min", lambda p, there: p.case.duration_s <= 60, 0),
    ("telephone, any length", lambda p, there: p.about.kind == TELEPHONE, 0),
)
PARTS: tuple[tuple[str, Callable[[Planned], bool]], ...] = (
    ("real, development", lambda p: not p.about.simulated and not p.about.held),
    ("real, held back", lambda p: not p.about.simulated and p.about.held),
    ("simulated, development", lambda p: p.about.simulated and not p.about.held),
    ("simulated, held back", lambda p: p.about.simulated and p.about.held),
)


def counts(heard: Sequence[Heard], kind: Kind) -> list[int]:
    """Errors of the counts of one kind."""
    counted = [(h.planned, h.judged.strict.count) for h in heard]
    return [c.error for p, c in counted if kind[1](p, c.reference)]


def counting(page: Gathered) -> str:
    """How many recordings were counted right, by length, voices and where they come from."""
    rows = []
    for kind in KINDS:
        for part, fits in PARTS:
            cells = []
            for heard in page.heard.values():
                off = counts([h for h in heard if fits(h.planned)], kind)
                right = sum(abs(e) <= kind[2] for e in off)
                cells.append(f"{right}/{len(off)} ({sum(off) / len(off):+.1f})" if off else "–")
            if any(cell != "–" for cell in cells):
                rows.append([kind[0], part, *cells])
    return table(["recordings", "of", *page.heard], rows)


def recordings(page: Gathered) -> str:
    """Every recording, by every system that has answered for it."""
    rows = []
    found = {name: {h.planned.case.sha256: h for h in heard} for name, heard in page.heard.items()}
    for p in page.planned:
        cells, voices = [], "–"
        for by_key in found.values():
            one = by_key.get(p.case.sha256)
            cells.append("–")
            if one is not None:
                count = one.judged.strict.count
                cells[-1] = f"{both_rules(pooled([one]))} ({count.hypothesis})"
                voices = f"{count.reference}"
        mark = "held back" if p.about.held else p.about.part
        name = f"{p.about.name}/{p.case.item.name}"
        rows.append([name, mark, f"{p.case.duration_s / 60:.1f}", voices, *cells])
    return table(["recording", "part", "min", "voices", *page.heard], rows)

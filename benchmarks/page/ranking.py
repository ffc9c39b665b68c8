"""Do simulated recordings rank systems as real ones of their kind do?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy import stats

from benchmarks.markdown import percent, table
from benchmarks.page.gathered import Gathered

FEWEST = 4
"""Systems, for a rank correlation to say anything at all."""
MANY = 8
"""Up to this many systems, p comes from every order there is, then from 10,000 by chance."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """DER of every system that has all of both sides, (real, simulated)."""

    kind: str
    der: dict[str, tuple[float, float]]

    @property
    def spearman(self) -> float:
        return float(stats.spearmanr(*zip(*self.der.values(), strict=True)).statistic)

    @property
    def kendall(self) -> float:
        return float(stats.kendalltau(*zip(*self.der.values(), strict=True)).statistic)

    @property
    def p(self) -> float:
        """How often chance ranks them as much alike or more (Spearman, one-sided)."""
        real, simulated = (
            stats.zscore(stats.rankdata(side)) for side in zip(*self.der.values(), strict=True)
        )
        n = len(real)
        if n <= MANY:
            orders = np.array(list(permutations(range(n))))
        else:
            generator = np.random.default_rng(0)
            orders = generator.permuted(np.tile(np.arange(n), (10_000, 1)), axis=1)
        by_chance = simulated[orders] @ real / n
        return float(np.mean(by_chance >= simulated @ real / n - 1e-9))


def kinds(page: Gathered) -> list[Likeness]:
    """Every kind that there are real and simulated recordings of, and all of them together, each
    kind weighing the same."""
    found = []
    for kind in dict.fromkeys(s.kind for s in page.sets if s.kind):
        real = page.complete(lambda p, k=kind: p.about.kind == k and not p.about.simulated)  # type: ignore[misc]
        made = page.complete(lambda p, k=kind: p.about.kind == k and p.about.simulated)  # type: ignore[misc]
        both = {
            name: (real[name].strict.der.rate, made[name].strict.der.rate)
            for name in real
            if name in made
        }
        if both:
            found.append(Likeness(kind, both))
    return [*found, together(found)] if len(found) > 1 else found


def together(by_kind: list[Likeness]) -> Likeness:
    """The mean over kinds, for systems that have them all."""
    names = [n for n in by_kind[0].der if all(n in one.der for one in by_kind)]
    der = {n: np.mean([one.der[n] for one in by_kind], axis=0) for n in names}
    return Likeness("all of these kinds", {n: (float(r), float(s)) for n, (r, s) in der.items()})


def section(page: Gathered, picture: str) -> str:
    found = [one for one in kinds(page) if len(one.der) >= FEWEST]
    if not found:
        return (
            f"Fewer than {FEWEST} systems have answered for real and simulated recordings of one "
            "kind (`--simulated FOLDER`)."
        )
    rows = []
    for one in found:
        figures = [
            f"{one.spearman:+.2f}",
            f"{one.kendall:+.2f}",
            f"{one.p:.3f}" if one.p >= 0.001 else "< 0.001",
        ]
        rows.append([one.kind, f"{len(one.der)}", *figures, *_minutes(page, one.kind)])
    names = list(found[-1].der)
    cells = [[one.kind, *(_both(one.der, name) for name in names)] for one in found]
    head = ["kind", "systems", "Spearman", "Kendall", "p (Spearman)", "real min", "simulated min"]
    return (
        "DER at collar 0, real / simulated, of the systems that have answered for both; then how "
        "alike the two orders are: 1 is the same order, 0 chance.\n\n"
        f"{table(['kind', *names], cells)}\n\n{table(head, rows)}\n\n{picture}\n\n{CAVEAT}"
    )


CAVEAT = """What this cannot show: the systems are few, and most share one segmentation network and
one voice network, so that they are not independent; a few minutes of each kind leave neighbours in
the order to chance; and ours was tuned on development sets, real and simulated, and learnt from
the simulator. p is what chance would give if the systems were independent."""


def _both(der: Mapping[str, tuple[float, float]], name: str) -> str:
    return " / ".join(map(percent, der[name])) if name in der else "–"


def _minutes(page: Gathered, kind: str) -> list[str]:
    cells = []
    for simulated in (False, True):
        own = [
            p.case.duration_s
            for p in page.compared
            if p.about.simulated == simulated and p.about.kind == kind
        ]
        cells.append(f"{sum(own) / 60:.1f}" if own else "")
    return cells

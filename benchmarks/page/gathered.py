"""What is known about every system and recording: answers that were kept, judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.judging import Judged, Pooled, judge, pool
from benchmarks.page.plan import Planned, PlannedSet
from benchmarks.runs import Case, Figures, Kept, Results, kind_of
from benchmarks.workers import System


@dataclass(frozen=True, slots=True)
class Heard:
    """One recording, what a system answered, and how good that is."""

    planned: Planned
    kept: Kept
    judged: Judged


class Gathered:
    """All answers of the page's systems.

    Attributes:
        mine: ours as it was when the run began; mine_with_words: the same with Whisper.
        heard: system → its answers, in the page's order; systems without any are left out.
    """

    def __init__(
        self,
        planned: Sequence[Planned],
        mine: tuple[System, System],
        theirs: Sequence[System],
        threads: int,
        results: Results,
        figures: Figures,
    ) -> None:
        self.planned, self.threads = planned, threads
        self.mine, self.mine_with_words = mine
        self.systems = [self.mine, *theirs]
        self.results, self.figures = results, figures
        answers = {one.name: self.answers(one) for one in self.systems}
        self.heard = {name: heard for name, heard in answers.items() if heard}

    @property
    def compared(self) -> list[Planned]:
        """The recordings that every system answers for."""
        return [p for p in self.planned if p.compared]

    @property
    def sets(self) -> list[PlannedSet]:
        return list({p.about.name: p.about for p in self.planned}.values())

    def answers(self, system: System, words: bool = False, hinted: bool = False) -> list[Heard]:
        """What `system` was heard to say, asked in this way."""
        kind = kind_of(self.threads, words, hinted)
        found = []
        for p in self.planned:
            kept = self.results.get(system, p.case, kind)
            if kept is not None:
                found.append(Heard(p, kept, judge_case(p.case, kept)))
        return found

    def common(
        self, fits: Callable[[Planned], bool] = lambda _: True
    ) -> tuple[dict[str, list[Heard]], int]:
        """System → its answers for the compared recordings that fit, where it has any; and how
        many such recordings there are."""
        wanted = [p for p in self.compared if fits(p)]
        keys = {p.case.sha256 for p in wanted}
        found = {
            name: [h for h in heard if h.planned.compared and h.planned.case.sha256 in keys]
            for name, heard in self.heard.items()
        }
        return {name: heard for name, heard in found.items() if heard}, len(wanted)

    def complete(self, fits: Callable[[Planned], bool] = lambda _: True) -> dict[str, Pooled]:
        """System → pooled figures over the compared recordings that fit, where it has them all."""
        found, n = self.common(fits)
        return {name: pooled(heard) for name, heard in found.items() if len(heard) == n}

    def by_set(self) -> dict[str, dict[str, Pooled]]:
        """Set → system → pooled figures, where the system has the set's compared recordings."""
        names = dict.fromkeys(p.about.name for p in self.compared)
        return {name: self.complete(lambda p, name=name: p.about.name == name) for name in names}  # type: ignore[misc]

    def ours_on(self, heard: Iterable[Heard]) -> list[Heard]:
        """Our answers for the same recordings, as far as there are any."""
        keys = {h.planned.case.sha256 for h in heard}
        return [h for h in self.heard.get("ours", []) if h.planned.case.sha256 in keys]


def judge_case(case: Case, kept: Kept) -> Judged:
    return judge(case.group, case.item, case.duration_s, kept.answer)


def pooled(heard: Iterable[Heard]) -> Pooled:
    return pool([h.judged for h in heard])

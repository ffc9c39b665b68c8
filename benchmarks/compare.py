"""Systems over recordings; answers are kept.

For each peer two processes are up, ours and theirs, with their models loaded and warmed by one
short recording. They run recording by recording, ours, theirs, ours, theirs, so that whatever else
the machine does hurts both alike; each peer's answer keeps what ours took right before it, and
which version of ours that was. A peer's turns stay what they are when ours changes: its answers are
run again only to time them against the new version (`timed`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.judging import truth
from benchmarks.runs import BUILD, Case, Kept, Results, kind_of
from benchmarks.workers import System, Worker, WorkerError

LONGEST_WARM_UP_S = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """How systems are run.

    alone: peers without ours beside them: their turns, but no speeds that could be compared.
    """

    results: Results
    threads: int
    fresh: bool = False
    alone: bool = False


def compare(cases: Sequence[Case], mine: System, peers: Iterable[System], run: Run) -> list[str]:
    """Run what is missing (all of it if `run.fresh`). Returns what failed, a line each."""
    failures: list[str] = []
    for peer in peers:
        todo = _missing(peer, cases, run)
        failures += _in_turn(todo, [peer] if run.alone else [mine, peer], run)
    return failures


def alone(system: System, cases: Sequence[Case], run: Run) -> list[str]:
    """One system over what it has not answered yet, nobody beside it."""
    return _in_turn(_missing(system, cases, run), [system], run)


def timed(cases: Sequence[Case], mine: System, peers: Iterable[System], run: Run) -> list[str]:
    """Ours and each peer turn and turn about, unless that was with ours as it is now."""
    failures: list[str] = []
    kind = kind_of(run.threads)
    for peer in peers:
        kept = [run.results.get(peer, c, kind) for c in cases]
        todo = [
            c
            for c, k in zip(cases, kept, strict=True)
            if run.fresh or k is None or k.ours_version != mine.version
        ]
        failures += _in_turn(todo, [mine, peer], run)
    return failures


def transcribe(cases: Iterable[Case], systems: Sequence[System], run: Run) -> list[str]:
    """Words of the recordings whose words are known, the first system and the others turn and
    turn about."""
    spoken = [c for c in cases if c.item.stm or c.item.seglst]
    kind = kind_of(run.threads, words=True)
    todo = [c for c in spoken if run.fresh or any(not run.results.get(s, c, kind) for s in systems)]
    return _in_turn(todo, systems, run, words=True)


def hinted(system: System, cases: Sequence[Case], run: Run) -> list[str]:
    """One system told how many speakers there are, over what it has not answered yet."""
    return _in_turn(_missing(system, cases, run, hinted=True), [system], run, hint=True)


def _missing(system: System, cases: Sequence[Case], run: Run, hinted: bool = False) -> list[Case]:
    kind = kind_of(run.threads, hinted=hinted)
    return [c for c in cases if run.fresh or run.results.get(system, c, kind) is None]


def _in_turn(
    todo: Sequence[Case],
    systems: Sequence[System],
    run: Run,
    words: bool = False,
    hint: bool = False,
) -> list[str]:
    """The systems over `todo`, recording by recording. The first is ours, unless it is alone."""
    failures: list[str] = []
    if not todo:
        return []
    kind = kind_of(run.threads, words, hint)
    with ExitStack() as stack:
        try:
            workers = [
                stack.enter_context(Worker(s, run.threads, BUILD / "logs" / f"{s.name}.log"))
                for s in systems
            ]
        except WorkerError as fault:
            return [str(fault)]
        warm_up = min(todo, key=lambda c: c.duration_s)
        for i, case in enumerate(todo):
            number = len({t.speaker for t in truth(case.item)[0]}) or None if hint else None
            first_s = None
            for worker in workers:
                try:
                    if i == 0 and warm_up.duration_s <= LONGEST_WARM_UP_S:
                        worker.ask(warm_up.wav, None, words)
                    answer = worker.ask(case.wav, number, words)
                except WorkerError as fault:
                    failures.append(str(fault))
                    continue
                kept = Kept(answer, worker.load_s)
                if worker is not workers[0] and first_s is not None:
                    kept = Kept(answer, worker.load_s, first_s, systems[0].version)
                elif worker is workers[0]:
                    first_s = answer.wall_s
                run.results.put(worker.system, case, kind, kept)
            names = " and ".join(w.system.name for w in workers)
            print(
                f"{names}: {case.group}/{case.item.name} ({i + 1} of {len(todo)})", file=sys.stderr
            )
    return failures

"""Ours and the peers over the same recordings, turn and turn about; answers are kept.

For each peer two processes are up, ours and theirs, with their models loaded and warmed by one
short recording. They run recording by recording, ours, theirs, ours, theirs, so that whatever else
the machine does hurts both alike; each peer's answer keeps what ours took right before it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack

from benchmarks.runs import BUILD, Case, Kept, Results
from benchmarks.workers import System, Worker, WorkerError

LONGEST_WARM_UP_S = 120.0


def kind_of(threads: int, words: bool = False) -> str:
    """What was asked, as part of an answer's file name."""
    return f"{'words' if words else 'turns'}-{threads}-threads"


def compare(
    cases: list[Case],
    mine: System,
    peers: Iterable[System],
    results: Results,
    threads: int,
    fresh: bool = False,
) -> list[str]:
    """Run what is missing (all of it if `fresh`). Returns what failed, a line each."""
    kind = kind_of(threads)
    failures: list[str] = []
    for peer in peers:
        todo = [c for c in cases if fresh or results.get(peer, c, kind) is None]
        if todo:
            failures += _pair(todo, mine, peer, results, threads)
    todo = [c for c in cases if results.get(mine, c, kind) is None]
    if todo:
        failures += _pair(todo, mine, None, results, threads)
    return failures


def transcribe(
    cases: list[Case], mine: System, results: Results, threads: int, fresh: bool = False
) -> list[str]:
    """Our words for the recordings whose words are known, the same way."""
    kind = kind_of(threads, words=True)
    cases = [c for c in cases if c.item.stm or c.item.seglst]
    todo = [c for c in cases if fresh or results.get(mine, c, kind) is None]
    return _pair(todo, mine, None, results, threads, words=True) if todo else []


def _pair(
    todo: list[Case],
    mine: System,
    peer: System | None,
    results: Results,
    threads: int,
    words: bool = False,
) -> list[str]:
    """Ours and, if there is one, the peer over `todo`."""
    failures: list[str] = []
    kind = kind_of(threads, words)
    with ExitStack() as stack:
        try:
            workers = [
                stack.enter_context(Worker(s, threads, BUILD / "logs" / f"{s.name}.log"))
                for s in (mine, peer)
                if s is not None
            ]
        except WorkerError as fault:
            return [str(fault)]
        warm_up = min(todo, key=lambda c: c.duration_s)
        for i, case in enumerate(todo):
            ours_wall_s = None
            for worker in workers:
                try:
                    if i == 0 and warm_up.duration_s <= LONGEST_WARM_UP_S:
                        worker.ask(warm_up.wav, None, words)
                    answer = worker.ask(case.wav, None, words)
                except WorkerError as fault:
                    failures.append(str(fault))
                    continue
                if worker.system is mine:
                    ours_wall_s = answer.wall_s
                    kept = Kept(answer, worker.load_s)
                else:
                    kept = Kept(answer, worker.load_s, ours_wall_s, mine.version)
                results.put(worker.system, case, kind, kept)
            names = " and ".join(w.system.name for w in workers)
            print(
                f"{names}: {case.group}/{case.item.name} ({i + 1} of {len(todo)})", file=sys.stderr
            )
    return failures

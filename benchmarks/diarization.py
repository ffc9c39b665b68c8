"""How good, how fast, how large: our pipeline on recordings with truth.

    python -m benchmarks.diarization ami-clips sample FOLDER [--words] [--hints oracle] [--json OUT]
    python -m benchmarks.diarization FOLDER --standard voxconverse [--part test]

Each set is one child process, so that load time and peak memory are its own. DER is shown by both
rules side by side: collar 0 and ±0.25 s, overlap scored in both; below them stands that by a
standard set's own rule. Speeds count with models loaded; × CPU is real time per second of processor
time, which a busy machine changes least.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.data import Item, Protocol, labels, load, protocol
from benchmarks.fetching import FetchError
from benchmarks.judging import Judged, Pooled, judge, pool, truth
from benchmarks.runs import BUILD, Case, case
from benchmarks.workers import System, Worker, WorkerError, ours
from diarize.errors import DiarizeError
from diarize.metrics.der import DiarizationError
from diarize.metrics.report import Pair, WordScore, score_recordings

STAGES = ("audio", "speech", "voices", "speakers", "transcription")
"""The pipeline's own names: decoding; VAD; segmentation and embedding; count, cluster, attribute;
words."""


def run_set(
    system: System, cases: list[Case], threads: int, hints: str, words: bool
) -> tuple[list[Judged], Worker]:
    """Every recording of a set through one worker; the worker is closed, its figures remain."""
    judged = []
    with Worker(system, threads, BUILD / "logs" / f"{system.name}.log") as worker:
        for one in cases:
            n = len({t.speaker for t in truth(one.item)[0]}) or None if hints == "oracle" else None
            answer = worker.ask(one.wav, n, words)
            judged.append(judge(one.group, one.item, one.duration_s, answer))
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return judged, worker


def table(judged: list[Judged], words: bool) -> str:
    """One line per recording and one for all."""
    head = f"{'recording':22} {'min':>5} | {'DER':>5} {'miss':>5} {'fa':>5} {'conf':>5} | "
    head += f"{'±0.25':>5} {'miss':>5} {'fa':>5} {'conf':>5} | {'JER':>5} {'spk':>6} {'off':>4} | "
    stages = [s for s in STAGES if s != "transcription" or words]
    head += " ".join(f"{s[:6]:>6}" for s in stages) + f" {'× rt':>6} {'× CPU':>6}"
    head += f" | {'WER':>5} {'cpWER':>5} {'wrong':>5}" if words else ""
    lines = [head, "-" * len(head)]
    for one in judged:
        counted = one.strict.count
        spk = f"{counted.hypothesis}/{counted.reference}"
        lines.append(_row(one.name, pool([one]), spk, f"{counted.error:+d}", stages, words))
    if len(judged) > 1:
        all_of_them = pool(judged)
        errors = [j.strict.count.error for j in judged]
        spk = f"{all_of_them.strict.exact_counts}/{len(judged)}="
        mean = f"{sum(errors) / len(errors):+.1f}"
        lines.append(_row("all", all_of_them, spk, mean, stages, words))
    return "\n".join(lines)


def _row(name: str, pooled: Pooled, spk: str, off: str, stages: list[str], words: bool) -> str:
    seconds = " ".join(f"{pooled.stages_s.get(s, 0.0):6.2f}" for s in stages)
    jer = pooled.strict.jer
    row = f"{name[:22]:22} {pooled.duration_s / 60:5.1f} | {_parts(pooled.strict.der)} | "
    row += f"{_parts(pooled.lenient.der)} | {_percent(jer.rate if jer.speakers else None)} "
    row += f"{spk:>6} {off:>4} | {seconds} {pooled.speed:6.1f} "
    row += f"{pooled.duration_s / pooled.cpu_s:6.1f}"
    return row + (f" | {_words(pooled.strict.words)}" if words else "")


def _parts(der: DiarizationError) -> str:
    parts_s = (der.missed_s, der.false_alarm_s, der.confusion_s)
    parts = [part_s / der.total_s if der.total_s else None for part_s in parts_s]
    return " ".join(map(_percent, (der.rate, *parts)))


def _words(score: WordScore | None) -> str:
    rates = (None,) * 3 if score is None else (score.wer.rate, score.cpwer.rate, score.wder.rate)
    return " ".join(map(_percent, rates))


def _percent(rate: float | None) -> str:
    return f"{'–':>5}" if rate is None else f"{100 * rate:5.1f}"


def figures(judged: list[Judged], worker: Worker) -> dict[str, Any]:
    """The same as JSON: rates as fractions, times in seconds."""
    return {
        "system": worker.system.name,
        "version": worker.system.version,
        "load_s": worker.load_s,
        "recordings": {j.name: _figures(pool([j])) for j in judged},
        "pooled": _figures(pool(judged)),
    }


def by_protocol(rule: Protocol, cases: list[Case], judged: list[Judged]) -> DiarizationError:
    """The same answers by the usual rule of a standard set."""
    total = DiarizationError()
    for one, found in zip(cases, judged, strict=True):
        pair = Pair(truth(one.item)[0], found.answer.turns, one.item.scored())
        total += score_recordings(
            {one.item.name: pair}, collar_s=rule.collar_s, skip_overlap=not rule.overlap
        ).der
    return total


def protocol_row(rule: Protocol, der: DiarizationError) -> str:
    """Under the table: DER and its parts by that rule."""
    overlap = "scored" if rule.overlap else "skipped"
    return (
        f"by the rule of {rule.name} (collar {rule.collar_s:g} s, overlap {overlap}): DER, miss, "
        f"fa, conf {_parts(der)}\n  {rule.rule}"
    )


def _figures(pooled: Pooled) -> dict[str, Any]:
    words = pooled.strict.words
    rules = {"collar_0": pooled.strict.der, "collar_0.25": pooled.lenient.der}
    return {
        "duration_s": pooled.duration_s,
        "der": {rule: _der(error) for rule, error in rules.items()},
        "jer": pooled.strict.jer.rate,
        "counts": [[f.count.hypothesis, f.count.reference] for f in pooled.strict.files],
        "stages_s": pooled.stages_s,
        "wall_s": pooled.wall_s,
        "cpu_s": pooled.cpu_s,
        "peak_bytes": pooled.peak_bytes,
        "wer": words and words.wer.rate,
        "cpwer": words and words.cpwer.rate,
        "wder": words and words.wder.rate,
    }


def _der(error: DiarizationError) -> dict[str, Any]:
    return {
        "rate": error.rate,
        "total_s": error.total_s,
        "missed_s": error.missed_s,
        "false_alarm_s": error.false_alarm_s,
        "confusion_s": error.confusion_s,
        "unknown_s": error.unknown_s,
    }


def main(arguments: list[str] | None = None) -> int:
    """0; 2 with one sentence when a set or an answer cannot be had."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except (ValueError, FetchError, WorkerError, DiarizeError) as fault:
        print(f"diarization: {fault}", file=sys.stderr)
        return 2
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.part is not None and options.standard is None:
        raise ValueError("--part is one of a standard set: name that with --standard")
    rule = None if options.standard is None else protocol(options.standard)
    wanted = {
        group: _items(where, options)
        for group, where in zip(labels(options.sets), options.sets, strict=True)
    }
    system = ours(options.clustering, options.words, options.model, options.language)
    everything: list[Judged] = []
    found: dict[str, Any] = {}
    for group, items in wanted.items():
        cases = [case(group, item) for item in items]
        judged, worker = run_set(system, cases, options.threads, options.hints, options.words)
        everything += judged
        found[group] = figures(judged, worker)
        print(f"\n{group}: hints {options.hints}, {options.threads} threads, {options.clustering}")
        print(table(judged, options.words))
        if rule is not None:
            der = by_protocol(rule, cases, judged)
            print(protocol_row(rule, der))
            found[group]["protocol"] = {**asdict(rule), "der": _der(der)}
        loaded, peak = worker.loaded_bytes / 1e6, pool(judged).peak_bytes / 1e6
        print(f"loaded in {worker.load_s:.2f} s ({loaded:.0f} MB), peak memory {peak:.0f} MB")
    if len(wanted) > 1:
        print(f"\nall sets\n{table(everything, options.words).splitlines()[0]}")
        print(table(everything, options.words).splitlines()[-1])
        found["all sets"] = _figures(pool(everything))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _items(where: str, options: argparse.Namespace) -> list[Item]:
    items = load(where, options.standard, options.part)
    chosen = [item for item in items if not options.only or item.name in options.only]
    if not chosen:
        names = ", ".join(item.name for item in items[:5])
        raise ValueError(f"{where} has none of --only {' '.join(options.only)}: it has {names}")
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sets", nargs="+", help="folders, or names of sets")
    parser.add_argument("--standard", metavar="NAME", help="the sets have this one's usual layout")
    parser.add_argument("--part", help="of the standard set; default: the one scored usually")
    parser.add_argument("--clustering", default="merge")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hints", choices=("none", "oracle"), default="none")
    parser.add_argument("--words", action="store_true", help="transcribe as well, and score words")
    parser.add_argument("--model", default="base")
    parser.add_argument("--language", help="of the words; default: detected")
    parser.add_argument("--only", nargs="+", help="these recordings only")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""How good, how fast, how large: our pipeline on recordings with truth.

    python -m benchmarks.diarization ami-clips sample FOLDER [--words] [--hints oracle] [--json OUT]

Each set is one child process, so that load time and peak memory are its own. DER is shown by both
rules side by side: collar 0 and ±0.25 s, overlap scored in both. Speeds count with models loaded;
× CPU is real time per second of processor time, which a busy machine changes least.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.data import load
from benchmarks.judging import Judged, Pooled, judge, pool, truth
from benchmarks.runs import BUILD, Case, case
from benchmarks.workers import System, Worker, ours
from diarize.metrics.der import DiarizationError
from diarize.metrics.report import WordScore

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


def _figures(pooled: Pooled) -> dict[str, Any]:
    words = pooled.strict.words
    rules = {"collar_0": pooled.strict.der, "collar_0.25": pooled.lenient.der}
    return {
        "duration_s": pooled.duration_s,
        "der": {
            rule: {
                "rate": d.rate,
                "total_s": d.total_s,
                "missed_s": d.missed_s,
                "false_alarm_s": d.false_alarm_s,
                "confusion_s": d.confusion_s,
                "unknown_s": d.unknown_s,
            }
            for rule, d in rules.items()
        },
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sets", nargs="+", help="folders, or names of sets")
    parser.add_argument("--clustering", default="merge")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hints", choices=("none", "oracle"), default="none")
    parser.add_argument("--words", action="store_true", help="transcribe as well, and score words")
    parser.add_argument("--model", default="base")
    parser.add_argument("--language", help="of the words; default: detected")
    parser.add_argument("--only", nargs="+", help="these recordings only")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    system = ours(options.clustering, options.words, options.model, options.language)
    everything: list[Judged] = []
    found: dict[str, Any] = {}
    for where in options.sets:
        group = Path(where).name
        items = [i for i in load(where) if not options.only or i.name in options.only]
        cases = [case(group, item) for item in items]
        judged, worker = run_set(system, cases, options.threads, options.hints, options.words)
        everything += judged
        found[group] = figures(judged, worker)
        print(f"\n{group}: hints {options.hints}, {options.threads} threads, {options.clustering}")
        print(table(judged, options.words))
        loaded, peak = worker.loaded_bytes / 1e6, pool(judged).peak_bytes / 1e6
        print(f"loaded in {worker.load_s:.2f} s ({loaded:.0f} MB), peak memory {peak:.0f} MB")
    if len(options.sets) > 1:
        print(f"\nall sets\n{table(everything, options.words).splitlines()[0]}")
        print(table(everything, options.words).splitlines()[-1])
        found["all sets"] = _figures(pool(everything))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

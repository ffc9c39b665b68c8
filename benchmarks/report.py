"""One command, one page: ours and the peers, on every set, by both rules.

    python -m benchmarks.report ami-clips sample … [--peers senko … | all | none] [--words]
        [--growth SET…] [--out build/bench/report.md]

Peers must be installed (python -m benchmarks.peers install NAME…); the default is all that are.
What has been run before is taken from build/bench: the page can be made piece by piece. --fresh
runs everything again, --page-only nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import growth, pictures, whisperx_rule
from benchmarks.compare import compare, kind_of, transcribe
from benchmarks.data import load
from benchmarks.judging import Judged, Pooled, judge, pool
from benchmarks.markdown import (
    both_rules,
    der_cells,
    mean_size,
    percent,
    picture,
    system_name,
    table,
    word_cells,
)
from benchmarks.peers.install import is_installed, peers, system
from benchmarks.runs import BUILD, Case, Kept, Results, case
from benchmarks.workers import ROOT, System, ours
from diarize.records import Word


class Page:
    """What is known about every system and recording, and the sections that show it."""

    def __init__(
        self,
        cases: list[Case],
        mine: System,
        theirs: list[System],
        threads: int,
        results: Results,
    ) -> None:
        self.cases, self.mine, self.threads = cases, mine, threads
        self.systems = [mine, *theirs]
        self.results = results
        self.kept: dict[str, list[tuple[Case, Kept]]] = {}
        self.judged: dict[str, list[Judged]] = {}

    def gather(self) -> None:
        """Read the answers and judge them."""
        for one in self.systems:
            found = [(c, self.results.get(one, c, kind_of(self.threads))) for c in self.cases]
            there = [(c, kept) for c, kept in found if kept is not None]
            if there:
                self.kept[one.name] = there
                self.judged[one.name] = [
                    judge(c.group, c.item, c.duration_s, kept.answer) for c, kept in there
                ]

    # ------------------------------------------------------------ sections

    def summary(self) -> str:
        head = ["system", "DER", "missed", "false alarm", "confusion", "DER ±0.25", "missed"]
        head += ["false alarm", "confusion", "JER", "count exact", "error", "× real time", "× CPU"]
        head += ["ours is faster by", "load s", "peak MB"]
        rows = []
        for name, judged in self.judged.items():
            every = pool(judged)
            errors = [j.strict.count.error for j in judged]
            rows.append(
                [
                    system_name(name, len(judged), len(self.cases)),
                    *der_cells(every.strict.der),
                    *der_cells(every.lenient.der),
                    percent(every.strict.jer.rate),
                    f"{every.strict.exact_counts}/{len(judged)}",
                    f"{sum(errors) / len(errors):+.2f} (±{mean_size(errors):.2f})",
                    f"{every.speed:.1f}",
                    f"{every.duration_s / every.cpu_s:.1f}",
                    self._ratio(name),
                    f"{median(kept.load_s for _, kept in self.kept[name]):.1f}",
                    f"{every.peak_bytes / 1e6:.0f}",
                ]
            )
        return table(head, rows)

    def by_set(self) -> dict[str, dict[str, Pooled]]:
        """Set → system → pooled figures, where the system has the whole set."""
        groups = dict.fromkeys(c.group for c in self.cases)
        sizes = {g: sum(c.group == g for c in self.cases) for g in groups}
        return {
            g: {
                name: pool(own)
                for name, judged in self.judged.items()
                if len(own := [j for j in judged if j.group == g]) == sizes[g]
            }
            for g in groups
        }

    def sets(self) -> str:
        head = ["set", "recordings", "min", *(name for name in self.judged)]
        rows = []
        for group, pooled in self.by_set().items():
            own = [c for c in self.cases if c.group == group]
            cells = [both_rules(pooled[name]) if name in pooled else "–" for name in self.judged]
            minutes = sum(c.duration_s for c in own) / 60
            rows.append([group, f"{len(own)}", f"{minutes:.1f}", *cells])
        return table(head, rows)

    def counting(self) -> str:
        """Exact counts and mean signed error by how many voices there are and how long it is."""
        kinds: dict[str, Callable[[Judged], bool]] = {
            "up to 2 min": lambda j: j.duration_s < 120,
            "from 2 min, 1 voice": lambda j: j.duration_s >= 120 and j.strict.count.reference <= 1,
            "from 2 min, 2–8": lambda j: j.duration_s >= 120 and 2 <= j.strict.count.reference <= 8,
            "from 2 min, 9–11": lambda j: (
                j.duration_s >= 120 and 9 <= j.strict.count.reference < 12
            ),
            "from 2 min, 12 and more": lambda j: (
                j.duration_s >= 120 and j.strict.count.reference >= 12
            ),
        }
        rows = []
        for label, fits in kinds.items():
            cells = []
            for judged in self.judged.values():
                errors = [j.strict.count.error for j in judged if fits(j)]
                exact, n = sum(e == 0 for e in errors), len(errors)
                cells.append(f"{exact}/{n} ({sum(errors) / n:+.1f})" if n else "–")
            if any(cell != "–" for cell in cells):
                rows.append([label, *cells])
        return table(["recordings", *self.judged], rows)

    def words(self) -> str:
        """Whisper's words, the same for all, given to speakers from everybody's turns."""
        kind, mine = kind_of(self.threads, words=True), _with_words(self.mine)
        spoken = {c.sha256: k for c in self.cases if (k := self.results.get(mine, c, kind))}
        if not spoken:
            return "Not run (`--words`)."
        scores: dict[str, list[Judged]] = {"ours (own alignment)": []}
        for c in self.cases:
            if c.sha256 in spoken:
                answer = spoken[c.sha256].answer
                scores["ours (own alignment)"].append(judge(c.group, c.item, c.duration_s, answer))
        for name, there in self.kept.items():
            for c, kept in there:
                if c.sha256 in spoken:
                    heard = _words_of(spoken[c.sha256])
                    said = whisperx_rule.assign(heard, kept.answer.turns)
                    one = judge(c.group, c.item, c.duration_s, kept.answer, said)
                    scores.setdefault(f"{name}, WhisperX's rule", []).append(one)
        rows = [[name, *word_cells(pool(judged).strict.words)] for name, judged in scores.items()]
        own = pool(scores["ours (own alignment)"])
        share = 1 - own.stages_s.get("transcription", 0.0) / own.wall_s
        head = ["system", "WER", "cpWER", "cpWER − WER", "words to the wrong speaker", "words"]
        return (
            f"{WORDS_NOTE}\n\n{table(head, rows)}\n\n"
            f"With words, ours runs at {own.speed:.1f} × real time; all that is not "
            f"recognition takes {100 * share:.0f} % of it. Peak memory "
            f"{own.peak_bytes / 1e6:.0f} MB."
        )

    def stages(self) -> str:
        """Seconds per stage for each minute of audio, for whoever tells."""
        rows = []
        for name, judged in self.judged.items():
            every = pool(judged)
            for stage, seconds in every.stages_s.items():
                share = seconds / every.wall_s
                speed = f"{every.duration_s / seconds:.0f}" if seconds > 0 else "–"
                rows.append(
                    [
                        name,
                        stage,
                        f"{60 * seconds / every.duration_s:.3f}",
                        speed,
                        percent(share),
                    ]
                )
        return table(["system", "stage", "s per minute", "× real time", "% of the time"], rows)

    def recordings(self) -> str:
        head = ["recording", "min", "voices", *self.judged]
        rows = []
        for c in self.cases:
            cells, voices = [], "–"
            for judged in self.judged.values():
                one = next((j for j in judged if (j.group, j.name) == (c.group, c.item.name)), None)
                cells.append(
                    "–"
                    if one is None
                    else f"{both_rules(pool([one]))} ({one.strict.count.hypothesis})"
                )
                voices = voices if one is None else f"{one.strict.count.reference}"
            rows.append([f"{c.group}/{c.item.name}", f"{c.duration_s / 60:.1f}", voices, *cells])
        return table(head, rows)

    def _ratio(self, name: str) -> str:
        """How much longer `name` took than ours right before it, where ours has not changed."""
        pairs = [
            k for _, k in self.kept[name] if k.ours_wall_s and k.ours_version == self.mine.version
        ]
        if not pairs:
            return "–"
        ratio = sum(k.answer.wall_s for k in pairs) / sum(k.ours_wall_s or 0.0 for k in pairs)
        partial = "" if len(pairs) == len(self.kept[name]) else f" ({len(pairs)} recordings)"
        return f"{ratio:.1f} ×{partial}"


def growth_runs(wanted: Sequence[System], words: System) -> list[dict[str, Any]]:
    """What `benchmarks.growth` has kept for these versions."""
    files = [growth.kept_file(s, False) for s in wanted] + [growth.kept_file(words, True)]
    return [json.loads(f.read_text(encoding="utf-8")) for f in files if f.exists()]


def write(page: Page, failures: Sequence[str], out: Path) -> None:
    """The page and its pictures (in a folder named like it)."""
    folder = out.with_suffix("")
    everything = {
        name: pool(judged) for name, judged in page.judged.items() if len(judged) == len(page.cases)
    }
    runs = growth_runs(page.systems, _with_words(page.mine))
    pictures.error_parts(everything, folder / "error-parts.png")
    pictures.speed_and_error(everything, folder / "speed-and-error.png")
    pictures.error_by_set(page.by_set(), folder / "error-by-set.png")
    grown = "Not run (`--growth`)."
    if runs:
        pictures.growth(runs, folder / "growth.png")
        grown = f"{growth.as_table(runs)}\n\n{picture(folder, 'growth')}"
    sections = {
        "All recordings": f"{page.summary()}\n\n{SUMMARY_NOTE}\n\n"
        f"{picture(folder, 'error-parts')}\n\n{picture(folder, 'speed-and-error')}",
        "DER by set": f"Collar 0 / ±0.25 s, overlap scored in both.\n\n{page.sets()}\n\n"
        f"{picture(folder, 'error-by-set')}",
        "Counting speakers": f"Exact (mean signed error).\n\n{page.counting()}",
        "Words": page.words(),
        "Time per stage": page.stages(),
        "Growth with length": grown,
        "Every recording": f"Collar 0 / ±0.25 s (speakers found).\n\n{page.recordings()}",
        "What failed": "\n".join(f"- {f}" for f in failures) or "Nothing.",
        "The systems": "\n".join(
            ["- ours: " + page.mine.version]
            + [f"- {s.name}: {peers()[s.name]} ({s.version})" for s in page.systems[1:]]
        ),
    }
    text = f"# Who spoke when: ours and others\n\n{_machine(page.threads)}\n"
    text += "".join(f"\n## {title}\n\n{body}\n" for title, body in sections.items())
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")


SUMMARY_NOTE = """DER in %, once at collar 0 and once at ±0.25 s; overlap is scored in both. No
hints. Error: speakers found minus speakers there, mean (mean size). × real time: with models
loaded, wall clock; × CPU: per second of processor time. Faster by: in the same run, turn and turn
about; the only fair one where answers come from different runs. Peak: of the process that ran all
of these, models included."""
WORDS_NOTE = """The same Whisper words for everybody (ours, `base`), lower case without punctuation;
what differs is who gets them. Rates in %."""


def _with_words(mine: System) -> System:
    return ours(words=True, language="en") if mine.name == "ours" else mine


def _words_of(kept: Kept) -> list[Word]:
    return [word for u in kept.answer.utterances or () for word in u.words]


def _machine(threads: int) -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    today = datetime.now(UTC).date().isoformat()
    return (
        f"{today}, commit {commit or 'unknown'}. {model}, {os.cpu_count()} processors; every "
        f"system is held to {threads} of them and told to use {threads} threads. "
        f"Made by `python -m benchmarks.report`."
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sets", nargs="+", help="folders, or names of sets")
    parser.add_argument("--peers", nargs="+", default=["all"], help="names, all installed, or none")
    parser.add_argument("--only", nargs="+", help="these recordings only")
    parser.add_argument("--words", action="store_true", help="transcribe what has words, too")
    parser.add_argument("--growth", nargs="+", default=[], help="sets to join to long recordings")
    parser.add_argument("--minutes", nargs="+", type=float, default=list(growth.MINUTES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="run everything again")
    parser.add_argument("--page-only", action="store_true", help="run nothing")
    parser.add_argument("--out", type=Path, default=BUILD / "report.md")
    options = parser.parse_args()
    names = [] if options.peers == ["none"] else options.peers
    if names == ["all"]:
        names = [name for name in peers() if is_installed(name)]
    cases = [
        case(Path(where).name, item)
        for where in options.sets
        for item in load(where)
        if not options.only or item.name in options.only
    ]
    mine, theirs = ours(), [system(name) for name in names]
    page = Page(cases, mine, theirs, options.threads, Results())
    failures: list[str] = []
    if not options.page_only:
        run = (page.results, options.threads, options.fresh)
        failures = compare(cases, mine, theirs, *run)
        if options.words:
            failures += transcribe(cases, _with_words(mine), *run)
        if options.growth and (options.fresh or not growth.kept_file(mine, False).exists()):
            points = growth.grow(mine, options.growth, options.minutes, options.threads, False)
            growth.keep(mine, options.threads, False, points)
    page.gather()
    if not any(len(judged) == len(cases) for judged in page.judged.values()):
        print("report: no system has answered for every recording", file=sys.stderr)
        return 1
    write(page, failures, options.out)
    for failure in failures:
        print(f"report: {failure}", file=sys.stderr)
    print(options.out)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())

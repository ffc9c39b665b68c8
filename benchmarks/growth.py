"""How time and memory grow with length: real recordings joined to 5 minutes … 4 hours.

    python -m benchmarks.growth ami-clips sample [--minutes 5 15 60 120 240] [--words] [--json OUT]

Each length runs in a process of its own, so that its peak memory is its own. The speakers of all
recordings come back with every round, as they would in a long meeting.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import load
from benchmarks.markdown import table
from benchmarks.peers.install import system as peer_system
from benchmarks.runs import BUILD, write_wav
from benchmarks.workers import System, Worker, ours
from diarize.audio import Recording
from diarize.records import SAMPLE_RATE_HZ

MINUTES = (5, 15, 60, 120, 240)


@dataclass(frozen=True, slots=True)
class Point:
    """One length; times with models loaded."""

    minutes: float
    wall_s: float
    cpu_s: float
    stages_s: dict[str, float]
    loaded_bytes: int
    peak_bytes: int
    speakers: int
    words: int

    @property
    def speed(self) -> float:
        """Seconds of audio per second of wall clock."""
        return self.minutes * 60 / self.wall_s


def measure(system: System, wav: Path, minutes: float, threads: int, words: bool) -> Point:
    """One length in its own process."""
    with Worker(system, threads, BUILD / "logs" / f"{system.name}-growth.log") as worker:
        answer = worker.ask(wav, None, words)
    return Point(
        minutes,
        answer.wall_s,
        answer.cpu_s,
        answer.stages_s,
        worker.loaded_bytes,
        answer.peak_bytes,
        len({t.speaker for t in answer.turns}),
        sum(len(u.words) for u in answer.utterances or ()),
    )


def grow(
    system: System, sets: list[str], minutes: list[float], threads: int, words: bool
) -> list[Point]:
    """All lengths, shortest first; a line is printed for each."""
    print(f"{'min':>5} {'wall s':>8} {'cpu s':>8} {'× rt':>6} {'peak MB':>8} {'spk':>4}  stages, s")
    points = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        files = [item.audio for where in sets for item in load(where)]
        recordings = [opened.enter_context(Recording.open(file)) for file in files]
        for length in sorted(minutes):
            wav = Path(folder) / f"{length:g}-minutes.wav"
            write_wav(wav, recordings, round(length * 60 * SAMPLE_RATE_HZ))
            point = measure(system, wav, length, threads, words)
            wav.unlink()
            points.append(point)
            stages = ", ".join(f"{s} {t:.1f}" for s, t in point.stages_s.items())
            print(
                f"{length:5g} {point.wall_s:8.1f} {point.cpu_s:8.1f} {point.speed:6.1f} "
                f"{point.peak_bytes / 1e6:8.0f} {point.speakers:4}  {stages}",
                flush=True,
            )
    return points


def as_json(system: System, threads: int, words: bool, points: list[Point]) -> dict[str, Any]:
    """What the report reads."""
    return {
        "system": system.name,
        "version": system.version,
        "threads": threads,
        "words": words,
        "points": [
            {name: getattr(p, name) for name in Point.__slots__} | {"speed": p.speed}
            for p in points
        ],
    }


def kept_file(system: System, words: bool) -> Path:
    """Where the report looks for what a system's growth was."""
    kind = "words" if words else "turns"
    return BUILD / "growth" / f"{system.name}-{system.version}-{kind}.json"


def is_kept(system: System, words: bool, minutes: Sequence[float]) -> bool:
    """Whether the report has these lengths already."""
    path = kept_file(system, words)
    if not path.exists():
        return False
    points = json.loads(path.read_text(encoding="utf-8"))["points"]
    return set(minutes) <= {p["minutes"] for p in points}


def keep(system: System, threads: int, words: bool, points: list[Point]) -> None:
    """Leave the points for the report."""
    path = kept_file(system, words)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = as_json(system, threads, words, points)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def as_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Every length of every run, and what four hours cost against one."""
    rows = []
    for run in runs:
        label = run["system"] + (" with words" if run["words"] else "")
        for p in run["points"]:
            cells = [f"{p['minutes']:g}", f"{p['wall_s']:.1f}", f"{p['speed']:.1f}"]
            rows.append([label, *cells, f"{p['peak_bytes'] / 1e6:.0f}"])
        times = {p["minutes"]: p["wall_s"] for p in run["points"]}
        if 60 in times and 240 in times:
            rows.append([label, "240 / 60", f"{times[240] / times[60]:.2f} ×", "", ""])
    return table(["system", "min", "s", "× real time", "peak MB"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sets", nargs="+", help="folders, or names of sets, to join")
    parser.add_argument("--minutes", nargs="+", type=float, default=list(MINUTES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--system", default="ours", help="or an installed peer")
    parser.add_argument("--clustering", default="merge")
    parser.add_argument("--words", action="store_true", help="transcribe as well")
    parser.add_argument("--model", default="base")
    parser.add_argument("--language")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    system = ours(options.clustering, options.words, options.model, options.language)
    if options.system != "ours":
        system = peer_system(options.system)
    points = grow(system, options.sets, options.minutes, options.threads, options.words)
    keep(system, options.threads, options.words, points)
    hours = {p.minutes: p for p in points}
    if 60 in hours and 240 in hours:
        print(f"four hours cost {hours[240].wall_s / hours[60].wall_s:.2f} × one hour")
    if options.json:
        found = as_json(system, options.threads, options.words, points)
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

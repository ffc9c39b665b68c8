"""python -m benchmarks.peers list | install NAME… | try NAME AUDIO"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.fetching import FetchError
from benchmarks.peers.install import PeerError, install, is_installed, peers, system
from benchmarks.runs import BUILD
from benchmarks.workers import Worker, WorkerError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    commands.add_parser("install").add_argument("names", nargs="+", help="peers, or all")
    trial = commands.add_parser("try", help="one recording (16 kHz mono WAV), turns to stdout")
    trial.add_argument("name")
    trial.add_argument("audio", type=Path)
    trial.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    try:
        if options.command == "list":
            for name, about in peers().items():
                print(f"{name:18} {'installed' if is_installed(name) else '-':10} {about}")
        elif options.command == "install":
            return _install(list(peers()) if "all" in options.names else options.names)
        else:
            _try(options.name, options.audio, options.threads)
    except (PeerError, FetchError, WorkerError) as fault:
        print(f"peers: {fault}", file=sys.stderr)
        return 1
    return 0


def _install(names: list[str]) -> int:
    """One that cannot be had does not keep the others from being installed."""
    failed = 0
    for name in names:
        try:
            print(f"{name}: {install(name)}", flush=True)
        except (PeerError, FetchError) as fault:
            print(f"peers: {name}: {fault}", file=sys.stderr)
            failed = 1
    return failed


def _try(name: str, audio: Path, threads: int) -> None:
    with Worker(system(name), threads, BUILD / "logs" / f"{name}.log") as worker:
        answer = worker.ask(audio.resolve())
    for turn in answer.turns:
        print(f"{turn.start:8.2f} {turn.end:8.2f} {turn.speaker}")
    print(
        f"loaded in {worker.load_s:.1f} s, {answer.wall_s:.1f} s wall, {answer.cpu_s:.1f} s CPU, "
        f"peak {answer.peak_bytes / 1e6:.0f} MB",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())

"""The command itself, as a user runs it: the same bytes whatever the threads, and how soon."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.markdown import table
from benchmarks.page.gathered import Gathered
from benchmarks.runs import Case
from benchmarks.workers import ROOT, WorkerError, ours

THREADS = (1, 2, 4)
RUNS = 2
LOADS = 5


def measure(page: Gathered, words: bool) -> None:
    """Run the command on the shortest and the longest real recording, and keep what came."""
    files = examples(page)
    system = page.mine_with_words if words else page.mine
    if not files or page.figures.get(system, "bytes"):
        return
    found: dict[str, Any] = {"turns": {c.item.name: hashes(c.wav, "turns") for c in files}}
    if words:
        found["transcribe"] = {files[0].item.name: hashes(files[0].wav, "transcribe")}
    if unchanged(page):
        page.figures.put(system, "bytes", found)


def measure_load(page: Gathered) -> None:
    """How long the command takes for a short file: five times, after one to warm the cache."""
    files = examples(page)
    if files and page.figures.get(page.mine, "load") is None:
        taken_s = [diarize(files[0].wav, "turns", page.threads)[1] for _ in range(LOADS + 1)]
        if unchanged(page):
            page.figures.put(
                page.mine, "load", {"file": files[0].item.name, "taken_s": taken_s[1:]}
            )


def unchanged(page: Gathered) -> bool:
    """Whether our code is still what it was when the run began: the command runs it as it is."""
    return (page.mine, page.mine_with_words) == (ours(), ours(words=True, language="en"))


def examples(page: Gathered) -> list[Case]:
    """Two real recordings: one of 30 s or so, and the longest of up to five minutes."""
    real = [p.case for p in page.compared if not p.about.simulated and p.case.duration_s <= 300]
    by_length = sorted(real, key=lambda c: (c.duration_s, c.item.name))
    return list({c.sha256: c for c in by_length[:1] + by_length[-1:]}.values())


def hashes(file: Path, command: str) -> dict[str, str]:
    """Threads and run → SHA-256 of the JSON that the command writes."""
    return {
        f"{n} threads, run {run}": hashlib.sha256(diarize(file, command, n)[0]).hexdigest()
        for n in THREADS
        for run in range(1, RUNS + 1)
    }


def diarize(file: Path, command: str, threads: int) -> tuple[bytes, float]:
    """What the command writes about `file`, and how long it took from start to end. Raises
    WorkerError."""
    with tempfile.TemporaryDirectory() as folder:
        call = [sys.executable, "-m", "diarize", command, str(file), "-f", "json", "-o", folder]
        call += ["--threads", str(threads), "--quiet"]
        call += ["--model", "base", "--language", "en"] if command == "transcribe" else []
        started_s = time.perf_counter()
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
        taken_s = time.perf_counter() - started_s
        if done.returncode:
            raise WorkerError(f"diarize {command} {file.name}: {done.stderr.strip()[-500:]}")
        (written,) = Path(folder).iterdir()
        return written.read_bytes(), taken_s


def same_bytes(page: Gathered) -> dict[str, dict[str, dict[str, str]]]:
    """Command → file → run → SHA-256, where it was measured."""
    for system in (page.mine_with_words, page.mine):
        found: dict[str, dict[str, dict[str, str]]] | None = page.figures.get(system, "bytes")
        if found:
            return found
    return {}


def load_s(page: Gathered) -> float | None:
    """The middle one of five."""
    kept = page.figures.get(page.mine, "load")
    return median(kept["taken_s"]) if kept else None


def determinism(page: Gathered) -> str:
    found = same_bytes(page)
    if not found:
        return "Not run (`--checks`)."
    rows = []
    for command, files in found.items():
        for file, by_run in files.items():
            different = sorted(set(by_run.values()))
            verdict = "the same" if len(different) == 1 else f"**{len(different)} different**"
            shown = " ".join(f"`{d[:16]}…`" for d in different)
            rows.append([f"`diarize {command}`", f"`{file}`", f"{len(by_run)}", verdict, shown])
    return (
        f"The JSON that the command writes, by {_listed(THREADS)} threads, {RUNS} runs each.\n\n"
        + table(["command", "recording", "runs", "bytes", "SHA-256"], rows)
    )


def loading(page: Gathered) -> str:
    kept = page.figures.get(page.mine, "load")
    if not kept:
        return "Not run (`--checks`)."
    runs = ", ".join(f"{s:.2f}" for s in sorted(kept["taken_s"]))
    return (
        f"`diarize turns {kept['file']}.wav -f json` from the shell to its result, "
        f"{page.threads} threads, files in the disk's cache: **{median(kept['taken_s']):.2f} s** "
        f"(median; all: {runs})."
    )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"

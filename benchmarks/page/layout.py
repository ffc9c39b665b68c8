"""The page itself: sections in their order, with their pictures, as one Markdown file."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import growth, pictures
from benchmarks.markdown import picture
from benchmarks.page import (
    confidence,
    goals,
    hints,
    people,
    ranking,
    shell,
    speed,
    summary,
    tables,
    words,
)
from benchmarks.page.gathered import Gathered
from benchmarks.page.plan import Planned, Reason
from benchmarks.peers.install import peers
from benchmarks.workers import ROOT


def write(
    page: Gathered,
    runs: list[dict[str, Any]],
    reasons: Mapping[str, Reason],
    failures: Sequence[str],
    out: Path,
) -> None:
    """The page, its pictures in a folder named like it, and beside it ``summary.md``."""
    drawn = _draw(page, runs, out.with_suffix(""))
    found = list(goals.goals(page, runs))
    sections = {
        "What it must show": goals.section(found, reasons),
        "Who is right": _errors(page, drawn),
        "DER by set": f"Collar 0 / ±0.25 s, overlap scored in both.\n\n{tables.sets(page)}\n\n"
        f"{drawn['error-by-set']}",
        "Counting speakers": f"Right (mean signed error).\n\n{tables.counting(page)}\n\n"
        f"{people.section(page)}",
        "Told how many speakers there are": hints.section(page),
        "Confidence": confidence.section(page),
        "Words": words.section(page),
        "Speed and memory": f"{speed.speeds(page)}\n\n{drawn['speed-and-error']}",
        "From the shell": shell.loading(page),
        "Growth with length": f"{growth.as_table(runs)}\n\n{drawn['growth']}"
        if runs
        else "Not run (`--growth`).",
        "The same bytes": shell.determinism(page),
        "Do simulated recordings rank as real ones do?": ranking.section(page, drawn["ranking"]),
        "Time per stage": speed.stages(page),
        "Every recording": f"Collar 0 / ±0.25 s (speakers found).\n\n{tables.recordings(page)}",
        "What was tried for the goals that were missed": goals.tried(found, reasons),
        "What failed": "\n".join(f"- {f}" for f in failures) or "Nothing.",
        "The systems": _systems(page),
    }
    text = f"# Who spoke when: ours and others\n\n{_machine(page.threads)}\n"
    text += "".join(f"\n## {title}\n\n{body.strip()}\n" for title, body in sections.items())
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    summed = f"{summary.section(page)}\n"
    out.with_name("summary.md").write_text(summed, encoding="utf-8")


LEARNT = """Simulated recordings flatter ours: our segmentation network was trained further on
conversations by the same simulator, of other voices (`models/train_segmentation.py`); 24 of the 40
background recordings, the turn-taking statistics and the kinds of room were the same."""


def _errors(page: Gathered, drawn: Mapping[str, str]) -> str:
    parts: dict[str, Callable[[Planned], bool]] = {
        "### Held back: nothing was tuned on these recordings": lambda p: p.about.held,
        "### Real": lambda p: not p.about.simulated,
        "### Simulated": lambda p: p.about.simulated,
    }
    text = f"{tables.errors(page)}\n\n{tables.ERROR_NOTE}"
    if drawn["error-parts"]:
        text += f"\n\n{drawn['error-parts']}"
    for title, fits in parts.items():
        if 0 < sum(fits(p) for p in page.compared) < len(page.compared):
            text += f"\n\n{title}\n\n{tables.errors(page, fits)}"
    if any(p.about.simulated for p in page.compared):
        text += f"\n\n{LEARNT}"
    return text


def _draw(page: Gathered, runs: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, str]:
    """Name → the picture's Markdown; empty where there is nothing to draw."""
    drawn = dict.fromkeys(
        ("error-parts", "error-by-set", "speed-and-error", "growth", "ranking"), ""
    )
    complete, timed = page.complete(), speed.beside(page)
    if complete:
        pictures.error_parts(complete, folder / "error-parts.png")
        drawn["error-parts"] = picture(folder, "error-parts")
    labels = {one.name: one.label.replace("`", "") for one in page.sets}
    by_set = {labels[name]: by_system for name, by_system in page.by_set().items()}
    pictures.error_by_set(by_set, folder / "error-by-set.png")
    drawn["error-by-set"] = picture(folder, "error-by-set")
    shown = {name: (timed[name], complete[name]) for name in timed if name in complete}
    if len(shown) > 1:
        pictures.speed_and_error(shown, folder / "speed-and-error.png")
        drawn["speed-and-error"] = picture(folder, "speed-and-error")
    if runs:
        pictures.growth(runs, folder / "growth.png")
        drawn["growth"] = picture(folder, "growth")
    alike = {one.kind: one.der for one in ranking.kinds(page) if len(one.der) >= ranking.FEWEST}
    if alike:
        pictures.ranking(alike, folder / "ranking.png")
        drawn["ranking"] = picture(folder, "ranking")
    return drawn


def _systems(page: Gathered) -> str:
    lines = [f"- ours: {page.mine.version}"]
    lines += [f"- {s.name}: {peers()[s.name]} ({s.version})" for s in page.systems[1:]]
    return "\n".join(lines)


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

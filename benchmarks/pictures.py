"""The report's pictures, one PNG each (matplotlib: the `bench` extra)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from benchmarks.judging import Pooled

PARTS = {"missed_s": "missed", "false_alarm_s": "false alarm", "confusion_s": "wrong speaker"}
COLOURS = {"missed_s": "#8da0cb", "false_alarm_s": "#fdbf6f", "confusion_s": "#e34a33"}
MARKERS = "osD^vPXh<>"
SHADES = [
    "black",
    "darkorange",
    "crimson",
    "purple",
    "sienna",
    "hotpink",
    "dimgrey",
    "olive",
    "teal",
    "royalblue",
]
OURS, THEIRS = "#1b7837", "#888888"


def error_parts(pooled: Mapping[str, Pooled], path: Path) -> None:
    """DER with its parts by both rules, systems below each other."""
    figure, both = plt.subplots(
        1, 2, figsize=(10, 1.6 + 0.42 * len(pooled)), sharey=True, layout="constrained"
    )
    for axes, rule, title in zip(
        both,
        ("strict", "lenient"),
        ("collar 0, overlap scored", "±0.25 s, overlap scored"),
        strict=True,
    ):
        for row, name in enumerate(pooled):
            der, left = getattr(pooled[name], rule).der, 0.0
            for part, label in PARTS.items():
                width = 100 * getattr(der, part) / der.total_s
                axes.barh(
                    row, width, left=left, color=COLOURS[part], label=label if row == 0 else ""
                )
                left += width
            axes.text(left, row, f" {left:.1f}", va="center")
        axes.set_yticks(range(len(pooled)), list(pooled))
        axes.set_title(title)
        axes.set_xlabel("DER, %")
        axes.set_xlim(0, axes.get_xlim()[1] * 1.1)
    both[0].invert_yaxis()
    handles, labels = both[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(PARTS), fontsize="small")
    _save(figure, path)


def speed_and_error(shown: Mapping[str, tuple[float, Pooled]], path: Path) -> None:
    """× real time against DER, by system: up and to the left is worse."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, (speed, one) in shown.items():
        der = 100 * one.strict.der.rate
        axes.scatter(speed, der, s=60, color=OURS if name == "ours" else THEIRS, zorder=2)
        axes.annotate(name, (speed, der), textcoords="offset points", xytext=(6, 5))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.25, y=0.15)
    axes.set_xlabel("× real time, models loaded (right is faster)")
    axes.set_ylabel("DER %, collar 0, overlap scored (down is better)")
    axes.grid(alpha=0.3, which="both")
    _save(figure, path)


def error_by_set(by_set: Mapping[str, Mapping[str, Pooled]], path: Path) -> None:
    """DER of every system on every set (collar 0), a line of marks per set."""
    names = list(dict.fromkeys(name for pooled in by_set.values() for name in pooled))
    figure, axes = plt.subplots(figsize=(9, 1.6 + 0.42 * len(by_set)), layout="constrained")
    for name, look in _looks(names).items():
        rows = [row for row, pooled in enumerate(by_set.values()) if name in pooled]
        rates = [100 * p[name].strict.der.rate for p in by_set.values() if name in p]
        axes.scatter(rates, rows, zorder=3 if name == "ours" else 2, label=name, **look)
    axes.set_yticks(range(len(by_set)), list(by_set))
    axes.set_ylim(len(by_set) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.set_xlabel("DER %, collar 0, overlap scored (left is better)")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
    _save(figure, path)


def _looks(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """How each system is marked, the same in every picture of the same systems."""
    others = [name for name in names if name != "ours"]
    marks = zip(others, MARKERS, SHADES, strict=False)
    looks = {name: {"marker": marker, "c": shade, "s": 45} for name, marker, shade in marks}
    return {"ours": {"marker": "*", "c": OURS, "s": 140}, **looks} if "ours" in names else looks


def ranking(kinds: Mapping[str, Mapping[str, tuple[float, float]]], path: Path) -> None:
    """DER on real against simulated recordings, a panel per kind, a point per system."""
    figure, panels = plt.subplots(
        1, len(kinds), figsize=(3.2 * len(kinds), 3.9), layout="constrained", squeeze=False
    )
    names = list(dict.fromkeys(name for der in kinds.values() for name in der))
    looks = _looks(names)
    for axes, (kind, der) in zip(panels[0], kinds.items(), strict=True):
        for name, (real, simulated) in der.items():
            axes.scatter(100 * real, 100 * simulated, zorder=2, label=name, **looks[name])
        limit = 110 * max(max(pair) for pair in der.values())
        axes.plot([0, limit], [0, limit], color="#cccccc", zorder=1)
        axes.set(xlim=(0, limit), ylim=(0, limit), title=kind, xlabel="real: DER %")
        axes.set_aspect("equal")
    panels[0][0].set_ylabel("simulated: DER %")
    labelled = dict(
        pair[::-1]
        for axes in panels[0]
        for pair in zip(*axes.get_legend_handles_labels(), strict=True)
    )
    figure.legend(
        labelled.values(), labelled, loc="outside lower center", ncols=4, fontsize="small"
    )
    _save(figure, path)


def growth(runs: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Time and peak memory against length, for every run of `benchmarks.growth`."""
    figure, (time, memory) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for run in runs:
        label = run["system"] + (" with words" if run["words"] else "")
        minutes = [p["minutes"] for p in run["points"]]
        time.plot(minutes, [p["wall_s"] for p in run["points"]], "o-", label=label)
        memory.plot(minutes, [p["peak_bytes"] / 1e6 for p in run["points"]], "o-", label=label)
    time.set_ylabel("s, models loaded")
    memory.set_ylabel("peak memory, MB")
    for axes in (time, memory):
        axes.set_xlabel("length of the recording, min")
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
        axes.grid(alpha=0.3)
    time.legend()
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)

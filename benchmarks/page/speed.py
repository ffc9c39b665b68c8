"""How fast and how large: only what ran turn and turn about with ours as it is now is compared."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.markdown import percent, table
from benchmarks.page.gathered import Gathered, Heard, pooled

NOTE = """Wall clock, models loaded, of the recordings that both ran in one go, turn and turn about,
ours as it is now; × CPU: seconds of audio per second of processor time. A system without a line has
not been timed against this version (`--speed NAME`): its turns are older than that, and speeds from
different runs are not comparable. Load: starting the process to its being ready. Peak memory: of
the process that answered for all recordings, models included."""


def pairs(page: Gathered, name: str) -> list[Heard]:
    """Answers of a peer that were timed against ours as it is now."""
    return [
        h
        for h in page.heard.get(name, [])
        if h.kept.ours_wall_s and h.kept.ours_version == page.mine.version
    ]


def ratio(timed: Sequence[Heard]) -> float:
    """How much longer the peer took."""
    return sum(h.kept.answer.wall_s for h in timed) / sum(h.kept.ours_wall_s or 0.0 for h in timed)


def ours_speed(timed: Sequence[Heard]) -> float:
    """× real time of ours beside a peer."""
    seconds = sum(h.planned.case.duration_s for h in timed)
    return seconds / sum(h.kept.ours_wall_s or 0.0 for h in timed)


def speeds(page: Gathered) -> str:
    rows = []
    for system in page.systems[1:]:
        timed = pairs(page, system.name)
        if timed:
            every = pooled(timed)
            rows.append(
                [
                    system.name,
                    f"{len(timed)}",
                    f"{every.duration_s / 60:.1f}",
                    f"{every.speed:.1f}",
                    f"{ours_speed(timed):.1f}",
                    f"**{ratio(timed):.1f} ×**",
                    f"{every.duration_s / every.cpu_s:.1f}",
                    f"{median(h.kept.load_s for h in timed):.1f}",
                ]
            )
    head = ["other system", "recordings", "min", "× real time", "ours beside it"]
    head += ["ours is faster by", "× CPU", "load s"]
    compared = table(head, rows) if rows else "No peer has been timed against this version."
    return f"{NOTE}\n\n{compared}\n\n{_costs(page)}"


def _costs(page: Gathered) -> str:
    rows = []
    for name, heard in page.heard.items():
        every = pooled(heard)
        cpu = f"{every.duration_s / every.cpu_s:.1f}"
        rows.append([name, f"{len(heard)}", cpu, f"{every.peak_bytes / 1e6:.0f}"])
    return table(["system", "recordings", "× CPU", "peak MB"], rows)


def beside(page: Gathered) -> dict[str, float]:
    """× real time of every system that was timed against ours as it is now; ours is that of the
    longest of these runs."""
    timed = {s.name: pairs(page, s.name) for s in page.systems[1:]}
    timed = {name: heard for name, heard in timed.items() if heard}
    if not timed:
        return {}
    longest = max(timed.values(), key=lambda t: sum(h.planned.case.duration_s for h in t))
    return {"ours": ours_speed(longest)} | {n: pooled(heard).speed for n, heard in timed.items()}


def stages(page: Gathered) -> str:
    """Seconds per stage for each minute of audio, for whoever tells."""
    rows = []
    for name, heard in page.heard.items():
        every = pooled(heard)
        for stage, seconds in every.stages_s.items():
            speed = f"{every.duration_s / seconds:.0f}" if seconds > 0 else "–"
            per_minute = f"{60 * seconds / every.duration_s:.3f}"
            rows.append([name, stage, per_minute, speed, percent(seconds / every.wall_s)])
    return table(["system", "stage", "s per minute", "× real time", "% of the time"], rows)

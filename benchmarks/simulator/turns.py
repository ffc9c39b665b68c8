"""Turn-taking: who speaks from when to when, copied from a real timeline or drawn from a style.

A style holds the few numbers that shape a conversation; `measure` takes them from real timelines.
Floor-transfer offsets (gap above zero, overlap below), after Heldner & Edlund, "Pauses, gaps and
overlaps in conversations", J. Phonetics 38 (2010); backchannels as in Ward & Tsukahara (2000):
short, inside someone else's turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

BACKCHANNEL_S = 1.0
"""A turn this short that lies inside another's is a backchannel."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Speaker number `who` shall speak from `start_s` for about `length_s`."""

    who: int
    start_s: float
    length_s: float


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of conversation flows. Times in seconds.

    Turn lengths and pauses within a speaker's floor are log-normal (median, sigma of the log);
    the offset between speakers is normal, below zero meaning overlap.
    """

    turn_median_s: float
    turn_sigma: float
    pause_median_s: float
    pause_sigma: float
    offset_mean_s: float
    offset_sd_s: float
    stay: float
    """Probability that the speaker goes on after a pause."""
    backchannels_per_minute: float


STYLES = {
    # The first two measured with `measure` on nine AMI meetings and twelve VoxConverse videos.
    "meeting": Style(2.7, 1.23, 1.46, 1.2, -0.12, 1.5, 0.22, 3.4),
    "broadcast": Style(3.3, 1.26, 0.64, 1.1, 0.15, 1.2, 0.51, 0.25),
    # Switchboard: ten Bosch et al. (2005), offsets near zero, many backchannels.
    "telephone": Style(2.2, 1.0, 0.5, 0.6, 0.1, 0.55, 0.4, 5.0),
}


def read_timeline(path: Path) -> list[tuple[str, float, float]]:
    """(speaker, start_s, length_s) of an RTTM of one recording, by start."""
    turns = []
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields and fields[0] == "SPEAKER":
            turns.append((fields[7], float(fields[3]), float(fields[4])))
    return sorted(turns, key=lambda t: (t[1], t[2], t[0]))


def measure(timelines: list[list[tuple[str, float, float]]]) -> Style:
    """The style of real timelines (each as `read_timeline` gives it)."""
    lengths, pauses, offsets = [], [], []
    stays = backchannels = 0
    total_s = 0.0
    for turns in timelines:
        total_s += max(start + length for _, start, length in turns)
        floor, floor_end = turns[0][0], turns[0][1] + turns[0][2]
        lengths.append(turns[0][2])
        for speaker, start, length in turns[1:]:
            if start + length <= floor_end and length <= BACKCHANNEL_S:
                backchannels += 1
                continue
            lengths.append(length)
            if speaker == floor:
                stays += 1
                pauses.append(max(start - floor_end, 0.05))
            else:
                offsets.append(float(np.clip(start - floor_end, -3, 3)))
            floor, floor_end = speaker, max(floor_end, start + length)
    log_turn, log_pause = np.log(np.maximum(lengths, 0.1)), np.log(pauses or [0.5])
    moved = np.array(offsets or [0.2])
    return Style(
        float(np.exp(np.median(log_turn))),
        float(log_turn.std()),
        float(np.exp(np.median(log_pause))),
        float(log_pause.std()),
        float(moved.mean()),
        float(moved.std()),
        stays / max(stays + len(offsets), 1),
        backchannels / (total_s / 60),
    )


def copy_timeline(
    turns: list[tuple[str, float, float]], length_s: float, rng: np.random.Generator
) -> list[Planned]:
    """A window of `length_s` of a real timeline, speakers numbered by first appearance.

    A timeline shorter than the window is used whole. Turns that the border cuts are shortened.
    """
    end = max(start + length for _, start, length in turns)
    begin = float(rng.uniform(0, end - length_s)) if end > length_s else 0.0
    numbers: dict[str, int] = {}
    planned = []
    for speaker, start, length in turns:
        left, right = max(start, begin), min(start + length, begin + length_s)
        if right - left >= 0.2:
            who = numbers.setdefault(speaker, len(numbers))
            planned.append(Planned(who, left - begin, right - left))
    return sorted(planned, key=lambda p: p.start_s)


def draw_turns(
    speakers: int,
    length_s: float,
    style: Style,
    rng: np.random.Generator,
    dominant: float | None = None,
    least_s: float = 4.0,
) -> list[Planned]:
    """A conversation of `speakers` people in a style, sorted by start.

    `dominant` is the share of the floor that speaker 0 has (None: shares are drawn at random);
    everyone is given at least `least_s` of turns.
    """
    shares = _draw_shares(speakers, rng, dominant)
    # Others come between his turns: who shall have much of the floor needs longer ones.
    stretched = 1.0 if dominant is None else 1 + dominant / (1 - dominant)
    spoken = np.zeros(speakers)
    planned: list[Planned] = []
    at = float(rng.uniform(0.2, 1.5))
    who = int(rng.choice(speakers, p=shares))
    while at < length_s - 0.5:
        longest = min(45.0, length_s / 3)
        median_s = style.turn_median_s * (stretched if who == 0 else 1.0)
        length = _log_normal(rng, median_s, style.turn_sigma, 0.35, longest)
        length = min(length, length_s - at)
        planned.append(Planned(who, at, length))
        planned += _draw_backchannels(planned[-1], speakers, style, rng)
        spoken[who] += length
        at += length
        if speakers == 1 or rng.random() < style.stay:
            at += _log_normal(rng, style.pause_median_s, style.pause_sigma, 0.15, 4.0)
            continue
        others = shares
        if dominant is not None:  # whoever is behind his share is likelier to speak next
            others = shares * (shares / (spoken / spoken.sum() + 0.02)) ** 3
        others = np.where(np.arange(speakers) == who, 0.0, others)
        who = int(rng.choice(speakers, p=others / others.sum()))
        offset = float(rng.normal(style.offset_mean_s, style.offset_sd_s))
        at = max(at + float(np.clip(offset, -0.6 * length, 3.0)), planned[-1].start_s + 0.2)
    planned.sort(key=lambda p: p.start_s)
    return _give_everyone(planned, speakers, least_s, rng)


def _draw_shares(
    speakers: int, rng: np.random.Generator, dominant: float | None
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Shares of the floor, summing to 1. Dirichlet(2): uneven, but nobody vanishes often."""
    shares = rng.dirichlet(np.full(speakers, 2.0)) + 0.1 / speakers
    if dominant is not None and speakers > 1:
        shares[1:] *= (1 - dominant) / shares[1:].sum()
        shares[0] = dominant
    return np.asarray(shares / shares.sum())


def _draw_backchannels(
    turn: Planned, speakers: int, style: Style, rng: np.random.Generator
) -> list[Planned]:
    if speakers == 1 or turn.length_s < 2.0:
        return []
    count = int(rng.poisson(style.backchannels_per_minute * turn.length_s / 60))
    drawn = []
    for _ in range(count):
        who = int(rng.integers(speakers - 1))
        who += who >= turn.who
        length = float(rng.uniform(0.3, 0.8))
        start = turn.start_s + float(rng.uniform(0.8, max(turn.length_s - length, 0.9)))
        drawn.append(Planned(who, start, length))
    return drawn


def _give_everyone(
    planned: list[Planned], speakers: int, least_s: float, rng: np.random.Generator
) -> list[Planned]:
    """Hand turns of the most talkative to whoever has less than `least_s`.

    Whole turns as long as there are fitting ones, then the last part of the longest.
    """
    spoken = np.zeros(speakers)
    for turn in planned:
        spoken[turn.who] += turn.length_s
    for index in rng.permutation(len(planned)):
        quiet, loud = int(spoken.argmin()), int(spoken.argmax())
        turn = planned[index]
        if spoken[quiet] >= least_s:
            return planned
        if turn.who == loud and 1.0 <= turn.length_s <= 3 * least_s:
            planned[index] = Planned(quiet, turn.start_s, turn.length_s)
            spoken[quiet] += turn.length_s
            spoken[loud] -= turn.length_s
    while spoken.min() < least_s:
        quiet = int(spoken.argmin())
        index = max(range(len(planned)), key=lambda i: planned[i].length_s)
        turn, need_s = planned[index], least_s - float(spoken[quiet])
        if turn.who == quiet or turn.length_s < 2 * need_s:
            break
        kept_s = turn.length_s - need_s
        planned[index] = Planned(turn.who, turn.start_s, kept_s - 0.2)
        planned.append(Planned(quiet, turn.start_s + kept_s, need_s))
        spoken[quiet] += need_s
        spoken[turn.who] -= need_s
    return sorted(planned, key=lambda p: p.start_s)


def _log_normal(
    rng: np.random.Generator, median: float, sigma: float, low: float, high: float
) -> float:
    return float(np.clip(rng.lognormal(np.log(median), sigma), low, high))

"""The figures of the voices' bench: trials, error rates, thresholds, names over meetings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.data import Item
from benchmarks.naming import first_of_all, true_people
from benchmarks.verification import (
    Clip,
    Condition,
    choose,
    equal_error_rate,
    error_rates,
    split_half,
    trials,
)
from diarize.records import Result, Turn

TURNS = (Turn(0, 4, "A"), Turn(4, 9, "B"), Turn(9, 12, "A"))
RESULT = Result("monday", 12.0, TURNS, TURNS)


def test_trials_are_one_person_in_two_sessions_or_two_people() -> None:
    sound = np.zeros(0, np.float32)
    whos = [("ana", "mon"), ("ana", "mon"), ("ana", "tue"), ("ben", "mon")]
    enrolled, tested, same = trials([Clip(who, day, None, sound) for who, day in whos])
    pairs = list(zip(enrolled.tolist(), tested.tolist(), same.tolist(), strict=True))
    assert [p for p in pairs if p[2]] == [(0, 2, True), (1, 2, True), (2, 0, True), (2, 1, True)]
    assert (0, 1, False) not in pairs
    assert (0, 3, False) in pairs
    assert len(pairs) == 10


def test_error_rates_by_hand() -> None:
    scores = np.array([0.1, 0.2, 0.6, 0.3, 0.7, 0.8])
    same = np.array([False, False, False, True, True, True])
    assert error_rates(scores, same, 0.5) == pytest.approx((1 / 3, 1 / 3))
    assert equal_error_rate(scores, same) == pytest.approx(1 / 3)


def test_how_much_short_voices_lose_is_found() -> None:
    random = np.random.default_rng(0)
    same = random.random(4000) < 0.5
    lifts = random.integers(0, 4, 4000).astype(float)
    scores = random.normal(np.where(same, 0.7 - 0.05 * lifts, 0.4 - 0.05 * lifts), 0.05)
    people = (np.array(["ana"] * 4000), np.array(["ben"] * 4000))
    known = choose([Condition("all", scores, scores, lifts, same, people)], None)
    assert known.drop == pytest.approx(0.05, abs=0.005)
    assert known.midpoint == pytest.approx(0.55, abs=0.01)
    # A wrong name is ten times as bad as none.
    assert 0.55 < known.threshold < 0.62


def test_nobody_is_in_both_halves() -> None:
    halves = split_half([f"person {n}" for n in range(100)])
    assert halves == split_half(list(halves))
    assert 35 < sum(halves.values()) < 65


def test_a_speaker_is_whoever_speaks_most_of_their_time(tmp_path: Path) -> None:
    rttm = tmp_path / "monday.rttm"
    lines = [("ana", 0, 3.5), ("ben", 3.5, 5.5), ("ana", 9, 3)]
    rttm.write_text("".join(f"SPEAKER monday 1 {s} {d} x x {who} x x\n" for who, s, d in lines))
    item = Item("monday", tmp_path / "monday.wav", rttm)
    assert true_people(RESULT, item) == {"A": "ana", "B": "ben"}


def test_only_the_first_seconds_of_each_speaker_are_heard() -> None:
    heard = first_of_all(RESULT, 5.5)
    assert heard.exclusive == (Turn(0, 4, "A"), Turn(4, 9, "B"), Turn(9, 10.5, "A"))
    assert heard.turns == TURNS

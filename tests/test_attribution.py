"""From clusters to turns on literal frames; the hard cases of hints on literal votes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize.assignment import NOT_ASKED, Asked, back_to_voices, choose
from diarize.attribution import (
    Timeline,
    Views,
    active_voices,
    attribute,
    carve,
    find_turns,
    hold,
    keep_speakers,
    without_blips,
)
from diarize.plda import Plda
from diarize.prepared import Evidence
from diarize.records import FRAME_S, Turn
from diarize.utterances import Voices

NO_STRETCHES = (np.zeros((0, 4), np.int32), np.zeros((0, 256), np.float32))


def line(votes: list[list[float]], count: list[int]) -> Timeline:
    shares = np.array(votes, np.float32)
    return Timeline(shares, np.array(count), shares / 10)


def held(rows: list[str]) -> np.ndarray:
    """One string per speaker, UNKNOWN last, a mark for every frame held."""
    return np.array([[mark != "." for mark in row] for row in rows]).T


def drawn(matrix: np.ndarray) -> list[str]:
    return ["".join("x" if on else "." for on in column) for column in matrix.T]


def test_as_many_hold_a_frame_as_are_active_those_with_most_votes() -> None:
    votes = [[5, 2, 0], [5, 7, 0], [0, 0, 1], [5, 0, 0], [3, 4, 0]]
    count = [1, 2, 1, 2, 0]
    assert drawn(hold(line(votes, count))) == ["xx.x.", ".x...", "..x.."]
    assert drawn(hold(line(votes, count), at_most=1)) == ["x..x.", ".x...", "..x.."]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["xxxxx...xxxxxxx", ".....xxx......."], ["xxxxxxxxxxxxxxx", "..............."]),
        (["xxxx...........", "....xxxxxxxxxxx"], ["...............", "xxxxxxxxxxxxxxx"]),
        (["xxxxxxxxxxxxxxx", ".....xx........"], ["xxxxxxxxxxxxxxx", "..............."]),
        (["xxxxxx.........", "......xxxxxxxxx"], ["xxxxxx.........", "......xxxxxxxxx"]),
        (["....xxxx.......", "..............."], ["....xxxx.......", "..............."]),
        ([".xx..xxxxxxxxxx", "x..xx.........."], ["xxxxxxxxxxxxxxx", "..............."]),
    ],
    ids=["between", "at the start", "within", "six frames", "alone", "many"],
)
def test_less_than_six_frames_beside_a_turn_are_part_of_it(
    before: list[str], after: list[str]
) -> None:
    where = np.column_stack([held(before), np.zeros(15, bool)])
    timeline = line(np.ones((15, 3)).tolist(), [1] * 15)
    assert drawn(without_blips(where, timeline)) == [*after, "." * 15]


def test_turns_in_seconds_with_confidence() -> None:
    where = held(["xx......", "...xxxxx", "..x....."])
    confidence = np.full((8, 3), [0.9, 0.5, 0.25], np.float32)
    votes = Timeline(confidence, np.ones(8, np.int64), confidence)
    assert find_turns(where, votes, 2000) == [
        (0, Turn(0.0, 1170 / 16_000, "", 0.9)),  # it has begun before
        (None, Turn(1170 / 16_000, 1440 / 16_000, "", 0.25)),
        (1, Turn(1710 / 16_000, 0.125, "", 0.5)),  # the recording ends here
    ]


def test_speakers_heard_at_once_are_two() -> None:
    score = np.array([[9.0, 1.0], [8.0, 2.0]])
    apart, together = np.zeros((2, 589, 2), bool)
    apart[:300, 0] = apart[300:, 1] = True
    together[:] = True
    labels, lead = choose(score, apart)
    assert (labels.tolist(), lead.tolist()) == ([0, 0], [8, 6])
    assert choose(score, together)[0].tolist() == [0, 1]
    assert choose(np.zeros((0, 2)), np.zeros((589, 0), bool))[0].shape == (0,)


def test_with_one_speaker_there_is_no_other_choice() -> None:
    labels, lead = choose(np.array([[3.0]]), np.ones((589, 1), bool))
    assert (labels.tolist(), lead.tolist()) == ([0], [np.inf])


def test_a_label_nobody_chose_goes_back_to_its_own_voice() -> None:
    result = np.array([[0, -1, -1], [0, 0, -1], [2, 3, -1]])  # 3: UNKNOWN
    score = np.zeros((3, 3, 3))
    score[0, 0] = [9, 1, 0]
    score[1, 0] = [9, 5, 0]
    place = np.array([[0, 0], [1, 0], [1, 1], [2, 0]])
    voices = Voices(place, np.ones((4, 2)), np.ones((4, 2)), np.ones(4))
    labels = np.array([1, 1, 0, 2])
    assert back_to_voices(result, score, voices, labels) == {(1, 0): 1}
    assert result[1, 0] == 0  # not changed in place


def test_what_one_label_takes_back_another_takes_from_a_third() -> None:
    place = np.array([[0, 0], [0, 1], [0, 2]])
    voices = Voices(place, np.ones((3, 2)), np.ones((3, 2)), np.ones(3))
    back = back_to_voices(np.array([[1, 2, 2]]), np.zeros((1, 3, 3)), voices, np.arange(3))
    assert back == {(0, 0): 0, (0, 1): 1}


@pytest.mark.parametrize(
    ("before", "votes_of_the_last", "after"),
    [
        # half of the stretch that is nearest; the other half stays
        (["xxxx....", "....xxxx", "........"], "..111133", ["xxxx....", "......xx", "....xx.."]),
        # nobody loses all
        (["x.......", ".xxxxxxx", "........"], "3.......", ["x.......", ".xxxxxxx", "........"]),
        (["x.......", ".xxxxxxx", "........"], "31......", ["x.......", "..xxxxxx", ".x......"]),
        # of two who speak at once one goes on
        (["xxxx....", "xx......", "........"], "11......", ["xxxx....", ".x......", "x......."]),
        # where nobody holds the floor, all of it
        (["xx......", "......xx", "........"], "...11...", ["xx......", "......xx", "...xx..."]),
        # who holds something already takes nothing
        (["xx......", "..xx....", ".....xxx"], "33333333", ["xx......", "..xx....", ".....xxx"]),
    ],
)
def test_a_speaker_outvoted_everywhere_keeps_some_frames(
    before: list[str], votes_of_the_last: str, after: list[str]
) -> None:
    where = np.column_stack([held(before), np.zeros(8, bool)])  # nothing is UNKNOWN
    votes = where.astype(np.float32) * 5
    votes[:, 2] = [0 if vote == "." else float(vote) for vote in votes_of_the_last]
    timeline = Timeline(votes, where.sum(axis=1), votes)
    assert drawn(keep_speakers(where, timeline)) == [*after, "........"]


@given(st.data())
def test_letting_a_speaker_in_lets_nobody_out(data: st.DataObject) -> None:
    frames, k = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 5))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    votes = rng.uniform(size=(frames, k + 1)) * (rng.uniform(size=(frames, k + 1)) < 0.5)
    timeline = Timeline(votes.astype(np.float32), rng.integers(0, 3, frames), votes)
    for at_most in (None, 1):
        where = hold(timeline, at_most)
        kept = keep_speakers(where.copy(), timeline)
        before, after = where[:, :k].any(axis=0), kept[:, :k].any(axis=0)
        assert not (before & ~after).any()
        room = (votes[:, :k] > 0).all(axis=1).sum() > 8 * k
        assert after.all() or not room
        held = where.any(axis=1)
        assert (kept[held].sum(axis=1) == where[held].sum(axis=1)).all()
        assert kept[~held].sum(axis=1).max(initial=0) <= 1
        assert (votes[kept & ~where] > 0).all()


@pytest.mark.parametrize(
    ("before", "sure", "after", "certainty"),
    [
        (
            ["xxxxxxxxxxxxxxx.xxxxxx.", "......................."],
            [0.9, 0.0],
            ["xxxxxxxxxxxxxxx........", "................xxxxxx.", "......................."],
            0.1,
        ),
        (
            ["xxxxxxxxxxxxxxxx.......", "................xxxxxxx"],
            [0.9, 0.1],
            ["xxxxxxxxxxxxxxxx.......", "................xxxxxxx", "......................."],
            0.9,
        ),
        (
            ["xxxxxxxxxxxxxxxx.......", "......................."],
            [0.9, 0.0],
            ["........xxxxxxxx.......", "xxxxxxxx...............", "......................."],
            0.1,
        ),
    ],
    ids=["a short turn", "what nobody can tell", "half of the only turn"],
)
def test_whom_a_hint_asks_for_and_nobody_hears_gets_what_costs_least(
    before: list[str], sure: list[float], after: list[str], certainty: float
) -> None:
    where = held(before)
    confidence = np.tile(np.array(sure, np.float32), (len(where), 1))
    timeline = Timeline(confidence, np.ones(len(where), np.int64), confidence)
    overlapping, alone, carved = carve(where, where, timeline, 2)
    assert drawn(overlapping) == drawn(alone) == after
    assert carved.confidence[alone[:, 1], 1] == pytest.approx(certainty)
    assert drawn(carve(where, where, timeline, 1)[0]) == before  # one is all that it asks for


def heard(speech: list[tuple[int, int, int]], embeddings: np.ndarray) -> Evidence:
    """One window in which local speakers are active from frame to frame; the VAD agrees."""
    activity = np.zeros((1, 589, 3), np.uint8)
    for speaker, first, last in speech:
        activity[0, first:last, speaker] = 255
    return Evidence(160_000, np.full(313, 255, np.uint8), activity, embeddings[None], *NO_STRETCHES)


def spoken(views: Views) -> list[tuple[int | None, int, int]]:
    """Turns in frames: they begin two later, and end one later, than the network has it."""
    return [
        (speaker, round((t.start - 0.0225) / FRAME_S), round((t.end - 0.0225) / FRAME_S))
        for speaker, t in views.turns
    ]


def test_the_vad_decides_where_the_network_is_not_sure() -> None:
    activity = np.zeros((1, 589, 3), np.uint8)
    activity[0, 100:150, 0] = 51  # 0.2 voices to expect, then 0.5, 0.7 and 1.6
    activity[0, 150:200, 0] = 128
    activity[0, 200:250, 0] = 179
    activity[0, 250:300, :2] = 204
    nobody = np.zeros((1, 3, 256), np.float32)
    silent = Evidence(160_000, np.zeros(313, np.uint8), activity, nobody, *NO_STRETCHES)
    speech = replace(silent, speech=np.full(313, 255, np.uint8))
    frames = [50, 125, 175, 225, 275]
    assert active_voices(silent)[frames].tolist() == [0, 0, 0, 1, 2]
    assert active_voices(speech)[frames].tolist() == [0, 1, 1, 1, 2]


def test_too_short_to_tell_is_unknown(plda: Plda) -> None:
    """A sixth of a second of a voice that is nobody's, beside three seconds of two speakers."""
    voice = np.random.default_rng(0).normal(size=(3, 256)).astype(np.float32) * 2
    evidence = heard([(0, 50, 230), (1, 250, 430), (2, 450, 460)], voice)
    voices = Voices(
        np.array([[0, 0], [0, 1]]), voice[:2], plda.project(voice[:2]), np.array([3.0, 3.0])
    )
    views = attribute(evidence, voices, np.arange(2), plda)
    assert spoken(views) == [(0, 52, 231), (1, 252, 431), (None, 452, 461)]
    one, other, unsure = (turn.confidence for _, turn in views.turns)
    assert min(one, other) > 0.8 > 0.5 > unsure


def test_a_turn_taken_for_the_voice_before_it_goes_to_its_own(plda: Plda) -> None:
    """The network hears A, B and A again as one local speaker; B's turn sounds like B."""
    a, b = np.random.default_rng(0).normal(size=(2, 256)).astype(np.float32) * 2
    evidence = heard(
        [(0, 20, 200), (0, 210, 300), (0, 310, 400), (1, 450, 589)], np.stack([a, b, a * 0])
    )
    evidence = replace(
        evidence,
        stretches=np.array([[0, 0, 20, 200], [0, 0, 210, 300], [0, 0, 310, 400]], np.int32),
        stretch_embeddings=np.stack([a, b, a]),
    )
    x = np.stack([a, b])
    voices = Voices(np.array([[0, 0], [0, 1]]), x, plda.project(x), np.array([6.0, 2.3]))
    views = attribute(evidence, voices, np.arange(2), plda)
    assert spoken(views) == [(0, 22, 201), (1, 212, 301), (0, 312, 401), (1, 452, 590)]


def test_a_hint_keeps_a_speaker_whose_stretches_all_sound_like_another(plda: Plda) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 256)).astype(np.float32) * 2
    evidence = heard([(0, 20, 200), (1, 250, 300), (1, 310, 400)], np.stack([a, b, a * 0]))
    evidence = replace(
        evidence,
        stretches=np.array([[0, 1, 250, 300], [0, 1, 310, 400]], np.int32),
        stretch_embeddings=np.stack([a, a]),
    )
    x = np.stack([a, b])
    voices = Voices(np.array([[0, 0], [0, 1]]), x, plda.project(x), np.array([3.0, 2.3]))
    found = [
        {who for who, _ in attribute(evidence, voices, np.arange(2), plda, asked).turns}
        for asked in (NOT_ASKED, Asked(2, 2))
    ]
    assert found == [{0}, {0, 1}]


def test_where_no_voice_is_clean_all_is_unknown(plda: Plda) -> None:
    empty = Voices(
        np.zeros((0, 2), np.int64), np.zeros((0, 256), np.float32), np.zeros((0, 256)), np.zeros(0)
    )
    evidence = heard([(2, 10, 12)], np.ones((3, 256), np.float32))
    views = attribute(evidence, empty, np.zeros(0, np.int64), plda)
    assert spoken(views) == [(None, 12, 13)]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_every_cluster_of_a_hint_gets_a_turn(plda: Plda, k: int) -> None:
    """Three local speakers with the same voice, of whom a hint says they are k."""
    same = np.random.default_rng(0).normal(size=256)
    evidence = heard(
        [(0, 0, 200), (1, 190, 400), (2, 400, 589)], np.tile(same, (3, 1)).astype("f4")
    )
    place = np.array([[0, 0], [0, 1], [0, 2]])
    voices = Voices(place, evidence.embeddings[0], plda.project(evidence.embeddings[0]), np.ones(3))
    views = attribute(evidence, voices, np.minimum(np.arange(3), k - 1), plda, Asked(k, 1))
    assert {speaker for speaker, _ in views.turns} == set(range(k))
    assert {speaker for speaker, _ in views.exclusive} == set(range(k))

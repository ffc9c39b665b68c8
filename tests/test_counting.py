"""Overestimate, merge, count: on literal paths, on random voices, on the sample."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage

from diarize.counting import (
    BLOCK_MICRO_CLUSTERS,
    BLOCK_VOICES,
    MAX_MICRO_CLUSTERS,
    MergePath,
    count_speakers,
    cut,
    find_speakers,
    heard_at_once,
    merge,
    overestimate,
)
from diarize.errors import HintError
from diarize.plda import Plda, unit
from diarize.prepared import Evidence, Prepared
from diarize.records import FRAME_SAMPLES, Hints
from diarize.segmentation import STEP_SAMPLES, at_once, clean, expected
from diarize.utterances import Voices, find_voices, same_voice
from tests.judging import DIANE, SHEILA, spoken

PATH = MergePath(
    start=np.array([2, 0, 1, 2, 3]),
    merges=np.array([[1, 2], [0, 3], [0, 1]]),
    evidence=np.array([8.0, 4.0, -5.0]),
    seconds=np.array([1.0, 2.0, 9.0]),
)
ONE_VOICE = MergePath(np.array([0, 0]), np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))
NOBODY = MergePath(np.zeros(0, np.int64), np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))
NO_STRETCHES = (np.zeros((0, 4), np.int32), np.zeros((0, 256), np.float32))


def test_labels_after_merging_down_to_k_in_order_of_first_appearance() -> None:
    assert PATH.labels(4).tolist() == [0, 1, 2, 0, 3]
    assert PATH.labels(3).tolist() == [0, 1, 0, 0, 2]
    assert PATH.labels(2).tolist() == [0, 1, 0, 0, 1]
    assert PATH.labels(1).tolist() == [0, 0, 0, 0, 0]


def test_beyond_the_evidence_a_hint_undoes_what_costs_least() -> None:
    likely = replace(PATH, evidence=np.array([60.0, 4.0, -5.0]), seconds=np.array([0.5, 20, 30]))
    assert likely.beyond(1) == [1]  # two voices that the evidence nearly told apart
    assert likely.beyond(2) == [1]  # the other would cost half a second, a few words cost less
    surely_one = replace(likely, evidence=np.array([60.0, 50.0, -5.0]))
    assert surely_one.beyond(1) == surely_one.beyond(0) == surely_one.beyond(-1) == []
    assert replace(surely_one, seconds=np.array([0.2, 20, 30])).beyond(9) == [0]


def test_the_evidence_says_where_to_stop() -> None:
    assert [p.estimate() for p in (PATH, ONE_VOICE, NOBODY)] == [2, 1, 0]
    assert [PATH.evidence_below(k) for k in (4, 3, 2)] == [8, 4, -5]


@pytest.mark.parametrize(
    ("hints", "count"),
    [
        (Hints(), 2),
        (Hints(num_speakers=1), 1),
        (Hints(num_speakers=3), 3),
        (Hints(min_speakers=3), 3),
        (Hints(min_speakers=1), 2),
        (Hints(max_speakers=1), 1),
        (Hints(max_speakers=9), 2),
        (Hints(min_speakers=3, max_speakers=3), 3),
    ],
)
def test_hints_are_hard_limits(hints: Hints, count: int) -> None:
    assert count_speakers([PATH], hints) == [count]


def test_channels_share_the_hints_by_their_evidence() -> None:
    """The strongest of all merges comes first, the weakest split too."""
    other = MergePath(np.arange(3), np.array([[0, 1], [0, 2]]), np.array([-1.0, -2.0]), np.ones(2))
    assert count_speakers([PATH, other], Hints()) == [2, 3]
    assert count_speakers([PATH, other], Hints(max_speakers=4)) == [2, 2]
    assert count_speakers([PATH, other], Hints(max_speakers=3)) == [2, 1]
    assert count_speakers([PATH, other], Hints(num_speakers=2)) == [1, 1]
    assert count_speakers([PATH, other], Hints(num_speakers=7)) == [4, 3]
    assert count_speakers([PATH, ONE_VOICE, NOBODY], Hints(num_speakers=2)) == [1, 1, 0]


def test_fewer_speakers_than_speaking_channels_are_refused() -> None:
    with pytest.raises(HintError, match="at most 1 speakers asked for, but 2 channels carry"):
        count_speakers([PATH, ONE_VOICE], Hints(max_speakers=1))
    assert count_speakers([PATH, NOBODY], Hints(max_speakers=1)) == [1, 0]


@pytest.mark.parametrize(("path", "voices"), [(PATH, 4), (ONE_VOICE, 1), (NOBODY, 0)])
def test_more_speakers_than_voices_is_told(
    path: MergePath, voices: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert count_speakers([path], Hints(num_speakers=5)) == [5 if voices else 0]
    assert f"5 speakers asked for, but only {voices} voices could be told apart" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_of_channels_the_one_with_most_voices_has_whom_a_hint_asks_for_and_nobody_hears() -> None:
    assert count_speakers([ONE_VOICE, PATH, NOBODY], Hints(num_speakers=7)) == [1, 6, 0]


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_cutting_gives_every_number_of_clusters(n: int, seed: int) -> None:
    """Centroid linkage inverts: cutting it by distance does not."""
    points = unit(np.random.default_rng(seed).normal(size=(n, 3)))
    tree = linkage(points, method="centroid")
    for k in range(1, n + 1):
        assert np.unique(cut(tree, k)).tolist() == list(range(1, k + 1))


def test_the_overestimate_is_bounded_in_blocks() -> None:
    """Voices as far apart as they can be still make few clusters, whatever the length."""
    embeddings = np.random.default_rng(0).normal(size=(2 * BLOCK_VOICES + 1, 256))
    labels = overestimate(embeddings.astype(np.float32))
    assert labels.shape == (2 * BLOCK_VOICES + 1,)
    assert np.unique(labels).tolist() == list(range(2 * BLOCK_MICRO_CLUSTERS + 1))
    assert not set(labels[:BLOCK_VOICES]) & set(labels[BLOCK_VOICES:])


def test_a_whole_day_makes_no_more_clusters_than_can_be_merged() -> None:
    """Forty thousand voices; two speakers stay apart."""
    n = MAX_MICRO_CLUSTERS // BLOCK_MICRO_CLUSTERS * BLOCK_VOICES * 4
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(n, 32)).astype(np.float32) / 8
    speaker = rng.integers(0, 2, n)
    embeddings[np.arange(n), speaker] += 1
    labels = overestimate(embeddings)
    assert 2 * BLOCK_MICRO_CLUSTERS < labels.max() + 1 <= MAX_MICRO_CLUSTERS
    share = np.bincount(labels, speaker) / np.bincount(labels)
    assert (np.minimum(share, 1 - share) * np.bincount(labels)).sum() < 0.01 * n


def test_the_overestimate_grows_to_a_hint_and_no_further_than_there_are_voices() -> None:
    alike = np.ones((7, 256), np.float32) + np.eye(7, 256, dtype=np.float32) / 100
    assert overestimate(alike).tolist() == [0] * 7
    assert overestimate(alike, at_least=5).max() == 4
    assert sorted(overestimate(alike, at_least=9).tolist()) == list(range(7))
    assert overestimate(np.zeros((0, 256), np.float32)).shape == (0,)
    many = np.random.default_rng(0).normal(size=(1600, 32)).astype(np.float32)
    assert overestimate(many, at_least=1600).max() < MAX_MICRO_CLUSTERS


@given(n=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_a_path_passes_every_count(plda: Plda, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(n, 256)).astype(np.float32)
    place = np.stack([np.arange(n), np.zeros(n, np.int64)], axis=1)
    voices = Voices(place, embeddings, plda.project(embeddings), rng.uniform(0.1, 9, n))
    path = merge(voices, np.arange(n), plda)
    assert path.clusters == n
    assert 1 <= path.estimate() <= n
    for k in range(1, n + 1):
        found = list(dict.fromkeys(path.labels(k).tolist()))
        assert found == list(range(len(found)))
        assert min(k, path.estimate()) <= len(found) <= k


@pytest.mark.parametrize(
    ("spoken_s", "mood_s", "mood"), [(45, 5, 0), (100, 5, 15), (1000, 5, 60), (1000, 80, 15)]
)
def test_beside_a_voice_that_spoke_for_long_another_needs_more_evidence(
    spoken_s: float, mood_s: float, mood: float, prepared: Prepared, plda: Plda
) -> None:
    voices, path = find_speakers(prepared.channels[0], plda)
    start = path.labels(2)
    longer = np.array([spoken_s, mood_s]) / np.bincount(start, voices.seconds)
    voices = replace(voices, seconds=voices.seconds * longer[start])
    seconds, mean = voices.means(start)
    (one, other), (n_one, n_other) = mean, voices.worth(seconds)
    ratio = same_voice(plda, n_one, one, n_other, other)
    assert ratio < -10
    assert merge(voices, start, plda).evidence[0] == pytest.approx(ratio + mood)


def test_the_sample_has_two_speakers(prepared: Prepared, plda: Plda) -> None:
    voices, path = find_speakers(prepared.channels[0], plda)
    assert 19 < voices.seconds.sum() < 22  # a second seen by four windows counts once
    assert path.estimate() == 2
    assert path.evidence_below(2) < -10
    alone = clean(prepared.channels[0].active)
    diane, sheila = spoken(DIANE, 480_000), spoken(SHEILA, 480_000)
    hers = []
    for window, speaker in voices.place.tolist():
        at = window * STEP_SAMPLES + np.flatnonzero(alone[window, :, speaker]) * FRAME_SAMPLES
        hers.append(diane[at].sum() > sheila[at].sum())
    assert path.labels(2).tolist() == [0 if her else 1 for her in hers]


@pytest.mark.parametrize(("together", "voices"), [(125, 2), (110, 1)])
def test_one_voice_does_not_talk_over_itself(together: int, voices: int, plda: Plda) -> None:
    """Two voices that sound the same, heard at once for 2.1 or 1.9 s."""
    activity = np.zeros((1, 589, 3), np.uint8)
    activity[0, 200:450, 0] = 255
    activity[0, 200 - together : 200 + together, 1] = 255
    evidence = Evidence(
        160_000, np.zeros(313, np.uint8), activity, np.ones((1, 3, 256), np.float32), *NO_STRETCHES
    )
    assert at_once(expected(activity)).tolist()[195:205] == [1] * 5 + [2] * 5
    path = find_speakers(evidence, plda)[1]
    assert path.estimate() == 1
    assert count_speakers([path], Hints()) == [voices]
    assert count_speakers([path], Hints(max_speakers=1)) == [1]
    monologue = np.zeros((41, 589, 3), np.uint8)
    monologue[:, :, 0] = 255
    monologue[0, :125, 1] = 255  # of 110 s: an error of the network's
    assert heard_at_once(replace(evidence, activity=monologue)) == 0


def test_shorter_utterances_count_where_there_are_no_longer_ones(plda: Plda) -> None:
    """Two voices that sound the same, of 0.675 s and 0.169 s."""
    activity = np.zeros((1, 589, 3), np.uint8)
    activity[0, 100:140, 0] = 255
    activity[0, 200:210, 1] = 255
    evidence = Evidence(
        160_000, np.zeros(313, np.uint8), activity, np.ones((1, 3, 256), np.float32), *NO_STRETCHES
    )

    def found(at_least: int) -> tuple[list[list[int]], int]:
        voices, path = find_speakers(evidence, plda, at_least)
        return voices.place.tolist(), path.clusters

    assert found(0) == found(1) == ([[0, 0]], 1)
    assert found(2) == found(3) == ([[0, 0], [0, 1]], 2)
    assert find_voices(evidence, plda, 0.5).seconds.tolist() == [pytest.approx(0.675)]
    silent = replace(evidence, activity=activity * 0)
    assert find_speakers(silent, plda, 2)[1].clusters == 0

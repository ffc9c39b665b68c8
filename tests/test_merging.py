"""Overestimate and merge: on literal paths, on random voices, on the sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage

from diarize.counting import find_speakers
from diarize.merging import (
    BLOCK_MICRO_CLUSTERS,
    BLOCK_VOICES,
    MAX_MICRO_CLUSTERS,
    MergePath,
    brevity,
    cut,
    merge,
    overestimate,
)
from diarize.plda import Plda, unit
from diarize.prepared import Prepared
from diarize.utterances import Voices, same_voice
from tests.paths import NOBODY, ONE_VOICE, PATH


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


def test_within_clusters_the_evidence_is_not_asked() -> None:
    """Two clusters of two, taken apart for a hint: each of the four is another voice by itself."""
    taken_apart = MergePath(
        start=np.array([0, 1, 2, 3]),
        merges=np.array([[0, 2], [1, 3], [0, 1]]),
        evidence=np.array([-1.0, -2.0, -5.0]),
        seconds=np.ones(3),
        least=2,
        within=2,
    )
    assert (taken_apart.estimate(), taken_apart.counted, taken_apart.clusters) == (2, 2, 4)
    assert taken_apart.labels(2).tolist() == [0, 1, 0, 1]
    assert taken_apart.labels(3).tolist() == [0, 1, 0, 2]
    assert taken_apart.labels(4).tolist() == [0, 1, 2, 3]


def test_the_evidence_says_where_to_stop() -> None:
    assert [p.estimate() for p in (PATH, ONE_VOICE, NOBODY)] == [2, 1, 0]
    assert [PATH.evidence_below(k) for k in (4, 3, 2)] == [8, 4, -5]


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


def test_who_is_hardly_heard_needs_more_evidence_too() -> None:
    assert brevity(np.array([0, 0.4, 0.9, 5])) == pytest.approx([9, 5.4, 0.9, 0])


@given(seed=st.integers(0, 2**32 - 1))
def test_groups_are_merged_each_for_itself(plda: Plda, seed: int) -> None:
    """… down to the first cluster of each."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(7, 256)).astype(np.float32)
    place = np.stack([np.arange(7), np.zeros(7, np.int64)], axis=1)
    voices = Voices(place, embeddings, plda.project(embeddings), rng.uniform(0.1, 9, 7))
    group = np.array([0, 1, 0, 2, 1, 0, 1])
    path = merge(voices, np.arange(7), plda, within=group)
    assert path.merges.shape == (4, 2)
    assert (group[path.merges[:, 0]] == group[path.merges[:, 1]]).all()
    assert set(range(7)) - set(path.merges[:, 1].tolist()) == {0, 1, 3}


@pytest.mark.parametrize(
    ("spoken_s", "mood_s", "mood"),
    [(145, 5, 0), (200, 5, 15), (1000, 5, 60), (1000, 80, 15)],
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

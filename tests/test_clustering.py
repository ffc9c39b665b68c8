"""Every method on small literal voices; none loses a cluster, whatever the voices."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from diarize import clustering
from diarize.clustering import METHODS, keep_all
from diarize.plda import Plda
from diarize.records import Int64
from diarize.utterances import Voices

TWO = np.array(
    [
        [1.0, 0.0],
        [0.95, 0.1],
        [0.1, 0.9],
        [1.0, 0.1],
        [0.0, 1.0],
        [0.9, 0.0],
        [0.1, 1.0],
        [0.0, 0.9],
    ]
)
THREE = np.array([[1.0, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0.9, 0.1], [0.1, 0, 1], [0, 0, 0.9]])


def plda(dimensions: int) -> Plda:
    weights = {"mean": np.zeros(dimensions), "transform": np.eye(dimensions)}
    return Plda(weights | {"between": np.full(dimensions, 9.0)})


def voices(embeddings: np.ndarray) -> Voices:
    n = len(embeddings)
    place = np.stack([np.arange(n), np.zeros(n, np.int64)], axis=1)
    projected = plda(embeddings.shape[1]).project(embeddings)
    return Voices(place, embeddings.astype(np.float32), projected, np.ones(n))


def cluster(method: str, embeddings: np.ndarray, start: list[int]) -> list[int]:
    """The clusters found, numbered by first appearance."""
    found = METHODS[method](voices(embeddings), np.array(start), plda(embeddings.shape[1]))
    number = {label: i for i, label in enumerate(dict.fromkeys(found.tolist()))}
    return [number[label] for label in found.tolist()]


@pytest.mark.parametrize("method", METHODS)
def test_what_is_right_stays(method: str) -> None:
    assert cluster(method, TWO, [0, 0, 1, 0, 1, 0, 1, 1]) == [0, 0, 1, 0, 1, 0, 1, 1]
    assert cluster(method, THREE, [0, 0, 1, 1, 2, 2]) == [0, 0, 1, 1, 2, 2]
    assert cluster(method, THREE, [0] * 6) == [0] * 6


@pytest.mark.parametrize("method", ["kmeans", "spectral"])
def test_one_voice_in_the_wrong_cluster_is_moved(method: str) -> None:
    assert cluster(method, TWO, [0, 0, 1, 0, 1, 0, 1, 0]) == [0, 0, 1, 0, 1, 0, 1, 1]


def test_vbx_moves_a_voice_that_many_speak_against() -> None:
    many = np.tile(TWO, (4, 16))  # it needs some dimensions to be sure
    right = [0, 0, 1, 0, 1, 0, 1, 1] * 4
    assert cluster("vbx", many, [0, *right[1:-1], 0]) == right


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, Int64]:
    """Voices in any position, some of them equal, and a first labelling that uses every label."""
    k = draw(st.integers(1, 6))
    n = draw(st.integers(k, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    embeddings = rng.normal(size=(n, 8))
    embeddings = embeddings[rng.integers(0, draw(st.integers(1, n)), n)]  # repeats
    labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    return embeddings, rng.permutation(labels)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=40, deadline=None)
@given(problem=problems())
def test_as_many_clusters_come_out_as_go_in(method: str, problem: tuple[np.ndarray, Int64]) -> None:
    embeddings, start = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # equal voices in several clusters
        found = METHODS[method](voices(embeddings), start, plda(8))
    assert found.shape == start.shape
    assert np.unique(found).tolist() == list(range(start.max() + 1))


def test_a_cluster_left_empty_takes_its_voices_back() -> None:
    assert keep_all(np.array([0, 0, 0]), np.array([0, 1, 1])).tolist() == [0, 1, 1]
    assert keep_all(np.array([1, 1, 1]), np.array([0, 1, 1])).tolist() == [0, 1, 1]
    assert keep_all(np.array([1, 0, 0]), np.array([0, 1, 2])).tolist() == [1, 0, 2]


def test_of_a_long_recording_every_nth_voice_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "MAX_SPECTRAL", 20)
    many = np.tile(TWO, (9, 1))  # 72 voices: every fourth
    right = [0, 0, 1, 0, 1, 0, 1, 1] * 9
    assert cluster("spectral", many, [*right[:-1], 0]) == right

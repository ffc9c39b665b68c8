"""PLDA against Gaussian densities on a small made-up space, and on real voices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from diarize.models import load_arrays
from diarize.pipeline import Pipeline
from diarize.plda import Plda, unit
from diarize.records import Float32
from diarize.utterances import same_voice

BETWEEN = np.array([4.0, 1.0])
CLIPS_S = {"Diane": [(8.4, 9.8), (11.1, 14.4)], "Sheila": [(14.9, 17.9), (22.0, 25.0)]}


@pytest.fixture(scope="module")
def small() -> Plda:
    """Two dimensions, centred on (1, 0), not turned, between-speaker variances 4 and 1."""
    return Plda({"mean": np.array([1.0, 0.0]), "transform": np.eye(2), "between": BETWEEN})


def test_embeddings_are_centred_and_lose_their_length(small: Plda) -> None:
    projected = small.project(np.array([[3.0, 0.0], [1.0, 0.1]]))
    assert projected.tolist() == [pytest.approx([np.sqrt(2), 0]), pytest.approx([0, np.sqrt(2)])]


def test_evidence_is_the_ratio_of_gaussian_densities(small: Plda) -> None:
    """Two embeddings of one voice share its mean: their covariance is B between, B + 1 within."""
    x, y = np.array([1.5, -0.4]), np.array([0.9, 0.8])
    ratio = 0.0
    for i, between in enumerate(BETWEEN):
        pair = [x[i], y[i]]
        same = multivariate_normal([0, 0], between + np.eye(2)).logpdf(pair)
        ratio += same - multivariate_normal([0, 0], np.eye(2) * (1 + between)).logpdf(pair)
    both = small.log_evidence(np.array(2.0), x + y)
    alone = small.log_evidence(np.ones(2), np.stack([x, y]))
    assert float(both - alone.sum()) == pytest.approx(ratio)
    assert float(small.log_evidence(np.array(0.0), np.zeros(2))) == 0


def test_one_voice_and_two_on_real_speech(pipeline: Pipeline, speech: Float32) -> None:
    plda = Plda(load_arrays("plda"))
    assert plda.between.shape == (256,)
    assert (np.diff(plda.between) <= 0).all()
    assert plda.between.min() > 0
    voices = {}
    for name, clips in CLIPS_S.items():
        for i, (start, end) in enumerate(clips):
            frames = pipeline.embedder.frames(speech[int(start * 16_000) : int(end * 16_000)])
            voices[name, i] = pipeline.embedder.pool(frames, np.ones((1, len(frames)), np.float32))
    x = {key: plda.project(raw)[0] for key, raw in voices.items()}

    def one_voice(a: tuple[str, int], b: tuple[str, int]) -> float:
        """Three seconds of a short recording are worth two embeddings (`evidence_worth`)."""
        worth = np.array(2.0)
        return float(same_voice(plda, worth, x[a], worth, x[b]))

    assert one_voice(("Diane", 0), ("Diane", 1)) > 0
    assert one_voice(("Sheila", 0), ("Sheila", 1)) > 0
    for i in (0, 1):
        assert max(one_voice(("Diane", i), ("Sheila", j)) for j in (0, 1)) < 0


def test_unit() -> None:
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0, 0]]

"""Which utterance is whose, once the number of speakers is known.

Every method has one interface: voices and a first labelling with k clusters in, a labelling with
exactly k clusters out. The first labelling is the merge path's (`counting.py`), so all methods
share its count and none can break a hint.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diarize.plda import Plda, unit
from diarize.records import Float64, Int64
from diarize.utterances import Voices

Method = Callable[[Voices, Int64, Plda], Int64]

MAX_SPECTRAL = 1500
"""Voices in a spectral affinity matrix; of a longer recording every n-th is taken, the others
follow the nearest cluster, so that memory does not grow with the square of the length."""
AFFINITY_FLOOR = 1e-6
"""Keeps the graph connected. Pruning the affinity, as NME-SC does, lost on development data."""

VBX_WORTH = 0.175
"""Fa: pyannote's 0.07 belongs to a window step of 1 s and scales with it (× 2.5)."""
VBX_SPEAKER_PRIOR = 0.8
VBX_ITERATIONS = 20
VBX_SMOOTHING = 7.0
"""Fb, iterations and smoothing of the initial labels as in pyannote community-1."""


def merged(voices: Voices, labels: Int64, plda: Plda) -> Int64:
    """The merge path's own clusters, as they are."""
    return labels


def kmeans(voices: Voices, labels: Int64, plda: Plda) -> Int64:
    """k-means on unit embeddings (spherical up to the final centroids), started from `labels`."""
    from sklearn.cluster import KMeans  # here: half a second that the default does without

    x = unit(voices.embeddings)
    k = int(labels.max()) + 1
    start = np.stack([np.average(x[labels == i], axis=0) for i in range(k)])
    model = KMeans(n_clusters=k, init=start, n_init=1)
    found = model.fit_predict(x, sample_weight=voices.seconds)
    return keep_all(found.astype(np.int64), labels)


def spectral(voices: Voices, labels: Int64, plda: Plda) -> Int64:
    """Spectral clustering of the cosine affinity (Ng, Jordan & Weiss, NIPS 2001)."""
    from sklearn.cluster import SpectralClustering

    k = int(labels.max()) + 1
    x = unit(voices.embeddings)
    every = -(-len(x) // MAX_SPECTRAL)
    sample = x[::every]
    if k == 1 or len(sample) <= k:
        return labels
    affinity = np.clip(sample @ sample.T, 0, 1).astype(np.float64) + AFFINITY_FLOOR
    model = SpectralClustering(n_clusters=k, affinity="precomputed", random_state=0)
    own = model.fit_predict(affinity)
    if len(np.unique(own)) < k:
        return labels
    centres = unit(np.stack([sample[own == i].mean(axis=0) for i in range(k)]))
    return keep_all((x @ centres.T).argmax(axis=1), labels)


def vbx(voices: Voices, labels: Int64, plda: Plda) -> Int64:
    """Variational Bayes over PLDA, VBx without its HMM (Landini et al., CSL 2022, eq. 14–22)."""
    from scipy.special import logsumexp  # here, as above: the default does without

    k = int(labels.max()) + 1
    x, between = voices.projected, plda.between
    start = np.eye(k)[labels] * VBX_SMOOTHING
    responsibility = np.exp(start - logsumexp(start, axis=1, keepdims=True))
    prior = np.full(k, 1 / k)
    scaled = x * np.sqrt(between)
    ratio = VBX_WORTH / VBX_SPEAKER_PRIOR
    for _ in range(VBX_ITERATIONS):
        precision = 1 / (1 + ratio * responsibility.sum(axis=0)[:, None] * between)
        speaker = ratio * precision * (responsibility.T @ scaled)
        spread = 0.5 * (precision + np.square(speaker)) @ between
        score: Float64 = VBX_WORTH * (scaled @ speaker.T - spread) + np.log(prior + 1e-8)
        responsibility = np.exp(score - logsumexp(score, axis=1, keepdims=True))
        prior = responsibility.mean(axis=0)
    return keep_all(responsibility.argmax(axis=1), labels)


def keep_all(found: Int64, start: Int64) -> Int64:
    """No cluster may vanish: one left empty takes back the voices it started with.

    That can empty another, but none twice: no two started with the same voices.
    """
    while len(missing := np.setdiff1d(start, found)):
        found[start == missing[0]] = missing[0]
    return found


METHODS: dict[str, Method] = {"merge": merged, "vbx": vbx, "kmeans": kmeans, "spectral": spectral}

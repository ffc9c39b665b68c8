"""Two voices in one cluster: found by the pieces that its utterances are made of.

Two voices that are alike, as on the telephone, the segmentation network takes for one local speaker
again and again. Then no utterance of theirs is pure, and the evidence says one voice. Pieces of a
second and more are pure for the most part, so that two voices fall apart by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans2

from diarize.plda import Plda, unit
from diarize.prepared import Evidence
from diarize.records import FRAME_S, Bool, Float32, Float64, Int64
from diarize.segmentation import clean
from diarize.utterances import Voices, evidence_worth, little_is_said, same_voice, shares

MIN_PIECE_S = 1.0
"""Length of the pieces that clusters are halved by."""
MIN_HALF_S = 2.0
"""Speech that a second voice needs for a cluster to be two. Of 515 clusters of development
recordings ten have halves of that length that the evidence says are two voices; eight are, the
others are of excerpts of 30 s. Three of 20 calls were taken for one voice before: their DER 15.7 to
12.6, mean of 17 development sets 13.2 to 12.8."""
LITTLE_PIECE_S = 0.5
LITTLE_HALF_S = 1.0
"""The same where little is said (`utterances.LITTLE_S`): 117 of 140 recordings of 8 to 18 s are
counted exactly instead of 110; half minutes would be better with 2 s (`benchmarks.tune count`)."""
ITERATIONS = 20
"""Steps of the power iteration, and of k-means."""


def split(
    voices: Voices, labels: Int64, evidence: Evidence, plda: Plda, least: int = 0
) -> tuple[Voices, Int64] | None:
    """Voices and their clusters, where clusters of two voices have become two.

    Args:
        labels: cluster of each of `voices`, 0 … k-1.
        least: where there are fewer clusters than this, the evidence is not asked.

    Returns:
        What each utterance has of each cluster, as voices, and their clusters, numbered from 0;
        None where each cluster is one voice.
    """
    little = little_is_said(evidence)
    pieces = find_pieces(evidence, LITTLE_PIECE_S if little else MIN_PIECE_S)
    min_half_s = LITTLE_HALF_S if little else MIN_HALF_S
    if len(pieces.seconds) == 0 or len(voices) == 0:
        return None
    found = voices.likeliest(labels, plda, pieces.embeddings, pieces.seconds)
    before = clusters = int(labels.max()) + 1
    for cluster in range(before):
        own = np.flatnonzero(found == cluster)
        second = halves(pieces.embeddings[own])
        if not second.any():
            continue
        if clusters < least or two_voices(pieces, own, second, plda, min_half_s):
            found[own[second]] = clusters
            clusters += 1
    if clusters == before:
        return None
    # Who speaks in bursts has no piece to be told by, and stays what it was.
    whole = {tuple(place) for place in pieces.place.tolist()}
    rest = np.array([tuple(place) not in whole for place in voices.place.tolist()])
    parts = Pieces(
        np.concatenate([pieces.place, voices.place[rest]]),
        np.concatenate([pieces.embeddings, voices.embeddings[rest]]),
        np.concatenate([pieces.seconds, voices.seconds[rest]]),
    )
    return pooled(parts, np.concatenate([found, labels[rest]]), plda)


@dataclass(frozen=True, slots=True)
class Pieces:
    """Utterances, taken apart into pieces where they have any (`segmentation.stretches`).

    Attributes:
        place: window and local speaker of each, shape (n, 2).
        embeddings: as the network gave them, shape (n, 256).
        seconds: speech of each, a second seen by several windows shared among them, shape (n,).
    """

    place: Int64
    embeddings: Float32
    seconds: Float64

    def as_voices(self, plda: Plda) -> Voices:
        """Each of them as an utterance of its own."""
        return Voices(self.place, self.embeddings, plda.project(self.embeddings), self.seconds)


def find_pieces(evidence: Evidence, min_piece_s: float) -> Pieces:
    """All pieces that are long enough."""
    alone = clean(evidence.active)
    window, speaker, first, last = evidence.stretches.astype(np.int64).T
    long = (last - first) * FRAME_S >= min_piece_s
    window, speaker, first, last = (column[long] for column in (window, speaker, first, last))
    own = shares(len(alone))
    share = np.cumsum(np.pad(own, ((0, 0), (1, 0))), axis=1)
    whole = alone.sum(axis=1) * FRAME_S >= min_piece_s
    whole[evidence.stretches[:, 0], evidence.stretches[:, 1]] = False
    entire = np.einsum("wfs,wf->ws", alone, own)[whole]
    seconds = np.concatenate([share[window, last] - share[window, first], entire]) * FRAME_S
    embeddings = np.concatenate([evidence.stretch_embeddings[long], evidence.embeddings[whole]])
    place = np.concatenate([np.column_stack([window, speaker]), np.argwhere(whole)])
    return Pieces(place, embeddings, seconds)


def pooled(pieces: Pieces, labels: Int64, plda: Plda) -> tuple[Voices, Int64]:
    """What each utterance has of each cluster, as voices, and their clusters, numbered from 0."""
    parts = np.column_stack([pieces.place, labels])
    parts, part = np.unique(parts, axis=0, return_inverse=True)
    seconds = np.bincount(part, pieces.seconds).astype(np.float64)
    embeddings = np.zeros((len(parts), pieces.embeddings.shape[1]), np.float32)
    share = (pieces.seconds / seconds[part]).astype(np.float32)
    np.add.at(embeddings, part, pieces.embeddings * share[:, None])
    voices = Voices(parts[:, :2], embeddings, plda.project(embeddings), seconds)
    return voices, np.unique(parts[:, 2], return_inverse=True)[1].astype(np.int64)


def halves(embeddings: Float32) -> Bool:
    """Two groups as far apart as they get: k-means, from the two sides of the longest axis.

    Args:
        embeddings: shape (n, 256).

    Returns:
        Who is of the second group, shape (n,).
    """
    points = unit(embeddings)
    if len(points) < 2:
        return np.zeros(len(points), bool)
    offset = points - points.mean(axis=0)
    axis = offset[np.square(offset).sum(axis=1).argmax()]
    for _ in range(ITERATIONS):  # power iteration: LAPACK's threads wait on a busy machine
        axis = unit((offset.T @ (offset @ axis))[None])[0]
    side = offset @ axis > 0
    if side.all() or not side.any():
        return np.zeros(len(points), bool)
    centres = np.stack([points[~side].mean(axis=0), points[side].mean(axis=0)])
    return np.asarray(kmeans2(points, centres, iter=ITERATIONS, minit="matrix")[1] == 1)


def two_voices(pieces: Pieces, own: Int64, second: Bool, plda: Plda, min_half_s: float) -> bool:
    """Whether the evidence says that some of these pieces, the second ones, are another voice's."""
    groups = [(own[group], pieces.seconds[own[group]]) for group in (~second, second)]
    spoken = np.array([seconds.sum() for _, seconds in groups])
    if spoken.min() < min_half_s:
        return False
    one, other = (
        seconds @ plda.project(pieces.embeddings[which]) / seconds.sum()
        for which, seconds in groups
    )
    n_one, n_other = evidence_worth(spoken, float(pieces.seconds.sum()))
    return bool(same_voice(plda, n_one, one, n_other, other) < 0)

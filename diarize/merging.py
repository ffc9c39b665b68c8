"""Overestimate, then merge: every number of speakers that a recording's voices can be.

Agglomerative clustering makes micro-clusters that are surely too many. Then the pair most likely
to be one voice is merged, again and again; the evidence is the PLDA log-likelihood ratio of
"one voice" against "two". Its natural threshold is 0, and little more is asked for; what is tuned
is how much independent evidence a second of one speaker's speech is worth
(`utterances.evidence_worth`), and how readily a voice that has spoken for long is believed to sound
unlike itself (`mood`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import softmax

from diarize.plda import Plda, unit
from diarize.records import Float32, Float64, Int64
from diarize.utterances import LITTLE_S, Voices, expected_alike

MICRO_DISTANCE = 0.3
"""Centroid distance of unit embeddings (cosine 0.955) below which two are one micro-cluster."""
BLOCK_VOICES = 1000
BLOCK_MICRO_CLUSTERS = 150
"""Voices are overestimated in blocks of this many, to at most so many micro-clusters each."""
MAX_MICRO_CLUSTERS = 1500
"""Of more in all (beyond some four hours), the micro-clusters are overestimated once more: merging
them costs the square of their number, which must not grow with the recording."""
MERGE_EVIDENCE = 3.0
"""Log-likelihood ratio above which two clusters are merged. With 0 to 6, mean DER of ten
development sets is 10.9 to 11.0, and 118 to 117 of 153 recordings are counted exactly; 140 of 8 to
18 s are as well with -3 to 6. With 0, two voices that are alike are one in 7 s of which each says
no more than three."""
MOOD_AFTER_S = 150.0
MOOD_PER_S = 0.3
MOOD_LIMIT = 60.0
MOOD_S = 20.0
"""What is added to the ratio beside a voice that has spoken for long: for each further second, up
to a limit, and less than that for whoever speaks for longer than a mood lasts. Whoever speaks long
now and then sounds unlike themself, and that is more often so than a new person saying a few words.
Without it one of two development calls of half an hour has a third voice (mean DER 29.2 instead of
12.8 %); of 54 development recordings of 2 to 8 minutes 44 are counted exactly with 150 and 250 s,
42 with 50, where people with little to say are lost (`benchmarks.tune count`). Two hours of
nine people, council meetings (`speakerbox`) joined, had 13 speakers with limits of 20 and 40, 11 or
12 with 60, before the PLDA knew how voices change with their background."""
BRIEF_S = 1.0
BRIEF_EVIDENCE = 9.0
"""Where little is said (`utterances.LITTLE_S`), what is added to the ratio of a voice that is
hardly heard at all, less the nearer it comes to a second: bursts and mixtures sound like nobody.
Each side of the sample alone, as a channel (16 of them, begun at other moments), has one or two
ghosts in 8 without it, of 0.1 to 0.4 s and ratios of -2 to 3; development sets of 8 to 30 s are
counted the same with up to 10, voices of 0.2 to 1 s that are there have ratios of -1 to -25."""
UNSEEN_EVIDENCE = 30.0
"""Where a hint asks for more speakers than the evidence does, the missing one is as likely to be
heard nowhere as to be split from a voice by a merge of this log-likelihood ratio. Mean DER of 26
development sets, told the right number, with 15, 30 and 60: 11.56, 11.52, 11.56; not told: 12.03
(`benchmarks.tune hints`)."""
CARVED_S = 0.3
"""So little of another's speech is given to whom a hint asks for and no evidence shows
(`attribution.carve`), where undoing a merge costs more (UNSEEN_EVIDENCE). Mean DER of the same sets
with 0, 0.3 and 0.6 s: 11.58, 11.52, 11.56."""


@dataclass(frozen=True, slots=True)
class MergePath:
    """Every merge from the overestimate down to one speaker.

    Attributes:
        start: micro-cluster of each voice, shape (n,).
        merges: pairs of micro-clusters merged, in order, shape (clusters - 1, 2).
        evidence: log-likelihood ratio of each merge, as it was judged, shape (clusters - 1,).
        seconds: speech of the lesser side of each merge, shape (clusters - 1,).
        least: there are no fewer speakers than this, whatever the evidence.
        within: the first so many merges are within clusters that are one voice by the evidence.
    """

    start: Int64
    merges: Int64
    evidence: Float64
    seconds: Float64
    least: int = 0
    within: int = 0

    def labels(self, k: int) -> Int64:
        """Cluster of each voice, 0 … k-1 in order of first appearance.

        Up to what is counted these are the clusters on the path; beyond it, `beyond` says which
        merges are undone, and there can be fewer than k.
        """
        kept = self.counted - 1
        undone = set(range(len(self.merges))[::-1][: min(k - 1, kept)])
        undone.update(self.beyond(k - 1 - kept))
        root = np.arange(self.clusters)
        for i, (one, other) in enumerate(self.merges.tolist()):
            if i not in undone:
                root[root == root[other]] = root[one]
        _, first, labels = np.unique(root[self.start], return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[labels]

    def beyond(self, more: int) -> list[int]:
        """Merges to undo where a hint asks for so many more speakers than the evidence does.

        Which of them is the missing speaker (or none: UNSEEN_EVIDENCE), the evidence says; to undo
        one that is not costs its seconds, to undo the right one saves them. The least expected
        loss is chosen, one after the other, until a few words at random cost less (CARVED_S).
        """
        left = np.arange(len(self.merges))[::-1][max(0, self.counted - 1) :]
        undone: list[int] = []
        for _ in range(min(max(more, 0), len(left))):
            missing = softmax(-np.append(self.evidence[left], UNSEEN_EVIDENCE))[:-1]
            loss = self.seconds[left] * (1 - 2 * missing)
            chosen = int(loss.argmin())
            if loss[chosen] >= CARVED_S:
                break
            undone.append(int(left[chosen]))
            left = np.delete(left, chosen)
        return undone

    @property
    def clusters(self) -> int:
        """How many micro-clusters there are: the most speakers that can be told apart."""
        return int(self.start.max()) + 1 if len(self.start) else 0

    @property
    def counted(self) -> int:
        """The number of speakers without a hint."""
        return max(self.estimate(), min(self.least, self.clusters))

    def estimate(self) -> int:
        """The number of speakers the evidence asks for; 0 where nobody speaks."""
        asked = self.evidence[self.within :]
        against = np.flatnonzero(asked <= MERGE_EVIDENCE)
        merged = int(against[0]) if len(against) else len(asked)
        return self.clusters - self.within - merged

    def evidence_below(self, k: int) -> float:
        """Log-likelihood ratio of the merge from k to k - 1 speakers on the path."""
        return float(self.evidence[self.clusters - k])


def overestimate(embeddings: Float32, at_least: int = 1) -> Int64:
    """Micro-clusters, surely more than there are speakers, shape (n,).

    Args:
        embeddings: shape (n, 256), n ≥ 1.
        at_least: no fewer micro-clusters than this (but no more than n, or half a block).
    """
    labels = np.zeros(len(embeddings), np.int64)
    at_least = min(at_least, BLOCK_VOICES // 2)  # each round halves their number at least
    found = 0
    for first in range(0, len(embeddings), BLOCK_VOICES):
        block = unit(embeddings[first : first + BLOCK_VOICES])
        if len(block) == 1:
            own = np.ones(1, np.int64)
        else:
            tree = linkage(block, method="centroid")
            own = fcluster(tree, MICRO_DISTANCE, "distance")
            if own.max() < at_least or own.max() > BLOCK_MICRO_CLUSTERS:
                limit = min(len(block), max(at_least, min(own.max(), BLOCK_MICRO_CLUSTERS)))
                own = cut(tree, limit)
        labels[first : first + len(block)] = found + own - 1
        found += own.max()
    labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    if found > MAX_MICRO_CLUSTERS:
        centres = np.zeros((found, embeddings.shape[1]), np.float32)
        np.add.at(centres, labels, unit(embeddings))
        labels = overestimate(centres, at_least)[labels]
    return labels


def cut(tree: npt.NDArray[np.float64], k: int) -> Int64:
    """Exactly k clusters, numbered from 1, from a linkage tree of n ≥ k leaves.

    Centroid linkage can have inversions, where cutting by distance gives some other number; undoing
    the last k - 1 merges always gives k.
    """
    n = len(tree) + 1
    root = np.arange(2 * n - 1)
    for i, (a, b) in enumerate(tree[: n - k, :2].astype(np.int64)):
        root[root == root[a]] = n + i
        root[root == root[b]] = n + i
    return np.unique(root[:n], return_inverse=True)[1].astype(np.int64) + 1


def mood(spoken_s: Float64, mood_s: Float64) -> Float64:
    """What is added to the log-likelihood ratio of a voice and what may be a mood of it.

    Args:
        spoken_s, mood_s: speech of the one and of the other, the lesser, any one shape.
    """
    likely = np.clip(MOOD_PER_S * (spoken_s - MOOD_AFTER_S), 0, MOOD_LIMIT)
    return likely * np.minimum(1, MOOD_S / mood_s)


def brevity(spoken_s: Float64) -> Float64:
    """What is added to the log-likelihood ratio of a voice that is hardly heard, any shape."""
    return BRIEF_EVIDENCE * np.maximum(0, 1 - spoken_s / BRIEF_S)


def merge(
    voices: Voices,
    start: Int64,
    plda: Plda,
    surely: float = 0.0,
    within: Int64 | None = None,
) -> MergePath:
    """Merge the most alike pair of clusters until one is left, or one of each group.

    Args:
        start: cluster of each of `voices`, 0 … k-1.
        surely: this share of the ratio to expect of one voice is taken off all evidence.
        within: group of each cluster, shape (k,); clusters of two groups are not merged.
    """
    if len(voices) == 0:
        return MergePath(start, np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))
    seconds, mean = voices.means(start)
    k = len(seconds)
    worth = voices.worth(seconds)
    total = worth[:, None] * mean
    alone = plda.log_evidence(worth, total)

    def likeness(i: int, others: Int64) -> Float64:
        together = plda.log_evidence(worth[i] + worth[others], total[i] + total[others])
        ratio: Float64 = together - alone[i] - alone[others]
        return ratio - surely * expected_alike(plda, worth[i], worth[others]) if surely else ratio

    alike = np.full((k, k), -np.inf)
    group = np.zeros(k, np.int64) if within is None else within
    for i in range(k - 1):
        others = np.flatnonzero((group == group[i]) & (np.arange(k) > i))
        alike[i, others] = alike[others, i] = likeness(i, others)
    n = k - len(np.unique(group))
    merges, evidence, lesser = np.zeros((n, 2), np.int64), np.zeros(n), np.zeros(n)
    living = np.arange(k)
    little = voices.seconds.sum() < LITTLE_S
    for i in range(n):
        kept, gone = sorted(map(int, np.unravel_index(alike.argmax(), alike.shape)))
        evidence[i] = alike[kept, gone]
        if not surely and evidence[i] <= MERGE_EVIDENCE:
            one, other = (
                f.outer(seconds[living], seconds[living]) for f in (np.maximum, np.minimum)
            )
            judged = alike[np.ix_(living, living)] + mood(one, other)
            if little:
                judged += brevity(other)
            evidence[i] = judged.max()
            kept, gone = sorted(living[list(np.unravel_index(judged.argmax(), judged.shape))])
        merges[i] = kept, gone
        lesser[i] = min(seconds[kept], seconds[gone])
        both = seconds[kept] + seconds[gone]
        mean[kept] = (seconds[kept] * mean[kept] + seconds[gone] * mean[gone]) / both
        seconds[kept] = both
        worth[kept] = voices.worth(both)
        total[kept] = worth[kept] * mean[kept]
        alone[kept] = plda.log_evidence(worth[kept], total[kept])
        alike[gone] = alike[:, gone] = -np.inf
        living = living[living != gone]
        others = living[(living != kept) & (group[living] == group[kept])]
        alike[kept, others] = alike[others, kept] = likeness(kept, others)
    return MergePath(start, merges, evidence, lesser)

"""How many speakers? Overestimate first, then merge while the evidence says two are one voice.

Agglomerative clustering makes micro-clusters that are surely too many. Then the pair most likely
to be one voice is merged, again and again; the evidence is the PLDA log-likelihood ratio of
"one voice" against "two". Its natural threshold is 0, and little more is asked for; what is tuned
is how much independent evidence a second of one speaker's speech is worth
(`utterances.evidence_worth`), and how readily a voice that has spoken for long is believed to sound
unlike itself (`mood`).

Mixtures of two voices would be speakers of their own. So merging halts once, where only clusters
that are surely one voice have been merged; utterances lose the pieces that are another cluster's
(`utterances.purify`); and it goes on from there. In the end every cluster is looked at for a second
voice (`splitting.split`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import softmax

from diarize.errors import HintError
from diarize.plda import Plda, unit
from diarize.prepared import Evidence
from diarize.records import FRAME_S, Float32, Float64, Hints, Int64
from diarize.segmentation import at_once, expected
from diarize.splitting import split
from diarize.utterances import Voices, expected_alike, find_voices, purify

logger = logging.getLogger(__name__)

MICRO_DISTANCE = 0.3
"""Centroid distance of unit embeddings (cosine 0.955) below which two are one micro-cluster."""
BLOCK_VOICES = 1000
BLOCK_MICRO_CLUSTERS = 150
"""Voices are overestimated in blocks of this many, to at most so many micro-clusters each."""
MAX_MICRO_CLUSTERS = 1500
"""Of more in all (beyond some four hours), the micro-clusters are overestimated once more: merging
them costs the square of their number, which must not grow with the recording."""
MIN_CLEAN_S = 1.0
"""Clean speech an utterance needs to count speakers by …"""
LESS_CLEAN_S = (0.5, 0.25, 0.1)
"""… or less, where nobody speaks as long (0.5 s at least) or where a hint asks for more speakers
than those are the voices of: who is missing has said little."""
MERGE_EVIDENCE = 3.0
"""Log-likelihood ratio above which two clusters are merged. With 0 to 6, mean DER of ten
development sets is 10.9 to 11.0, and 118 to 117 of 153 recordings are counted exactly; with 0, two
voices that are alike are one where each says no more than three seconds."""
SURELY_ALIKE = 0.7
"""… and how much of the ratio to expect of one voice it must be where clusters only tell which
pieces of an utterance are of another voice: one voice has twice of it, two voices seldom half, and
what a mixture has lies between. 0.5 to 0.8 are alike (`benchmarks.tune count`)."""
MOOD_AFTER_S = 50.0
MOOD_PER_S = 0.3
MOOD_LIMIT = 60.0
MOOD_S = 20.0
"""What is added to the ratio beside a voice that has spoken for long: for each further second, up
to a limit, and less than that for whoever speaks for longer than a mood lasts. Whoever speaks long
now and then sounds unlike themself, and that is more often so than a new person saying a few words.
Without it three development calls of half an hour have a DER of 14.0 instead of 11.4 %, one of them
a third voice; 142 other recordings are counted as well without, and with limits of 20 and 80
(`benchmarks.tune count`). Two hours of nine people, council meetings (`speakerbox`) joined, have 13
speakers with 20 and 40, 11 or 12 with 60."""
OVERLAP_S = 2.0
OVERLAP_SHARE = 0.02
"""One voice does not talk over itself: where two are heard at once for so long, and for that share
of the speech, there are two at least. On 51 development recordings of one voice the segmentation
hears two for 1.5 s (8 %) at most; of two voices that the evidence takes for one, for 2.3 s (12 %)
and 4.6 s (5 %)."""
UNSEEN_EVIDENCE = 30.0
"""Where a hint asks for more speakers than the evidence does, the missing one is as likely to be
heard nowhere as to be split from a voice by a merge of this log-likelihood ratio. Mean DER of 14
development sets, told the right number, with 15, 30 and 60: 11.12, 11.06, 11.14
(`benchmarks.tune hints`)."""
CARVED_S = 0.3
"""… and who cannot be found for less than this gets so little of another's speech
(`attribution.carve`): DER with the right number, mean of 19 development sets: 12.3; always undoing
a merge: 12.5; without a hint: 12.6."""
FINE_CLUSTERS = 20
"""… and there are at least so many micro-clusters, for who is missing has said little; 10 and 40
are no different."""


@dataclass(frozen=True, slots=True)
class MergePath:
    """Every merge from the overestimate down to one speaker.

    Attributes:
        start: micro-cluster of each voice, shape (n,).
        merges: pairs of micro-clusters merged, in order, shape (clusters - 1, 2).
        evidence: log-likelihood ratio of each merge, `mood` included, shape (clusters - 1,).
        seconds: speech of the lesser side of each merge, shape (clusters - 1,).
        least: voices that are heard at once; there are no fewer speakers, whatever the evidence.
    """

    start: Int64
    merges: Int64
    evidence: Float64
    seconds: Float64
    least: int = 0

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
        """The number of speakers without a hint: the estimate, or more who are heard at once."""
        return max(self.estimate(), min(self.least, self.clusters))

    def estimate(self) -> int:
        """The number of speakers the evidence asks for; 0 where nobody speaks."""
        against = np.flatnonzero(self.evidence <= MERGE_EVIDENCE)
        return self.clusters - (int(against[0]) if len(against) else len(self.evidence))

    def evidence_below(self, k: int) -> float:
        """Log-likelihood ratio of the merge from k to k - 1 speakers on the path."""
        return float(self.evidence[self.clusters - k])


def count_speakers(paths: Sequence[MergePath], hints: Hints) -> list[int]:
    """How many speakers each channel has, so that all together meet the hints.

    Where there are fewer voices than a hint asks for, the channel with most of them has more
    speakers than voices: `attribution.carve` gives those a turn each.

    Raises:
        HintError: fewer speakers allowed than channels in which somebody speaks.
    """
    speaking = sum(path.clusters > 0 for path in paths)
    if hints.high is not None and hints.high < speaking:
        raise HintError(
            f"at most {hints.high} speakers asked for, but {speaking} channels carry speech and "
            "each is a side of its own: allow more, or mix the channels"
        )
    counts = [path.counted for path in paths]
    while hints.high is not None and sum(counts) > hints.high:
        merges = [
            path.evidence_below(k) if k > 1 else -np.inf
            for path, k in zip(paths, counts, strict=True)
        ]
        counts[int(np.argmax(merges))] -= 1
    while sum(counts) < hints.low:
        splits = [
            path.evidence_below(k + 1) if 0 < k < path.clusters else np.inf
            for path, k in zip(paths, counts, strict=True)
        ]
        if not np.isfinite(splits).any():
            break
        counts[int(np.argmin(splits))] += 1
    told_apart = sum(counts)
    if hints.low > max(told_apart, 1):
        logger.warning(
            "%d speakers asked for, but only %d voices could be told apart%s",
            hints.low,
            told_apart,
            ": the others are given a turn each, which is a guess" if told_apart else "",
        )
    if told_apart:
        counts[int(np.argmax(counts))] += max(0, hints.low - told_apart)
    return counts


def find_speakers(evidence: Evidence, plda: Plda, at_least: int = 0) -> tuple[Voices, MergePath]:
    """Voices, and every number of speakers they can be merged into.

    Args:
        at_least: how many speakers a hint asks for; 0 without one.
    """
    least = heard_at_once(evidence)
    at_least = max(at_least, least)
    best: tuple[Voices, MergePath] | None = None
    reached = (-1, -1)
    for min_clean_s in (MIN_CLEAN_S, *(LESS_CLEAN_S if at_least else LESS_CLEAN_S[:1])):
        utterances = find_voices(evidence, plda, min_clean_s)
        micro = overestimate(utterances.embeddings, at_least)
        path = merge(utterances, micro, plda, SURELY_ALIKE)
        surely = path.labels(path.estimate())
        voices, surely = purify(utterances, surely, evidence, plda, min_clean_s)
        path = merge(voices, surely, plda)
        labels = path.labels(path.estimate())
        if (apart := split(voices, labels, evidence, plda)) is not None:
            voices, path = apart[0], merge(*apart, plda)
        if path.estimate() < min(at_least, len(voices)):
            many = min(max(at_least, FINE_CLUSTERS), len(voices))
            path = merge(voices, overestimate(voices.embeddings, many), plda)
        # A hint is a hard limit: as many voices as it asks for come before any evidence.
        if (meets := (min(path.clusters, at_least), path.estimate())) > reached:
            best, reached = (voices, path), meets
        if path.estimate() >= max(at_least, 1):
            break
    assert best is not None
    voices, path = best
    if path.estimate() < least:
        one = np.zeros(len(voices), np.int64)
        if (apart := split(voices, one, evidence, plda, least)) is not None:
            voices, path = apart[0], merge(*apart, plda)
    return voices, replace(path, least=least)


def heard_at_once(evidence: Evidence) -> int:
    """2 where two voices are heard at the same time for long enough to believe it, 0 elsewhere."""
    heard = at_once(expected(evidence.activity))
    talking, together = (heard > 0).sum(), (heard > 1).sum()
    believed = together * FRAME_S >= OVERLAP_S and together >= OVERLAP_SHARE * talking
    return 2 if believed else 0


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


def merge(voices: Voices, start: Int64, plda: Plda, surely: float = 0.0) -> MergePath:
    """Merge the most alike pair of clusters until one is left.

    Args:
        surely: this share of the ratio to expect of one voice is taken off all evidence.
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
    for i in range(k - 1):
        alike[i, i + 1 :] = alike[i + 1 :, i] = likeness(i, np.arange(i + 1, k))
    merges, evidence = np.zeros((k - 1, 2), np.int64), np.zeros(k - 1)
    lesser = np.zeros(k - 1)
    living = np.arange(k)
    for i in range(k - 1):
        kept, gone = sorted(map(int, np.unravel_index(alike.argmax(), alike.shape)))
        evidence[i] = alike[kept, gone]
        if not surely and evidence[i] <= MERGE_EVIDENCE:
            spoken = seconds[living]
            judged = alike[np.ix_(living, living)]
            judged += mood(*(f.outer(spoken, spoken) for f in (np.maximum, np.minimum)))
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
        others = living[living != kept]
        alike[kept, others] = alike[others, kept] = likeness(kept, others)
    return MergePath(start, merges, evidence, lesser)

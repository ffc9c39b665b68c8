"""How many speakers? As many as the evidence leaves when alike voices are merged (`merging.py`).

Mixtures of two voices would be speakers of their own. So merging halts once, where only clusters
that are surely one voice have been merged; utterances lose the pieces that are another cluster's
(`utterances.purify`); and it goes on from there. In the end every cluster is looked at for a second
voice (`splitting.split`). A hint that asks for more speakers than the evidence does changes none of
this: it only takes clusters apart (`refine`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diarize.errors import HintError
from diarize.merging import MergePath, merge, overestimate
from diarize.plda import Plda
from diarize.prepared import Evidence
from diarize.records import FRAME_S, Hints, Int64
from diarize.segmentation import at_once, clean, expected
from diarize.splitting import find_pieces, split
from diarize.utterances import Voices, find_voices, little_is_said, purify

logger = logging.getLogger(__name__)

MIN_CLEAN_S = 0.8
"""Clean speech that an utterance needs for speakers to be counted by it. Chosen from 1.0, 0.8 and
0.6 s: 43, 44 and 44 of 54 development recordings of 2 to 8 minutes are counted exactly, and 52, 53
and 54 of 70 half minutes; 0.6 s adds ghosts in long ones where nothing else holds them back
(`merging.mood`)."""
LESS_CLEAN_S = (0.5, 0.25, 0.1)
"""Less clean speech is enough where nobody speaks so long without a break (then 0.5 s), and where
more speakers are asked for or heard at once than are found: who is missing has said little."""
LITTLE_CLEAN_S = 0.35
"""Clean speech that an utterance needs where little is said (`utterances.LITTLE_S`)."""
SURELY_ALIKE = 0.7
"""A first, cautious merge only tells which pieces of an utterance are of another voice. There two
clusters are one where their log-likelihood ratio is this share of what one voice would have: one
voice has twice of that, two voices seldom half, a mixture something between. 0.5 to 0.8 do equally
well (`benchmarks.tune count`)."""
OVERLAP_S = 2.0
OVERLAP_SHARE = 0.02
"""One voice does not talk over itself: where two are heard at once for so long, and for that share
of the speech, there are two at least. On 51 development recordings of one voice the segmentation
hears two for 1.5 s (8 %) at most; of two voices that the evidence takes for one, for 2.3 s (12 %)
and 4.6 s (5 %)."""
SPLIT_EVIDENCE = 10.0
"""Where two voices are heard at once (OVERLAP_S) but the evidence for one is stronger than this,
the last two clusters are not those two: all that is said is halved by its pieces instead."""
FINE_CLUSTERS = 20
"""Where a hint asks for more speakers than the evidence does, clusters are taken apart into so many
at least, for who is missing has said little: mean DER of 26 development sets, told the right
number, with 10, 20 and 40: 11.56, 11.52, 11.54 (`benchmarks.tune hints`)."""


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
    alone_s = clean(evidence.active).sum(axis=1) * FRAME_S
    brief = alone_s.max() >= LESS_CLEAN_S[0] and little_is_said(evidence)
    lengths_s = LESS_CLEAN_S if at_least or least else LESS_CLEAN_S[:1]
    for min_clean_s in (LITTLE_CLEAN_S if brief else MIN_CLEAN_S, *lengths_s):
        voices, path = by_evidence(evidence, plda, min_clean_s)
        if path.estimate() >= max(least, 1):
            break
    if path.estimate() < least and not (path.evidence[-1:] <= SPLIT_EVIDENCE).any():
        one = np.zeros(len(voices), np.int64)
        if (apart := split(voices, one, evidence, plda, least)) is not None:
            voices, path = apart[0], merge(*apart, plda)
    path = replace(path, least=least)
    if 0 < path.counted < max(at_least, least):
        labels = path.labels(path.counted)
        voices, path = refine(voices, labels, evidence, plda, max(at_least, least))
        path = replace(path, least=max(path.least, least))
    return voices, path


def by_evidence(evidence: Evidence, plda: Plda, min_clean_s: float) -> tuple[Voices, MergePath]:
    """Voices of so much clean speech at least, each of one speaker, and how they merge."""
    utterances = find_voices(evidence, plda, min_clean_s)
    path = merge(utterances, overestimate(utterances.embeddings), plda, SURELY_ALIKE)
    surely = path.labels(path.estimate())
    voices, surely = purify(utterances, surely, evidence, plda, min_clean_s)
    path = merge(voices, surely, plda)
    labels = path.labels(path.estimate())
    if (apart := split(voices, labels, evidence, plda)) is not None:
        voices, path = apart[0], merge(*apart, plda)
    return voices, path


def refine(
    voices: Voices, labels: Int64, evidence: Evidence, plda: Plda, at_least: int
) -> tuple[Voices, MergePath]:
    """Clusters taken apart, for a hint that asks for more of them; none lends a voice to another.

    Utterances too short to count by join the likeliest cluster, and can leave it as a speaker.

    Args:
        labels: cluster of each of `voices`, 0 … k-1, k ≥ 1.
        at_least: more than k.
    """
    little = little_is_said(evidence)
    for min_clean_s in LESS_CLEAN_S[1:] if little else LESS_CLEAN_S:
        if little:
            more = find_pieces(evidence, min_clean_s).as_voices(plda)
            nearest = voices.likeliest(labels, plda, more.embeddings, more.seconds)
            own = np.unique(nearest, return_inverse=True)[1]
        else:
            others = find_voices(evidence, plda, min_clean_s).without(voices)
            clean_s = clean(evidence.active).sum(axis=1)[tuple(others.place.T)] * FRAME_S
            more = voices.together(others)
            joining = voices.likeliest(labels, plda, others.embeddings, clean_s)
            own = np.concatenate([labels, joining])
        fine = overestimate(more.embeddings, min(max(at_least, FINE_CLUSTERS), len(more)))
        pairs, start = np.unique(np.column_stack([own, fine]), axis=0, return_inverse=True)
        if len(pairs) >= at_least:
            break
    group = pairs[:, 0]
    inner, outer = merge(more, start, plda, within=group), merge(more, own, plda)
    first = np.unique(group, return_index=True)[1]  # a group's merges leave its first cluster
    path = MergePath(
        start,
        np.concatenate([inner.merges, first[outer.merges]]),
        np.concatenate([inner.evidence, outer.evidence]),
        np.concatenate([inner.seconds, outer.seconds]),
        least=len(first),
        within=len(inner.merges),
    )
    return more, path


def heard_at_once(evidence: Evidence) -> int:
    """2 where two voices are heard at the same time for long enough to believe it, 0 elsewhere."""
    heard = at_once(expected(evidence.activity))
    talking, together = (heard > 0).sum(), (heard > 1).sum()
    believed = together * FRAME_S >= OVERLAP_S and together >= OVERLAP_SHARE * talking
    return 2 if believed else 0

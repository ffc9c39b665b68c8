"""Clusters → local speakers: whose voice is each of the up to three heard in a window?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from diarize.confidence import right
from diarize.plda import Plda
from diarize.prepared import Evidence
from diarize.records import FRAME_S, Bool, Float64, Int64
from diarize.segmentation import clean
from diarize.utterances import Voices

OVERLAP_PENALTY_PER_S = 10.0
"""Log-likelihood that two local speakers heard at once lose per second by being one speaker."""
CANDIDATES = 3
MIN_TELLING_S = 0.5
UNKNOWN_BELOW = 0.25
"""A turn is UNKNOWN with less clean speech in its window than this, where the likeliest speaker is
right with less probability than that."""
PURITY = 6.0
"""Log odds that a piece is of its local speaker's voice, before it is heard: the network seldom
takes two voices for one. From 5 to 8, DER changes by less than 0.1 % on development data
(`benchmarks.tune stretches`)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How many speakers a hint asks for.

    Attributes:
        speakers: so many; 0 without a hint.
        counted: so many are there by the evidence.
    """

    speakers: int = 0
    counted: int = 0


NOT_ASKED = Asked()


@dataclass(frozen=True, slots=True)
class Assignment:
    """The speaker of every local speaker.

    Attributes:
        labels: 0 … k-1, k for UNKNOWN, -1 where inactive; shape (windows, 3).
        posterior: probability of that speaker, shape (windows, 3).
        k: how many speakers.
        stretch_labels: of each stretch of the evidence, its local speaker's or another one,
            shape (stretches,).
        stretch_posterior: probability of that speaker, shape (stretches,).
    """

    labels: Int64
    posterior: Float64
    k: int
    stretch_labels: Int64
    stretch_posterior: Float64


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of every local speaker, and from what.

    Attributes:
        chosen: its cluster, -1 where inactive, shape (windows, 3).
        clean_s: seconds it was active alone, shape (windows, 3).
        score: log-likelihood ratio of each cluster, shape (windows, 3, k).
        lead: how far the window's best choice is ahead of the best one that gives this speaker
            another cluster, shape (windows, 3).
    """

    chosen: Int64
    clean_s: Float64
    score: Float64
    lead: Float64

    @property
    def own(self) -> Float64:
        """Log-likelihood ratio of the cluster chosen, shape (windows, 3)."""
        place = np.maximum(self.chosen, 0)[..., None]
        return np.take_along_axis(self.score, place, axis=2)[..., 0]


def assign(
    evidence: Evidence, voices: Voices, labels: Int64, plda: Plda, asked: Asked = NOT_ASKED
) -> Assignment:
    """Give every local speaker of every window, short and long, to a cluster or to UNKNOWN.

    Args:
        labels: cluster of each of `voices`.
        asked: who asks for speakers gets that many.
    """
    decision = decide(evidence, voices, labels, plda)
    k = decision.score.shape[2]
    if k == 0:
        nobody, nothing = np.where(decision.chosen < 0, -1, 0), np.zeros(decision.chosen.shape)
        window, speaker = evidence.stretches[:, :2].T
        return Assignment(nobody, nothing, 0, nobody[window, speaker], nothing[window, speaker])
    own, lead = decision.own, decision.lead.copy()
    posterior = right(decision.clean_s, own, lead, k)
    unsure = (decision.clean_s < MIN_TELLING_S) & (posterior < UNKNOWN_BELOW)
    if asked.speakers > asked.counted:
        unsure[:] = False  # hardly any voice leads another that was split from it
    result = np.where(decision.chosen < 0, -1, np.where(unsure, k, decision.chosen))
    if asked.speakers:
        for place, label in back_to_voices(result, decision.score, voices, labels).items():
            result[place], own[place], lead[place] = label, decision.score[(*place, label)], 0
        posterior = right(decision.clean_s, own, lead, k)
    posterior = np.where(result < 0, 0, posterior)
    apart, sure = take_apart(evidence, voices, labels, plda, result, posterior)
    if asked.speakers:
        apart, sure = stay(evidence, apart, sure, result, posterior)
    return Assignment(result, posterior, k, apart, sure)


def decide(evidence: Evidence, voices: Voices, labels: Int64, plda: Plda) -> Decision:
    """Every local speaker's likeliest cluster, window by window."""
    active = evidence.active
    clean_s = clean(active).sum(axis=1) * FRAME_S
    k = len(np.unique(labels))
    score = np.zeros((*clean_s.shape, k))
    heard = clean_s > 0
    if heard.any():
        embeddings = evidence.embeddings.reshape(-1, evidence.embeddings.shape[2])
        which = np.flatnonzero(heard)
        score[heard] = voices.likeness(labels, plda, embeddings, which, clean_s[heard])
    chosen = np.where(active.any(axis=1), 0, -1)
    lead = np.zeros(clean_s.shape)
    for window in range(len(active) if k else 0):
        local = np.flatnonzero(active[window].any(axis=0))
        chosen[window, local], lead[window, local] = choose(
            score[window, local], active[window][:, local]
        )
    return Decision(chosen, clean_s, score, lead)


def take_apart(
    evidence: Evidence,
    voices: Voices,
    labels: Int64,
    plda: Plda,
    result: Int64,
    posterior: Float64,
) -> tuple[Int64, Float64]:
    """Labels and posterior of every stretch, both of shape (stretches,).

    A stretch goes with its local speaker unless its own voice says otherwise: within one window
    the network can take a short turn for the voice it heard before.
    """
    window, speaker, first, last = evidence.stretches.astype(np.int64).T
    own, sure = result[window, speaker], posterior[window, speaker]
    k = len(np.unique(labels))
    if k < 2 or len(own) == 0:
        return own, sure
    clean_s, every = (last - first) * FRAME_S, np.arange(len(own))
    score = voices.likeness(labels, plda, evidence.stretch_embeddings, every, clean_s)
    score += PURITY * (own[:, None] == np.arange(k))
    best = score.argmax(axis=1)
    highest = np.sort(score, axis=1)
    moved = (own < k) & (best != own)
    chosen = right(clean_s, highest[:, -1], highest[:, -1] - highest[:, -2], k)
    return np.where(moved, best, own), np.where(moved, chosen, sure)


def stay(
    evidence: Evidence, apart: Int64, sure: Float64, result: Int64, posterior: Float64
) -> tuple[Int64, Float64]:
    """Labels and posterior of the stretches, so that no speaker loses all that it had."""
    window, speaker = evidence.stretches[:, :2].T
    whole = np.ones(result.shape, bool)
    whole[window, speaker] = False
    had = result[window, speaker]
    lost = np.isin(had, np.setdiff1d(had, np.append(result[whole], apart)))
    return np.where(lost, had, apart), np.where(lost, posterior[window, speaker], sure)


def back_to_voices(
    result: Int64, score: Float64, voices: Voices, labels: Int64
) -> dict[tuple[int, int], int]:
    """For labels no local speaker has: one each, of its own voices the one most like it.

    That can leave another label without, which then takes one of its own, none twice.
    """
    back: dict[tuple[int, int], int] = {}
    result = result.copy()
    taken = np.zeros(result.shape, bool)
    while True:
        free = ~taken[tuple(voices.place.T)]
        if not len(missing := np.setdiff1d(labels[free], result)):
            return back
        label = int(missing[0])
        own = voices.place[free & (labels == label)]
        rival = score[tuple(own.T)]
        window, speaker = own[(rival[:, label] - rival.max(axis=1)).argmax()].tolist()
        result[window, speaker] = back[window, speaker] = label
        taken[window, speaker] = True


def choose(score: Float64, active: Bool) -> tuple[Int64, Float64]:
    """The likeliest labels of a window's local speakers, taken together.

    Two may share a label (the network can split one voice), but less and less likely the longer
    they are heard at once.

    Args:
        score: log-likelihood ratios, shape (local speakers, k).
        active: where each is active, shape (589, local speakers).

    Returns:
        Labels, and how far they are ahead of the best choice that gives this speaker another label
        (infinite where there is none); both of shape (local speakers,).
    """
    if len(score) == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    likeliest = np.argsort(-score, axis=1, kind="stable")[:, :CANDIDATES]
    options = np.array(list(product(*likeliest.tolist())))
    total = np.take_along_axis(score, options.T, axis=1).sum(axis=0)
    for a, b in combinations(range(len(score)), 2):
        together_s = float((active[:, a] & active[:, b]).sum()) * FRAME_S
        total -= OVERLAP_PENALTY_PER_S * together_s * (options[:, a] == options[:, b])
    best = int(total.argmax())
    other = np.where(options != options[best], total[:, None], -np.inf).max(axis=0)
    return options[best], total[best] - other

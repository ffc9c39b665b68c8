"""What speakers are counted by: utterances of one voice each, half a second to ten seconds long.

An utterance is what one local speaker says alone within one window. Where a piece of it is of
another voice, that piece is left out: a mixture of two would count as a third.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarize.plda import Plda
from diarize.prepared import Evidence
from diarize.records import FRAME_S, Float32, Float64, Int64
from diarize.segmentation import STEP_FRAMES, WINDOW_FRAMES, clean, coverage

WORTH_PER_S = 0.4
WORTH_LIMIT = 7.0
"""A second of speech is worth 0.4 independent embeddings at first, all of a speaker's speech
never more than seven: they come from one session, one microphone. By `benchmarks.tune count`."""
SHORT_S = 30.0
"""In recordings with no more speech than this a second is worth twice as much: a voice has shown
few of its moods, and there are few pairs among which chance could make two of one. The surplus
falls with the square of the length. By `benchmarks.tune count`."""
LITTLE_S = 15.0
"""In recordings in which no more is said than this, shorter utterances and halves of clusters can
be speakers (`counting.LITTLE_CLEAN_S`, `splitting.LITTLE_HALF_S`), and who is hardly heard needs
more evidence (`merging.BRIEF_EVIDENCE`): mean DER of six development sets of 8 to 18 s is 14.2
instead of 16.5 %, and 117 of 140 recordings are counted exactly instead of 101. All recordings
treated so, of 153 of half a minute and more 119 instead of 118 are, and of 60 half minutes begun at
other moments 48 instead of 52 (`benchmarks.tune count`)."""

PART = 500
"""Voices that are looked at at once: what is computed of them stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Voices:
    """Utterances of one voice each, within one window: what speakers are counted by.

    Attributes:
        place: window and local speaker of each, shape (n, 2).
        embeddings: as the network gave them, shape (n, 256).
        projected: the same in PLDA space, shape (n, 256).
        seconds: clean speech of each, a second seen by several windows shared among them,
            shape (n,).
    """

    place: Int64
    embeddings: Float32
    projected: Float64
    seconds: Float64

    def __len__(self) -> int:
        return len(self.place)

    def without(self, others: Voices) -> Voices:
        """Those whose place is none of the others'."""
        taken = set(map(tuple, others.place.tolist()))
        own = np.array([tuple(place) not in taken for place in self.place.tolist()], bool)
        return Voices(self.place[own], self.embeddings[own], self.projected[own], self.seconds[own])

    def together(self, others: Voices) -> Voices:
        """These and the others, in this order."""
        return Voices(
            np.concatenate([self.place, others.place]),
            np.concatenate([self.embeddings, others.embeddings]),
            np.concatenate([self.projected, others.projected]),
            np.concatenate([self.seconds, others.seconds]),
        )

    def worth(self, seconds: Float64) -> Float64:
        """How many independent embeddings so much clean speech of one voice is worth here."""
        return evidence_worth(seconds, float(self.seconds.sum()))

    def means(self, labels: Int64) -> tuple[Float64, Float64]:
        """Seconds (k,) and mean projection (k, 256) of each label 0 … k-1."""
        seconds = np.bincount(labels, self.seconds).astype(np.float64)
        total = np.zeros((len(seconds), self.projected.shape[1]))
        np.add.at(total, labels, self.projected * self.seconds[:, None])
        return seconds, total / seconds[:, None]

    def likeness(
        self, labels: Int64, plda: Plda, embeddings: Float32, which: Int64, clean_s: Float64
    ) -> Float64:
        """Log-likelihood ratios that some voices are those of the clusters, shape (which, k).

        Args:
            labels: 0 … k-1, the cluster of each of these utterances.
            embeddings: of other voices, shape (…, 256); `which` of them are asked about, and
                `clean_s` is the length of each.
        """
        seconds, mean = self.means(labels)
        n, worth = self.worth(clean_s), self.worth(seconds)
        total = worth[:, None] * mean
        cluster_alone = plda.log_evidence(worth, total)
        alike = np.empty((len(which), len(seconds)))
        for first in range(0, len(which), PART):
            part = slice(first, first + PART)
            x = n[part, None] * plda.project(embeddings[which[part]])
            alone = plda.log_evidence(n[part], x)
            for i in range(len(seconds)):
                together = plda.log_evidence(n[part] + worth[i], x + total[i])
                alike[part, i] = together - alone - cluster_alone[i]
        return alike

    def likeliest(self, labels: Int64, plda: Plda, embeddings: Float32, clean_s: Float64) -> Int64:
        """The likeliest of the clusters for other voices, shape (n,).

        Args:
            labels: 0 … k-1, k ≥ 1, the cluster of each of these utterances.
            embeddings, clean_s: of the other voices, shapes (n, 256) and (n,).
        """
        alike = self.likeness(labels, plda, embeddings, np.arange(len(embeddings)), clean_s)
        return np.asarray(alike.argmax(axis=1), np.int64)


def find_voices(evidence: Evidence, plda: Plda, min_clean_s: float) -> Voices:
    """The utterances with enough clean speech of one voice to count by."""
    alone = clean(evidence.active)
    seconds = np.einsum("wfs,wf->ws", alone, shares(len(alone))) * FRAME_S
    place = np.argwhere(alone.sum(axis=1) * FRAME_S >= min_clean_s)
    chosen = tuple(place.T)
    embeddings = evidence.embeddings[chosen]
    return Voices(place, embeddings, plda.project(embeddings), seconds[chosen])


def little_is_said(evidence: Evidence) -> bool:
    """Whether there is hardly any speech of one voice at a time in the whole channel."""
    alone = clean(evidence.active)
    spoken_s = float(np.einsum("wfs,wf->", alone, shares(len(alone)))) * FRAME_S
    return spoken_s < LITTLE_S


def shares(windows: int) -> Float64:
    """Which part of a frame a window has for its own where several see it, (windows, 589)."""
    share = 1 / coverage(windows)
    return np.lib.stride_tricks.sliding_window_view(share, WINDOW_FRAMES)[::STEP_FRAMES]


def purify(
    voices: Voices, labels: Int64, evidence: Evidence, plda: Plda, min_clean_s: float
) -> tuple[Voices, Int64]:
    """Each utterance without the pieces that are more like another cluster than like its own.

    Utterances of which less than `min_clean_s` is left are left out.

    Args:
        labels: cluster of each of `voices`; mixtures that are clusters of their own lose their
            pieces to the voices that they are mixtures of.

    Returns:
        What is left, and its labels, numbered from 0.
    """
    window, speaker, first, last = evidence.stretches.astype(np.int64).T
    owners = np.full(evidence.embeddings.shape[:2], -1)
    owners[tuple(voices.place.T)] = np.arange(len(voices))
    owner = owners[window, speaker]
    counted = np.flatnonzero(owner >= 0)
    owner, clean_s = owner[counted], (last - first)[counted] * FRAME_S
    if len(counted) == 0:
        return voices, labels
    heard = voices.likeness(labels, plda, evidence.stretch_embeddings, counted, clean_s)
    own = heard.argmax(axis=1) == labels[owner]
    kept_s = np.bincount(owner[own], clean_s[own], len(voices))
    total_s = np.bincount(owner, clean_s, len(voices))
    mixed = kept_s < total_s
    left = ~mixed | (kept_s >= min_clean_s)
    if not left.any():
        return voices, labels

    part = np.flatnonzero(own & (mixed & left)[owner])
    pooled = np.zeros_like(voices.embeddings)
    spoken = evidence.stretch_embeddings[counted[part]] * clean_s[part, None].astype(np.float32)
    np.add.at(pooled, owner[part], spoken)
    share = np.divide(kept_s, total_s, out=np.ones(len(voices)), where=mixed)
    again = (mixed & left)[:, None]
    clear = np.divide(pooled, kept_s[:, None], out=voices.embeddings.copy(), where=again)[left]
    seconds = (voices.seconds * share)[left]
    labels = np.unique(labels[left], return_inverse=True)[1].astype(np.int64)
    return Voices(voices.place[left], clear, plda.project(clear), seconds), labels


def evidence_worth(seconds: Float64, total_s: float) -> Float64:
    """How many independent embeddings a speaker's clean speech of that length is worth.

    Args:
        seconds: clean speech of one voice, any shape.
        total_s: clean speech of all voices of the recording.
    """
    per_s = WORTH_PER_S * (1 + (SHORT_S / max(total_s, SHORT_S)) ** 2)
    return np.asarray(WORTH_LIMIT * -np.expm1(-per_s / WORTH_LIMIT * seconds))


def same_voice(plda: Plda, n_a: Float64, a: Float64, n_b: Float64, b: Float64) -> Float64:
    """Log-likelihood ratio that two clusters are one voice rather than two.

    Args:
        n_a, n_b: what each one's speech is worth, broadcastable shapes (...).
        a, b: mean projections, shapes (..., 256).
    """
    s_a, s_b = n_a[..., None] * a, n_b[..., None] * b
    together = plda.log_evidence(n_a + n_b, s_a + s_b)
    return together - plda.log_evidence(n_a, s_a) - plda.log_evidence(n_b, s_b)


def expected_alike(plda: Plda, n_a: Float64, n_b: Float64) -> Float64:
    """What `same_voice` comes to on average where the two are one voice, as the model has it.

    Args:
        n_a, n_b: what each one's speech is worth, broadcastable shapes (...).
    """
    a, b, both = (plda.log_determinant(n) for n in (n_a, n_b, n_a + n_b))
    return np.asarray(0.5 * (a + b - both))

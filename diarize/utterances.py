"""What speakers are counted by: utterances of one voice each, half a second to ten seconds long.

An utterance is what one local speaker says alone within one window. Where its stretches are of two
voices, the lesser one is left out: a mixture of two would count as a third.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarize.plda import Float64, Plda
from diarize.prepared import Evidence
from diarize.records import FRAME_S, Float32, Int64
from diarize.segmentation import LOCAL_SPEAKERS, STEP_FRAMES, clean, coverage

WORTH_PER_S = 0.4
WORTH_LIMIT = 5.0
"""A second of speech is worth 0.4 independent embeddings at first, all of a speaker's speech
never more than five: they come from one session, one microphone. By `benchmarks.tune count`."""
SHORT_S = 60.0
"""In recordings with no more speech than this a second is worth twice as much: a voice has shown
few of its moods, and there are few pairs among which chance could make two of one. The surplus
falls with the square of the length. By `benchmarks.tune count`."""


@dataclass(frozen=True, slots=True)
class Voices:
    """Utterances of one voice each, within one window: what speakers are counted by.

    Attributes:
        place: window and local speaker of each, shape (n, 2).
        embeddings: as the network gave them, shape (n, 256).
        projected: the same in PLDA space, shape (n, 128).
        seconds: clean speech of each, a second seen by several windows shared among them,
            shape (n,).
    """

    place: Int64
    embeddings: Float32
    projected: Float64
    seconds: Float64

    def __len__(self) -> int:
        return len(self.place)

    def worth(self, seconds: Float64) -> Float64:
        """How many independent embeddings so much clean speech of one voice is worth here."""
        return evidence_worth(seconds, float(self.seconds.sum()))

    def means(self, labels: Int64) -> tuple[Float64, Float64]:
        """Seconds (k,) and mean projection (k, 128) of each label 0 … k-1."""
        seconds = np.bincount(labels, self.seconds).astype(np.float64)
        total = np.zeros((len(seconds), self.projected.shape[1]))
        np.add.at(total, labels, self.projected * self.seconds[:, None])
        return seconds, total / seconds[:, None]


def find_voices(evidence: Evidence, plda: Plda, min_clean_s: float) -> Voices:
    """The utterances with enough clean speech of one voice to count by."""
    alone = clean(evidence.active)
    share = np.lib.stride_tricks.sliding_window_view(1 / coverage(len(alone)), alone.shape[1])
    seconds = np.einsum("wfs,wf->ws", alone, share[::STEP_FRAMES]) * FRAME_S
    place = np.argwhere(alone.sum(axis=1) * FRAME_S >= min_clean_s)
    chosen = tuple(place.T)
    embeddings = evidence.embeddings[chosen]
    found = Voices(place, embeddings, plda.project(embeddings), seconds[chosen])
    return purify(found, evidence, plda, min_clean_s)


def purify(voices: Voices, evidence: Evidence, plda: Plda, min_clean_s: float) -> Voices:
    """Each utterance without the stretches that are not of the voice of its longest one.

    Of another voice is what the log-likelihood ratio of "one voice" is negative for. Utterances of
    which less than `min_clean_s` is left are left out.
    """
    if len(voices) == 0 or len(evidence.stretches) == 0:
        return voices
    window, speaker, first, last = evidence.stretches.astype(np.int64).T
    key, group = np.unique(window * LOCAL_SPEAKERS + speaker, return_inverse=True)
    clean_s = (last - first) * FRAME_S
    order = np.lexsort((-clean_s, group))
    longest = order[np.searchsorted(group[order], np.arange(len(key)))][group]
    projected, worth = plda.project(evidence.stretch_embeddings), voices.worth(clean_s)
    alike = same_voice(plda, worth[longest], projected[longest], worth, projected)
    own = (alike > 0) | (longest == np.arange(len(group)))

    kept_s, total_s = np.bincount(group, clean_s * own), np.bincount(group, clean_s)
    pooled = np.zeros((len(key), evidence.stretch_embeddings.shape[1]))
    np.add.at(pooled, group[own], evidence.stretch_embeddings[own] * clean_s[own, None])
    places = voices.place @ [LOCAL_SPEAKERS, 1]
    at = np.minimum(np.searchsorted(key, places), len(key) - 1)
    mixed = (key[at] == places) & (kept_s < total_s)[at]

    embeddings, seconds = voices.embeddings.copy(), voices.seconds.copy()
    embeddings[mixed] = (pooled / kept_s[:, None])[at[mixed]]
    seconds[mixed] *= (kept_s / total_s)[at[mixed]]
    left = ~mixed | (kept_s[at] >= min_clean_s)
    embeddings = embeddings[left]
    return Voices(voices.place[left], embeddings, plda.project(embeddings), seconds[left])


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
        a, b: mean projections, shapes (..., 128).
    """
    s_a, s_b = n_a[..., None] * a, n_b[..., None] * b
    together = plda.log_evidence(n_a + n_b, s_a + s_b)
    return together - plda.log_evidence(n_a, s_a) - plda.log_evidence(n_b, s_b)

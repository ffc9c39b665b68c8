"""Cosine distances with a threshold that is calibrated.

The calls of LocalAI and of the voice-embedding service speak of the plain cosine. What a cosine is
worth depends on how near the two voices are to strangers (`diarize.voices.scoring`), so where the
caller gives no threshold, each pair gets its own: the distance at which its calibrated score
reaches the model's threshold. Deciding by it is deciding by the calibrated score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarize.records import Float32
from diarize.voices.errors import VoiceError
from diarize.voices.people import Person
from diarize.voices.scoring import Calibration
from diarize.voices.store import VoiceStore


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two voices compared. `distance`: 1 − cosine, 0–2; they are one voice up to `threshold`."""

    distance: float
    threshold: float

    @property
    def same(self) -> bool:
        return self.distance <= self.threshold

    @property
    def confidence(self) -> float:
        """LocalAI's: 100 where the distance is 0, falling to 0 at the threshold."""
        if self.threshold <= 0:
            return 0.0
        return float(min(100.0, max(0.0, (1 - self.distance / self.threshold) * 100)))


def compare(
    first: Float32, second: Float32, known: Calibration, threshold: float | None = None
) -> Likeness:
    """Two embeddings of one model, shape (dim,).

    Args:
        known: what scores of this model mean for voices this long.
        threshold: a distance; None: the calibrated one of this pair.

    Raises:
        VoiceError: different dimensions, or a vector without direction.
    """
    if first.shape != second.shape:
        raise VoiceError(
            f"embeddings of {len(first)} and of {len(second)} numbers are of different models"
        )
    a, b = _unit(first), _unit(second)
    cosine = float(np.clip(a @ b, -1, 1))
    if threshold is None:
        threshold = 1 - _cosine_at_threshold(a, b, known)
    return Likeness(1 - cosine, threshold)


def _cosine_at_threshold(a: Float32, b: Float32, known: Calibration) -> float:
    """The cosine with which these two would just reach the calibrated threshold."""
    if known.cohort is None:
        return known.threshold
    (factor_a,), (offset_a,) = known.cohort.line(a)
    (factor_b,), (offset_b,) = known.cohort.line(b)
    return float((known.threshold - offset_a - offset_b) / (factor_a + factor_b))


def _unit(vector: Float32) -> Float32:
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    if not np.isfinite(norm) or norm < 1e-9:
        raise VoiceError("an embedding of zeros, or of numbers that are not finite, is no voice")
    return np.asarray(vector / norm, np.float32)


def nearest(
    voice: Float32,
    model_sha256: str,
    people: list[Person],
    store: VoiceStore,
    known: Calibration,
    threshold: float | None,
) -> list[tuple[Person, Likeness]]:
    """Each person's nearest voiceprint: those that are the same voice first, then by distance.

    Args:
        known: what scores mean that are not yet raised for how long the voiceprints are.
    """
    found = []
    for person in people:
        kept = store.voiceprints(person.id, by_id=True)
        pairs = [
            compare(voice, v.embedding, known.at(v.duration_s), threshold)
            for v in kept
            if v.model_sha256 == model_sha256
        ]
        if pairs:
            found.append((person, min(pairs, key=_order)))
    return sorted(found, key=lambda match: _order(match[1]))


def _order(pair: Likeness) -> tuple[bool, float]:
    return not pair.same, pair.distance

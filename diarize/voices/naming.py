"""Names for the speakers of one recording: one person per speaker, one speaker per person.

Speakers and people are matched as a whole (Hungarian algorithm; Kuhn 1955), so that two speakers
never get one name, and a speaker to whom nobody is near enough keeps the label it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarize.records import Float32
from diarize.voices.errors import VoiceError
from diarize.voices.index import VoiceIndex
from diarize.voices.scoring import Calibration, calibration, confidence, score


@dataclass(frozen=True, slots=True)
class Named:
    """The person that a speaker of a recording is. `confidence`: 0–1."""

    name: str
    score: float
    confidence: float


def name_from_store(
    speakers: Mapping[str, Float32],
    index: VoiceIndex,
    model_sha256: str,
    *,
    known: Calibration | None = None,
) -> dict[str, Named]:
    """Who of the store the speakers are; speakers nobody knows are left out.

    Args:
        speakers: label of each speaker to their embedding, shape (dim,).
        known: what scores mean; by default what is known of that model.

    Raises:
        VoiceError: as :meth:`VoiceIndex.search`.
    """
    known = known or calibration(model_sha256)
    # With as many candidates for each as there are speakers, the best matching is among them.
    found = {
        label: index.search(vector, model_sha256, top_k=len(speakers), known=known)
        for label, vector in speakers.items()
    }
    names = sorted({m.person.name for matches in found.values() for m in matches})
    column = {name: i for i, name in enumerate(names)}
    scores = np.full((len(speakers), len(names)), -1, np.float32)
    for row, matches in enumerate(found.values()):
        for match in matches:
            scores[row, column[match.person.name]] = match.score
    return _assign(list(speakers), names, scores, known)


def name_from_clips(
    speakers: Mapping[str, Float32], people: Mapping[str, Float32], known: Calibration
) -> dict[str, Named]:
    """Who of the given people the speakers are; speakers who are none of them are left out.

    Args:
        speakers: label of each speaker to their embedding, shape (dim,).
        people: name to one or more embeddings of theirs, shape (dim,) or (n, dim), same model.

    Raises:
        VoiceError: embeddings of different models.
    """
    if not speakers or not people:
        return {}
    if len({np.shape(v) for v in speakers.values()}) > 1:
        raise VoiceError("the speakers' embeddings are of different models")
    voices = np.stack(list(speakers.values()))
    scores = np.stack([score(voices, own, known).max(axis=1) for own in people.values()], axis=1)
    return _assign(list(speakers), list(people), scores, known)


def _assign(
    labels: list[str], names: list[str], scores: Float32, known: Calibration
) -> dict[str, Named]:
    """The matching with the largest sum of scores above the threshold; no pair lies below it."""
    gain = np.where(scores >= known.threshold, scores - known.threshold + 1e-6, 0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return {
        labels[r]: Named(names[c], float(scores[r, c]), confidence(float(scores[r, c]), known))
        for r, c in zip(rows, columns, strict=True)
        if gain[r, c] > 0
    }

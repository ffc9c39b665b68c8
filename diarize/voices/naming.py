"""Names for the speakers of one recording: one person per speaker, one speaker per person.

Speakers and people are matched as a whole (Hungarian algorithm; Kuhn 1955), so that two speakers
never get one name, and a speaker to whom nobody is near enough keeps the label it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarize.records import Float32
from diarize.records import Named as Named
from diarize.voices.errors import VoiceError
from diarize.voices.index import VoiceIndex
from diarize.voices.scoring import Calibration, calibration, confidence, score

Seconds = Callable[[str, str], float]
"""From a speaker's label and a person's name: how much speech the shorter of their voices is of."""


def name_from_store(
    speakers: Mapping[str, Float32],
    index: VoiceIndex,
    model_sha256: str,
    *,
    known: Calibration | None = None,
    seconds: Seconds | None = None,
) -> dict[str, Named]:
    """Who of the store the speakers are; speakers nobody knows are left out.

    Args:
        speakers: label of each speaker to their embedding, shape (dim,).
        known: what scores mean; by default what is known of that model.
        seconds: so that scores of short voices count for more; None: all are long.

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
    return _assign(list(speakers), names, scores, known, seconds)


def name_from_clips(
    speakers: Mapping[str, Float32],
    people: Mapping[str, Float32],
    known: Calibration,
    *,
    seconds: Seconds | None = None,
) -> dict[str, Named]:
    """Who of the given people the speakers are; speakers who are none of them are left out.

    Args:
        speakers: label of each speaker to their embedding, shape (dim,).
        people: name to one or more embeddings of theirs, shape (dim,) or (n, dim), same model.
        seconds: as for :func:`name_from_store`.

    Raises:
        VoiceError: embeddings of different models.
    """
    if not speakers or not people:
        return {}
    if len({np.shape(v) for v in speakers.values()}) > 1:
        raise VoiceError("the speakers' embeddings are of different models")
    voices = np.stack(list(speakers.values()))
    scores = np.stack([score(voices, own, known).max(axis=1) for own in people.values()], axis=1)
    return _assign(list(speakers), list(people), scores, known, seconds)


def _assign(
    labels: list[str],
    names: list[str],
    scores: Float32,
    known: Calibration,
    seconds: Seconds | None,
) -> dict[str, Named]:
    """The matching with the largest sum of scores above the threshold; no pair lies below it."""
    means = [[known.at(seconds(a, b)) if seconds else known for b in names] for a in labels]
    thresholds = np.array([[each.threshold for each in row] for row in means])
    gain = np.where(scores >= thresholds, scores - thresholds + 1e-6, 0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    found = {}
    for r, c in zip(rows.tolist(), columns.tolist(), strict=True):
        if gain[r, c] > 0:
            value = float(scores[r, c])
            found[labels[r]] = Named(names[c], value, confidence(value, means[r][c]))
    return found

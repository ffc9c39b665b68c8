"""Names for the speakers of one recording: one person per speaker, one speaker per person.

Speakers and people are matched as a whole (Hungarian algorithm; Kuhn 1955), so that two speakers
never get one name, and a speaker to whom nobody is near enough keeps the label it has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from diarize.records import Float32, Named
from diarize.voices.index import VoiceIndex
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import Calibration, compare, confidence, shown


def name_from_store(
    speakers: Mapping[str, Voiceprint],
    index: VoiceIndex,
    known: Calibration,
    taken: Collection[str] = (),
) -> dict[str, Named]:
    """Who of the store the speakers are; speakers nobody knows are left out.

    Args:
        speakers: label of each speaker to their voice.
        known: what scores of the voices' model mean.
        taken: names that other speakers have already.

    Raises:
        VoiceError: as :meth:`VoiceIndex.search`.
    """
    # With as many candidates for each as there are speakers, the best matching is among them.
    found = {
        label: index.search(
            voice.embedding,
            voice.model_sha256,
            seconds=voice.duration_s,
            top_k=len(speakers) + len(taken),
            known=known,
        )
        for label, voice in speakers.items()
    }
    names = sorted({m.person.name for matches in found.values() for m in matches} - set(taken))
    column = {name: i for i, name in enumerate(names)}
    scores = np.full((len(speakers), len(names)), -1, np.float32)
    for row, matches in enumerate(found.values()):
        for match in (m for m in matches if m.person.name in column):
            scores[row, column[match.person.name]] = match.score
    return _assign(list(speakers), names, scores, known)


def name_from_clips(
    speakers: Mapping[str, Voiceprint],
    people: Mapping[str, Sequence[Voiceprint]],
    known: Calibration,
) -> dict[str, Named]:
    """Who of the given people the speakers are; speakers who are none of them are left out.

    Args:
        speakers: label of each speaker to their voice.
        people: name to the voices that are known of them, one or more.
        known: as for :func:`name_from_store`.

    Raises:
        VoiceError: voices of different models.
    """
    if not speakers or not people:
        return {}
    voices = list(speakers.values())
    columns = [compare(voices, own, known).max(axis=1) for own in people.values()]
    return _assign(list(speakers), list(people), np.stack(columns, axis=1), known)


def _assign(
    labels: list[str], names: list[str], scores: Float32, known: Calibration
) -> dict[str, Named]:
    """The matching with the largest sum of scores above the threshold; no pair lies below it."""
    gain = np.where(scores >= known.threshold, scores - known.threshold + 1e-6, 0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    found = {}
    for r, c in zip(rows.tolist(), columns.tolist(), strict=True):
        if gain[r, c] > 0:
            value = float(scores[r, c])
            found[labels[r]] = Named(names[c], shown(value), confidence(value, known))
    return found

"""1:N search: which people of a store sound like this voice.

All voiceprints of a model lie in one float32 matrix that is kept until the store changes, by this
process or another: a search is one matrix product (benchmarks/voiceprint_search.py).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diarize.records import Float32
from diarize.voices.engines import normalised
from diarize.voices.errors import VoiceError
from diarize.voices.people import Person
from diarize.voices.scoring import Calibration, Cohort, calibration, confidence
from diarize.voices.store import VoiceStore


@dataclass(frozen=True, slots=True)
class Match:
    """A person who may be the voice asked for.

    `score` is that of their nearest voiceprint (:func:`diarize.voices.scoring.score`),
    `confidence` (0–1) the probability that the two are one voice, `known` whether the score reaches
    the threshold.
    """

    person: Person
    score: float
    confidence: float
    known: bool


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Voiceprints (n, dim) by owner; owner i has the rows from starts[i] up to the next start.

    `factors` and `offsets`, (n,): each voiceprint's part in the correction of scores, by `cohort`
    and for its length.
    """

    version: tuple[int, int]
    known: tuple[Cohort | None, float]
    voiceprints: Float32
    factors: Float32
    offsets: Float32
    starts: npt.NDArray[np.intp]
    people: tuple[Person, ...]


class VoiceIndex:
    """Searches a store. Threads may share one."""

    def __init__(self, store: VoiceStore) -> None:
        self.store = store
        self._matrices: dict[str, _Matrix] = {}
        self._lock = threading.Lock()

    def search(
        self,
        embedding: Float32,
        model_sha256: str,
        *,
        seconds: float = 0.0,
        top_k: int = 5,
        known: Calibration | None = None,
    ) -> tuple[Match, ...]:
        """The `top_k` most similar people, best first, whether or not anybody is near enough.

        Args:
            embedding: shape (dim,), of the model that `model_sha256` names.
            seconds: of speech that it is of; 0: not known.
            known: what scores mean; by default what is known of that model.

        Raises:
            VoiceError: the store holds voices, but none of that model; another dimension.
        """
        known = known or calibration(model_sha256)
        matrix = self._matrix(model_sha256, known)
        if not matrix.people:
            self.check_model(model_sha256)
            return ()
        if embedding.shape != (matrix.voiceprints.shape[1],):
            raise VoiceError(
                f"an embedding of shape {embedding.shape} cannot be compared with voiceprints of "
                f"{matrix.voiceprints.shape[1]} numbers: it is another model's"
            )
        voice = normalised(embedding)
        scores = matrix.voiceprints @ voice
        offset = known.lift(seconds)
        if known.cohort:
            (factor,), (shift,) = known.cohort.line(voice)
            scores, offset = scores * (matrix.factors + factor), offset + shift
        scores = scores + (matrix.offsets + offset)
        best = np.maximum.reduceat(scores, matrix.starts)
        nearest = [(matrix.people[i], float(best[i])) for i in _largest(best, top_k)]
        return tuple(
            Match(person, value, confidence(value, known), value >= known.threshold)
            for person, value in nearest
        )

    def identify(
        self,
        embedding: Float32,
        model_sha256: str,
        *,
        seconds: float = 0.0,
        known: Calibration | None = None,
    ) -> Match | None:
        """Whose voice this is; None where nobody is near enough.

        Raises:
            VoiceError: as :meth:`search`.
        """
        found = self.search(embedding, model_sha256, seconds=seconds, top_k=1, known=known)
        return found[0] if found and found[0].known else None

    def check_model(self, model_sha256: str) -> None:
        """Is there a voice of this model in the store, or nobody at all?

        Raises:
            VoiceError: there are voices, and all are of other models.
        """
        others = self.store.models()
        if others and model_sha256 not in others:
            names = ", ".join(sorted(set(others.values())))
            raise VoiceError(
                f"{self.store.path} holds voices of {names} and none of this model: embeddings of "
                "different models cannot be compared. Enrol the people again, or choose that engine"
            )

    def _matrix(self, model_sha256: str, known: Calibration) -> _Matrix:
        with self._lock:
            version = self.store.version()
            kept = self._matrices.get(model_sha256)
            if kept is None or kept.version != version or kept.known != (known.cohort, known.drop):
                kept = self._load(model_sha256, known, version)
                self._matrices[model_sha256] = kept
            return kept

    def _load(self, model_sha256: str, known: Calibration, version: tuple[int, int]) -> _Matrix:
        people = {p.id: p for p in self.store.people()}
        owners, voiceprints, seconds = self.store.matrix(model_sha256)
        # Somebody may come or go between the two reads; the version then differs next time.
        present = np.array([owner in people for owner in owners], bool)
        owners = [owner for owner in owners if owner in people]
        starts = [i for i, o in enumerate(owners) if i == 0 or o != owners[i - 1]]
        voiceprints = voiceprints if present.all() else voiceprints[present]
        factors, offsets = np.zeros(0, np.float32), known.lift(seconds[present])
        if known.cohort and owners:
            factors, shifts = known.cohort.line(voiceprints)
            offsets = offsets + shifts
        return _Matrix(
            version,
            (known.cohort, known.drop),
            voiceprints,
            factors,
            offsets,
            np.array(starts, np.intp),
            tuple(people[owners[i]] for i in starts),
        )


def _largest(values: Float32, count: int) -> list[int]:
    """Indices of the `count` largest values, largest first; equal values in order."""
    count = min(count, len(values))
    if count < 1:
        return []
    chosen = np.sort(np.argpartition(-values, count - 1)[:count])
    return [int(i) for i in chosen[np.argsort(-values[chosen], kind="stable")]]

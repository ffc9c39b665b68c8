"""How alike two voices are, and what that likeness is worth.

The score is the cosine of two embeddings, corrected for how near either voice is to strangers
(adaptive symmetric score normalisation; Matějka et al., "Analysis of score normalization in
multilingual speaker recognition", Interspeech 2017) and put back on the scale of cosines. What a
score means differs from model to model, so every model has its own cohort of strangers, its own
threshold and its own mapping from score to probability, all measured on real trials
(benchmarks/verification.py, which prints the figures and the lines of CALIBRATIONS).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from diarize.models.weights import weights_folder
from diarize.plda import unit
from diarize.records import Float32
from diarize.voices.engines import SPECS
from diarize.voices.errors import VoiceError
from diarize.voices.people import Voiceprint

FULL_S = 6.0
"""A voice of more speech than this is hardly any more like itself."""

SHORTEST_TRIED_S = 1.5
"""Of voices of less speech no trials were made: their scores are raised no further."""

NEAREST = 50
"""How many of the cohort's voices, those nearest to it, say how near a voice is to strangers."""


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Strangers. `voices`: shape (n, dim), L2 norm 1; `mean` and `std`: their usual nearness."""

    voices: Float32
    mean: float
    std: float

    @classmethod
    def of(cls, voices: npt.NDArray[np.floating]) -> Cohort:
        """The cohort of these embeddings, shape (n, dim)."""
        rows = voices / np.linalg.norm(voices, axis=1, keepdims=True)
        rows = np.asarray(rows, np.float32)
        others = np.sort(rows @ rows.T, axis=1)[:, :-1][:, -NEAREST:]  # without itself
        return cls(rows, float(others.mean()), float(others.std(axis=1).mean()))

    def line(self, voices: Float32) -> tuple[Float32, Float32]:
        """Half of the correction of each voice: (factor, offset), shapes (n,) and (n,).

        A pair's corrected score is ``cosine * (factor_a + factor_b) + offset_a + offset_b``.
        """
        nearest = np.atleast_2d(voices) @ self.voices.T
        if nearest.shape[1] > NEAREST:
            nearest = np.partition(nearest, -NEAREST, axis=1)[:, -NEAREST:]
        factor = self.std / 2 / np.maximum(nearest.std(axis=1), self.std / 4)
        return factor, self.mean / 2 - factor * nearest.mean(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What scores of one model mean.

    A pair with a score of at least `threshold` counts as one voice. The probability that it is one,
    where either answer is as likely beforehand, is ``1 / (1 + exp(-slope * (score - midpoint)))``
    (logistic regression; Brümmer & du Preez, "Application-independent evaluation of speaker
    detection", 2006). Without a `cohort` scores are cosines.

    A short voice is less like itself: each time that it halves, from FULL_S on, scores sink by
    `drop`, and for two short voices twice. They are raised by as much, so that one threshold serves
    voices of all lengths.
    """

    threshold: float
    midpoint: float
    slope: float
    drop: float = 0.0
    cohort: Cohort | None = None

    def lift(self, seconds: npt.ArrayLike) -> Float32:
        """By how much the scores of voices so long are raised; 0 s: how long is not known."""
        lengths = np.asarray(seconds, np.float64)
        halvings = np.log2(FULL_S / np.clip(lengths, SHORTEST_TRIED_S, FULL_S))
        return np.asarray(np.where(lengths > 0, self.drop * halvings, 0), np.float32)

    def at(self, seconds: float) -> Calibration:
        """What scores mean that are not yet raised for one voice of `seconds`."""
        lower = float(self.lift(seconds))
        return replace(self, threshold=self.threshold - lower, midpoint=self.midpoint - lower)


CALIBRATIONS: dict[str, Calibration] = {
    "resnet34-lm": Calibration(0.583, 0.529, 31.8, 0.049),
    "campplus": Calibration(0.663, 0.601, 37.8, 0.026),
    "ecapa": Calibration(0.517, 0.450, 36.7, 0.058),
    "ge2e": Calibration(0.870, 0.816, 44.6, 0.030),
}
"""From ``python -m benchmarks.verification --engine NAME --clips LIBRISPEECH``, with ``--plain``
for those that are not NORMALISED. On people that the threshold was not chosen on, in different
meetings (speakerbox), in per cent, by the speech enrolled and tested (20 s and 20 s, 20 s and 2 s,
2 s and 2 s):

            EER               false accepts     false rejects
resnet34-lm 0.6   1.7   2.9   0.1   0.4   0.8   0.9   3.7   8.6
campplus    2.6   4.0   6.6   0.1   0.2   0.2   3.9  13.3  23.5
ecapa       0.0   1.4   4.0   0.0   0.0   0.1   0.0  15.0  22.3
ge2e        5.2   6.6   9.2   0.7   1.3   3.5   5.6  12.4  12.5

There are 9 people in these meetings: differences of a per cent or two are within what luck does.
"""

NORMALISED = frozenset({"resnet34-lm", "ge2e"})
"""Engines whose errors a cohort made fewer, and which come with one (120 LibriSpeech readers):
ResNet34-LM's EER fell from 1.8 to 0.6 %, of 2 s from 4.6 to 2.9 %; CAM++'s and ECAPA's rose."""


@functools.cache
def calibration(model_sha256: str) -> Calibration:
    """The calibration of a model, with its cohort.

    Raises:
        VoiceError: there is none: its scores mean nothing here.
    """
    for name, spec in SPECS.items():
        if spec.sha256 == model_sha256 and name in CALIBRATIONS:
            if name not in NORMALISED:
                return CALIBRATIONS[name]
            path = weights_folder() / "engines" / f"{name}.cohort.npy"
            return replace(CALIBRATIONS[name], cohort=Cohort.of(np.load(path, allow_pickle=False)))
    raise VoiceError(
        f"no threshold is known for the model {model_sha256[:12]}…: give one yourself, or use "
        f"one of the engines {', '.join(SPECS)}"
    )


def score(
    first: Float32,
    second: Float32,
    known: Calibration,
    first_s: npt.ArrayLike = 0.0,
    second_s: npt.ArrayLike = 0.0,
) -> Float32:
    """Scores between two sets of embeddings, shapes (n, dim) and (m, dim) to (n, m).

    They are on the scale of cosines; corrected ones may lie a little outside, and are kept so, as
    the nearest of two must stay the nearest. What is shown is :func:`shown`.

    Args:
        first_s, second_s: seconds of speech that each voice is of, shapes (n,) and (m,), or one
            number for all; 0: not known.

    Raises:
        VoiceError: another number of dimensions: the embeddings are of different models.
    """
    a, b = (unit(np.atleast_2d(vectors)) for vectors in (first, second))
    cohort = known.cohort
    if a.shape[1] != b.shape[1] or (cohort and a.shape[1] != cohort.voices.shape[1]):
        raise VoiceError(
            f"embeddings of {a.shape[1]} and of {b.shape[1]} numbers are not both of this model"
        )
    cosines = a @ b.T
    if cohort:
        (factor_a, offset_a), (factor_b, offset_b) = cohort.line(a), cohort.line(b)
        cosines = cosines * (factor_a[:, None] + factor_b) + offset_a[:, None] + offset_b
    lifts = np.atleast_1d(known.lift(first_s))[:, None] + known.lift(second_s)
    return np.asarray(cosines + lifts, np.float32)


def compare(
    first: Sequence[Voiceprint], second: Sequence[Voiceprint], known: Calibration
) -> Float32:
    """Scores between voices of known length: (n, m), each n and m at least 1.

    Raises:
        VoiceError: voices of different models.
    """
    if len({voice.model_sha256 for voice in (*first, *second)}) > 1:
        raise VoiceError("voices of different models cannot be compared")
    (a, a_s), (b, b_s) = (
        (np.stack([v.embedding for v in voices]), [v.duration_s for v in voices])
        for voices in (first, second)
    )
    return score(a, b, known, a_s, b_s)


def shown(value: float) -> float:
    """The score as it is told: -1 to 1."""
    return float(min(max(value, -1.0), 1.0))


def confidence(value: float, known: Calibration) -> float:
    """The probability, 0–1, that a pair with this score is one voice."""
    return float(1 / (1 + np.exp(-known.slope * (value - known.midpoint))))

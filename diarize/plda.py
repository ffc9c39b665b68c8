"""Probabilistic linear discriminant analysis: how likely are two sets of embeddings one voice?

Two-covariance PLDA (Ioffe, "Probabilistic linear discriminant analysis", ECCV 2006) on embeddings
that are centred and scaled to one length (Garcia-Romero & Espy-Wilson, "Analysis of i-vector
length normalization in speaker recognition systems", Interspeech 2011). In its diagonal space
embeddings of one voice scatter around the voice's mean with unit variance, and the means around
zero with variance `between`, so every score below is a sum over independent dimensions.
`models/train_plda.py` fits it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from diarize.records import Float64

FACTORS = 64
"""So many factors, of 60,000 each at most, have a product that float64 can hold."""


class Plda:
    """The PLDA space.

    Attributes:
        between: variance of voices in each dimension, shape (256,), descending.

    Args:
        arrays: `mean` of all voices, shape (256,), `transform` into the space, shape (256, 256),
            and `between`.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[np.floating]]) -> None:
        self._mean, self._transform, self.between = (
            arrays[name].astype(np.float64) for name in ("mean", "transform", "between")
        )

    def project(self, embeddings: npt.NDArray[np.floating]) -> Float64:
        """Raw embeddings (n, 256) into the diagonal space, (n, 256)."""
        x = np.asarray(embeddings, np.float64) - self._mean
        return np.asarray(np.sqrt(len(self._mean)) * unit(x) @ self._transform, np.float64)

    def log_evidence(self, count: npt.NDArray[np.floating], total: Float64) -> Float64:
        """Log-likelihood ratio of sets of embeddings: each from one voice, against no voice model.

        Args:
            count: how many independent embeddings each set is worth, shape (...).
            total: their weighted sum, shape (..., 256).

        Returns:
            shape (...). ``log_evidence(A ∪ B) - log_evidence(A) - log_evidence(B)`` is the
            log-likelihood ratio that A and B are one voice rather than two.
        """
        scatter = self._scatter(count)
        explained = np.einsum("...d,d->...", np.square(total) / scatter, self.between)
        return np.asarray(0.5 * (explained - _log_product(scatter)))

    def log_determinant(self, count: npt.NDArray[np.floating]) -> Float64:
        """Of what sets worth `count` embeddings scatter by, relative to one voice, shape (...)."""
        return _log_product(self._scatter(count))

    def _scatter(self, count: npt.NDArray[np.floating]) -> Float64:
        return np.asarray(1 + np.asarray(count, np.float64)[..., None] * self.between)


def _log_product(x: Float64) -> Float64:
    """Logarithm of the product over the last axis: few logarithms of products of many factors."""
    parts = np.multiply.reduceat(x, range(0, x.shape[-1], FACTORS), axis=-1)
    return np.asarray(np.log(parts).sum(axis=-1))


def unit(x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Rows scaled to length 1; a zero row stays zero."""
    length = np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)
    scaled: npt.NDArray[np.floating] = x / length
    return scaled

"""Probabilistic linear discriminant analysis: how likely are two sets of embeddings one voice?

Two-covariance PLDA (Ioffe, "Probabilistic linear discriminant analysis", ECCV 2006) trained on
VoxCeleb for ResNet34-LM embeddings, as published with pyannote community-1. In its diagonal space
embeddings of one voice scatter around the voice's mean with unit variance, and the means around
zero with variance `between`, so every score below is a sum over 128 independent dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from diarize.records import Float64


class Plda:
    """The PLDA space.

    Attributes:
        between: variance of voices in each dimension, shape (128,), descending.

    Args:
        arrays: `mean1`, `lda`, `mean2` (centring and LDA) and `mu`, `tr`, `psi` (PLDA).
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[np.floating]]) -> None:
        from scipy.linalg import eigh  # here: a fifth of a second, see `on_demand`

        weights = {name: array.astype(np.float64) for name, array in arrays.items()}
        self._mean1, self._lda, self._mean2 = (weights[n] for n in ("mean1", "lda", "mean2"))
        self._mu = weights["mu"]
        transform, psi = weights["tr"], weights["psi"]
        # Diagonalise between- against within-speaker covariance.
        within = np.linalg.inv(transform.T @ transform)
        between = np.linalg.inv((transform.T / psi) @ transform)
        values, vectors = eigh(between, within)
        self.between: Float64 = values[::-1].copy()
        self._transform: Float64 = vectors.T[::-1].T.copy()

    def project(self, embeddings: npt.NDArray[np.floating]) -> Float64:
        """Raw embeddings (n, 256) into the diagonal space, (n, 128)."""
        x = np.asarray(embeddings, np.float64)
        x = np.sqrt(self._lda.shape[0]) * unit(x - self._mean1)
        x = np.sqrt(self._lda.shape[1]) * unit(x @ self._lda - self._mean2)
        return np.asarray((x - self._mu) @ self._transform, np.float64)

    def log_evidence(self, count: npt.NDArray[np.floating], total: Float64) -> Float64:
        """Log-likelihood ratio of sets of embeddings: each from one voice, against no voice model.

        Args:
            count: how many independent embeddings each set is worth, shape (...).
            total: their weighted sum, shape (..., 128).

        Returns:
            shape (...). ``log_evidence(A ∪ B) - log_evidence(A) - log_evidence(B)`` is the
            log-likelihood ratio that A and B are one voice rather than two.
        """
        n = np.asarray(count, np.float64)[..., None]
        explained = self.between * np.square(total) / (1 + n * self.between)
        return np.asarray(0.5 * (explained - np.log1p(n * self.between)).sum(axis=-1))


def unit(x: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Rows scaled to length 1; a zero row stays zero."""
    length = np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)
    scaled: npt.NDArray[np.floating] = x / length
    return scaled

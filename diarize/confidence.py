"""How sure is a label? The probability that a local speaker has been given to the right voice.

A logistic regression on what the decision was made from: clean speech, likelihood ratio of the
voice chosen, its lead over the next, and how many there were to choose from. Fitted by
`python -m benchmarks.tune confidence` on development data, real and simulated.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from diarize.records import Float64

NO_RIVAL = 100.0
"""Longest lead that still adds confidence; also where there is only one voice to choose."""
INTERCEPT = -2.936
WEIGHTS = np.array([-0.204, 1.003, 0.57, 3.837, -0.221, 0.358])
"""Of the features, in order."""


def features(clean_s: Float64, own: Float64, lead: Float64, k: int) -> Float64:
    """What the regression sees, shape (..., 6).

    Args:
        clean_s: seconds of clean speech behind the decision, shape (...).
        own: log-likelihood ratio of the voice chosen, shape (...).
        lead: how far the choice is ahead of the best other one, at least 0.
        k: how many voices there were.
    """
    lead = np.minimum(lead, NO_RIVAL)
    return np.stack(
        [
            np.log(clean_s + 0.05),
            np.sign(own) * np.log1p(np.abs(own)),
            np.log1p(lead),
            np.full(clean_s.shape, float(k == 1)),
            np.full(clean_s.shape, np.log(k)),
            (clean_s == 0).astype(np.float64),
        ],
        axis=-1,
    )


def right(clean_s: Float64, own: Float64, lead: Float64, k: int) -> Float64:
    """Probability that the voice chosen is the right one, shape (...); arguments as above."""
    return np.asarray(expit(features(clean_s, own, lead, k) @ WEIGHTS + INTERCEPT), np.float64)

"""Which clips are of the same person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from diarize.voices.errors import VoiceError
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import Calibration, compare

MOST_CLIPS = 8_000
"""All pairs are compared: 8,000 clips take 0.8 GB."""


def group_clips(voices: Sequence[Voiceprint], known: Calibration) -> npt.NDArray[np.int64]:
    """A group number for each clip, 0, 1, 2… in order of first appearance.

    Agglomerative clustering: the two groups whose clips are most alike on average (mean score over
    all pairs) become one, until no two groups reach the threshold of the model.

    Args:
        voices: one a clip, of one model.

    Raises:
        VoiceError: more than 8,000 clips, or voices of different models.
    """
    count = len(voices)
    if count > MOST_CLIPS:
        raise VoiceError(f"{count} clips are too many to compare all pairs: at most {MOST_CLIPS}")
    if count < 2:
        return np.zeros(count, np.int64)
    distances = np.maximum(1 - compare(voices, voices, known).astype(np.float64), 0)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    groups = fcluster(tree, 1 - known.threshold, "distance")
    _, first, label = np.unique(groups, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return np.asarray(order[label], np.int64)

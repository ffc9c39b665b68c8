"""Merge paths in numbers, for the tests of merging and of counting."""

import numpy as np

from diarize.merging import MergePath

PATH = MergePath(
    start=np.array([2, 0, 1, 2, 3]),
    merges=np.array([[1, 2], [0, 3], [0, 1]]),
    evidence=np.array([8.0, 4.0, -5.0]),
    seconds=np.array([1.0, 2.0, 9.0]),
)
ONE_VOICE = MergePath(np.array([0, 0]), np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))
NOBODY = MergePath(np.zeros(0, np.int64), np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))

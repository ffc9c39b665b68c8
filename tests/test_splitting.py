"""Two voices that the segmentation takes for one are told apart by their pieces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diarize.counting import find_speakers
from diarize.plda import Plda
from diarize.prepared import Evidence
from diarize.segmentation import STEP_FRAMES, WINDOW_FRAMES, n_windows, stretches
from diarize.splitting import find_pieces, halves

N_SAMPLES = 60 * 16_000


def one_local_speaker(voices: list[np.ndarray]) -> Evidence:
    """A minute in which each window has one local speaker, whose pieces are of these in turn."""
    windows = n_windows(N_SAMPLES)
    activity = np.zeros((windows, WINDOW_FRAMES, 3), np.uint8)
    for first in range(0, WINDOW_FRAMES - 100, STEP_FRAMES):  # the same in all windows
        activity[:, first : first + 100, 0] = 255
    pieces = stretches(activity > 127)
    spoken = np.stack([voices[i % len(voices)] for i in range(len(pieces))])
    noise = np.random.default_rng(1).normal(size=spoken.shape) * 0.3
    mixture = np.zeros((windows, 3, 256), np.float32)
    mixture[:, 0] = np.mean(voices, axis=0)
    return Evidence(
        N_SAMPLES,
        np.full(1875, 255, np.uint8),
        activity,
        mixture,
        pieces.astype(np.int32),
        (spoken + noise).astype(np.float32),
    )


def test_pieces_tell_two_voices_of_one_local_speaker_apart(plda: Plda) -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 256))
    path = find_speakers(one_local_speaker([one, other]), plda)[1]
    assert path.estimate() == 2
    assert find_speakers(one_local_speaker([one, one]), plda)[1].estimate() == 1


def test_who_speaks_in_bursts_is_no_piece_and_stays_a_speaker(plda: Plda) -> None:
    """A third voice, half a second at a time, beside two that one local speaker is."""
    one, other, third = np.random.default_rng(0).normal(size=(3, 256))
    evidence = one_local_speaker([one, other])
    activity, embeddings = evidence.activity.copy(), evidence.embeddings.copy()
    for first in range(105, WINDOW_FRAMES - 30, STEP_FRAMES):
        activity[:, first : first + 30, 1] = 255
    embeddings[:, 1] = third
    pieces = stretches(activity > 127).astype(np.int32)
    spoken = np.tile(third, (len(pieces), 1)).astype(np.float32)
    spoken[pieces[:, 1] == 0] = evidence.stretch_embeddings
    evidence = replace(
        evidence,
        activity=activity,
        embeddings=embeddings,
        stretches=pieces,
        stretch_embeddings=spoken,
    )
    assert find_speakers(evidence, plda)[1].estimate() == 3


def test_two_who_are_heard_at_once_are_two_whatever_the_evidence(plda: Plda) -> None:
    voice = np.random.default_rng(0).normal(size=256)
    evidence = one_local_speaker([voice, voice])
    activity = evidence.activity.copy()
    for first in range(110, WINDOW_FRAMES, STEP_FRAMES):
        activity[:, first : first + 20, :2] = 255  # nobody is alone there
    path = find_speakers(replace(evidence, activity=activity), plda)[1]
    assert (path.estimate(), path.counted) == (1, 2)
    assert set(path.labels(2).tolist()) == {0, 1}


def test_a_second_seen_by_several_windows_counts_once() -> None:
    pieces = find_pieces(one_local_speaker([np.ones(256)]), 1.0)
    assert len(pieces.seconds) == 4 * 22
    seconds_heard = 400 / WINDOW_FRAMES * 60
    assert pieces.seconds.sum() == pytest.approx(seconds_heard, rel=0.05)


def test_halves_are_the_two_groups_that_are_there() -> None:
    rng = np.random.default_rng(0)
    near = rng.normal(size=(2, 256))
    points = np.repeat(near, [3, 5], axis=0) + rng.normal(size=(8, 256)) * 0.1
    found = halves(points.astype(np.float32)).tolist()
    assert found in ([[False] * 3 + [True] * 5, [True] * 3 + [False] * 5])
    assert halves(np.ones((4, 256), np.float32)).tolist() == [False] * 4
    assert halves(np.zeros((0, 256), np.float32)).tolist() == []

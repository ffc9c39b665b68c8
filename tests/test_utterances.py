"""Utterances of one voice each: what is left out of a mixture, what speech is worth."""

from __future__ import annotations

import numpy as np
import pytest

from diarize import utterances
from diarize.plda import Plda
from diarize.prepared import Evidence
from diarize.records import FRAME_S
from diarize.utterances import evidence_worth, find_voices, purify

A, B = np.random.default_rng(0).normal(size=(2, 256)).astype(np.float32) * 2


def mixed(*stretches: tuple[int, int, int, np.ndarray]) -> Evidence:
    """One window: (local speaker, first frame, last + 1, voice) of each stretch."""
    activity = np.zeros((1, 589, 3), np.uint8)
    embeddings = np.zeros((1, 3, 256), np.float32)
    for speaker, first, last, voice in stretches:
        activity[0, first:last, speaker] = 255
        embeddings[0, speaker] += voice * (last - first)
    return Evidence(
        160_000,
        np.full(313, 255, np.uint8),
        activity,
        embeddings / 100,
        np.array([(0, *s[:3]) for s in stretches], np.int32),
        np.stack([s[3] for s in stretches]),
    )


def test_pieces_of_another_voice_are_left_out(plda: Plda) -> None:
    """One utterance of A, one of B, and one of A with a second of B in it."""
    evidence = mixed(
        (0, 0, 100, A), (0, 110, 210, A), (1, 220, 280, B), (1, 290, 350, B),
        (2, 360, 420, A), (2, 430, 490, B), (2, 500, 580, A),
    )  # fmt: skip
    voices = find_voices(evidence, plda, 1.0)
    assert voices.place.tolist() == [[0, 0], [0, 1], [0, 2]]
    clear, labels = purify(voices, np.array([0, 1, 0]), evidence, plda, 1.0)
    assert labels.tolist() == [0, 1, 0]
    assert clear.place.tolist() == [[0, 0], [0, 1], [0, 2]]
    assert clear.embeddings[2].tolist() == pytest.approx(A.tolist(), rel=1e-5)
    assert clear.seconds.tolist() == pytest.approx([200 * FRAME_S, 120 * FRAME_S, 140 * FRAME_S])


def test_a_mixture_with_too_little_of_its_voice_is_no_utterance(plda: Plda) -> None:
    """Taken for a voice of its own or for A's: what is left of it is less than a second."""
    evidence = mixed(
        (0, 0, 100, A), (0, 110, 210, A), (1, 220, 280, B), (1, 290, 350, B),
        (2, 360, 410, A), (2, 420, 480, B),
    )  # fmt: skip
    voices = find_voices(evidence, plda, 1.0)
    for labels in ([0, 1, 2], [0, 1, 0]):
        clear, left = purify(voices, np.array(labels), evidence, plda, 1.0)
        assert left.tolist() == [0, 1]
        assert clear.place.tolist() == [[0, 0], [0, 1]]
        assert clear.embeddings.tolist() == voices.embeddings[:2].tolist()


def test_all_of_a_speakers_speech_is_worth_a_few_embeddings() -> None:
    worth = evidence_worth(np.array([0.0, 0.01, 1.0, 1e6]), total_s=1e6)
    assert worth[0] == 0
    assert worth[1] == pytest.approx(utterances.WORTH_PER_S / 100, rel=0.01)
    assert worth[3] == utterances.WORTH_LIMIT
    assert (np.diff(worth) > 0).all()

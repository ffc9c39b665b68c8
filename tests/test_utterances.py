"""Utterances of one voice each: what is left out of a mixture, what speech is worth."""

from __future__ import annotations

import numpy as np
import pytest

from diarize import utterances
from diarize.models import load_arrays
from diarize.plda import Plda
from diarize.prepared import Evidence
from diarize.records import FRAME_S
from diarize.utterances import evidence_worth, find_voices

A, B = np.random.default_rng(0).normal(size=(2, 256)).astype(np.float32) * 2


@pytest.fixture(scope="module")
def plda() -> Plda:
    return Plda(load_arrays("plda"))


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


def test_a_second_voice_within_a_local_speaker_is_left_out(plda: Plda) -> None:
    voices = find_voices(mixed((0, 0, 200, A), (0, 210, 300, B), (0, 310, 400, A)), plda, 1.0)
    assert voices.place.tolist() == [[0, 0]]
    assert voices.embeddings[0].tolist() == pytest.approx(A.tolist(), rel=1e-5)
    assert voices.seconds.tolist() == [pytest.approx(290 * FRAME_S)]


def test_a_mixture_with_too_little_of_any_voice_is_no_utterance(plda: Plda) -> None:
    halves = ((0, 0, 50, A), (0, 60, 100, B))
    assert len(find_voices(mixed(*halves), plda, 1.0)) == 0
    other = (2, 200, 300, B), (2, 310, 400, B)
    voices = find_voices(mixed(*halves, *other), plda, 1.0)
    assert voices.place.tolist() == [[0, 2]]
    assert voices.seconds.tolist() == [pytest.approx(190 * FRAME_S)]
    assert voices.embeddings[0].tolist() == pytest.approx((B * 1.9).tolist(), rel=1e-5)


def test_all_of_a_speakers_speech_is_worth_a_few_embeddings() -> None:
    worth = evidence_worth(np.array([0.0, 0.01, 1.0, 1e6]), total_s=1e6)
    assert worth[0] == 0
    assert worth[1] == pytest.approx(utterances.WORTH_PER_S / 100, rel=0.01)
    assert worth[3] == utterances.WORTH_LIMIT
    assert (np.diff(worth) > 0).all()

"""Telephone sound is known for what it is, and its voices stay apart."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest

from benchmarks.codecs import CODECS, by_telephone, heard_by_telephone
from diarize.audio import Recording
from diarize.bandwidth import NarrowBand, is_narrow, is_narrow_clip
from diarize.metrics.der import diarization_error
from diarize.pipeline import Pipeline
from diarize.records import Float32
from tests.judging import TRUTH


def in_a_room(speech: Float32) -> Float32:
    """The telephone sample with what a microphone in a room would add above 4 kHz, and below."""
    noise = np.random.RandomState(1).standard_normal(len(speech))
    return np.asarray(speech + 0.003 * noise, np.float32)


@pytest.mark.parametrize("codec", CODECS)
def test_what_comes_through_a_telephone_is_narrow(speech: Float32, codec: str) -> None:
    heard = heard_by_telephone(in_a_room(speech), codec)
    assert abs(len(heard) - len(speech)) < 800
    assert is_narrow_clip(heard)
    assert is_narrow(Recording.from_array(heard, 16_000))


def test_what_a_room_adds_makes_it_wide(speech: Float32) -> None:
    assert is_narrow_clip(speech)
    assert not is_narrow_clip(in_a_room(speech))
    assert not is_narrow(Recording.from_array(in_a_room(speech), 16_000))


@pytest.mark.parametrize("n_samples", [0, 1, 399, 400, 16_000])
def test_silence_of_any_length_is_not_narrow(n_samples: int) -> None:
    assert not is_narrow_clip(np.zeros(n_samples, np.float32))


def test_an_embedding_is_changed_by_its_map() -> None:
    twice = NarrowBand({"change": np.eye(2), "offset": np.array([0.5, -1])})
    assert twice.widened(np.array([[1, 2], [0, 0]], np.float32)).tolist() == [[2.5, 3], [0.5, -1]]


def test_voices_are_told_apart_through_the_poorest_codec(
    pipeline: Pipeline, speech: Float32
) -> None:
    """0.49 without the map: one voice has it all."""
    heard = BytesIO(by_telephone(speech, "amr-5k"))
    assert diarization_error(TRUTH, pipeline.turns(heard, num_speakers=2).turns).rate < 0.15

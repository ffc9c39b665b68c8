"""Telephone sound is known for what it is, and its voices stay apart."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from benchmarks.codecs import CODECS, by_telephone, heard_by_telephone
from diarize.audio import Recording
from diarize.bandwidth import NarrowBand, is_narrow, is_narrow_clip, levels_db, narrow_hops
from diarize.metrics.der import diarization_error
from diarize.pipeline import Pipeline
from diarize.records import FRAME_SAMPLES, Bool, Float32
from diarize.segmentation import STEP_SAMPLES, clean
from diarize.vad import HOP_SAMPLES
from tests.judging import DIANE, SHEILA, TRUTH, spoken


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


def alone(n_samples: int) -> tuple[Bool, Bool]:
    """Samples that Diane has alone, and Sheila."""
    diane, sheila = (spoken(who, n_samples) for who in (DIANE, SHEILA))
    return np.asarray(diane & ~sheila), np.asarray(sheila & ~diane)


def hybrid(speech: Float32) -> tuple[Float32, Float32]:
    """Sheila in a room, Diane on the telephone; and Diane's clip of it."""
    room = in_a_room(speech)
    caller = heard_by_telephone(room, "amr-12k")[: len(room)]
    diane, _ = alone(len(room))
    room[diane] = caller[diane]
    return room, caller[diane]


def test_callers_are_told_from_those_in_the_room(speech: Float32) -> None:
    heard, _ = hybrid(speech)
    narrow = narrow_hops(levels_db(heard), np.ones(len(heard) // HOP_SAMPLES + 1, bool))
    narrow = np.repeat(narrow, HOP_SAMPLES)[: len(heard)]
    diane, sheila = alone(len(heard))
    assert narrow[diane].mean() > 0.94
    assert narrow[sheila].mean() < 0.02


def test_the_voice_of_a_caller_is_what_it_is_alone(pipeline: Pipeline, speech: Float32) -> None:
    """Heard as if in the room, too, a cosine of 0.45 to 0.52."""
    heard, clip = hybrid(speech)
    [evidence] = pipeline.prepare(heard, sample_rate_hz=16_000).channels
    (diane, _), active = alone(len(heard)), clean(evidence.active)
    voice, cosines = pipeline.embedder.embed(clip), []
    for window, speaker in np.argwhere(active.sum(axis=1) > 150).tolist():
        own = window * STEP_SAMPLES + np.flatnonzero(active[window, :, speaker]) * FRAME_SAMPLES
        if diane[np.minimum(own, len(diane) - 1)].mean() > 0.6:
            embedding = evidence.embeddings[window, speaker]
            cosines.append(embedding @ voice / np.linalg.norm(embedding))
    assert len(cosines) > 5  # of ten windows
    assert min(cosines) > 0.7


def test_what_is_muffled_is_narrow_as_a_whole(speech: Float32) -> None:
    muffled = sosfilt(butter(2, 1000, fs=16_000, output="sos"), in_a_room(speech))
    levels = levels_db(np.asarray(muffled, np.float32))
    assert len(set(narrow_hops(levels, np.ones(len(levels), bool)).tolist())) == 1


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

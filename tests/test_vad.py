"""Two thresholds, bridges and paddings on literal probabilities; Silero on real speech."""

from __future__ import annotations

import numpy as np
import pytest
from faster_whisper.vad import get_vad_model

from diarize import vad
from diarize.audio import Recording
from diarize.records import Float32
from diarize.vad import VadOptions, bridge, nobody_near, speech_probabilities, speech_regions

BARE = VadOptions(onset=0.5, offset=0.35, min_silence_s=0, min_speech_s=0, pad_s=0)


def hops(probabilities: list[float], options: VadOptions = BARE) -> list[list[int]]:
    """Regions in hops of 512 samples."""
    found = speech_regions(np.array(probabilities, np.float32), len(probabilities) * 512, options)
    return (found // 512).tolist()


@pytest.mark.parametrize(
    ("probabilities", "regions"),
    [
        ([], []),
        ([0.4, 0.4, 0.4], []),
        ([0.4, 0.5, 0.4, 0.36, 0.3, 0.4, 0.9], [[1, 4], [6, 7]]),
        ([0.9, 0.4, 0.4], [[0, 3]]),
        ([0.9, 0.1, 0.9, 0.1], [[0, 1], [2, 3]]),
    ],
)
def test_a_region_begins_at_onset_and_ends_below_offset(
    probabilities: list[float], regions: list[list[int]]
) -> None:
    assert hops(probabilities) == regions


def test_short_gaps_are_bridged_before_short_regions_are_dropped() -> None:
    options = VadOptions(min_silence_s=0.1, min_speech_s=0.1, pad_s=0)  # 3.125 hops each
    assert hops([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0], options) == [[1, 6]]


def test_padding_stays_in_the_recording_and_joins_neighbours() -> None:
    options = VadOptions(min_silence_s=0, min_speech_s=0, pad_s=0.032)
    assert hops([1, 0, 0, 0, 1, 0, 0, 1], options) == [[0, 2], [3, 8]]


def test_bridge() -> None:
    regions = np.array([[0, 10], [2, 4], [11, 20], [22, 30]])
    assert bridge(regions, 1).tolist() == [[0, 20], [22, 30]]
    assert bridge(regions, 0).tolist() == [[0, 10], [11, 20], [22, 30]]
    assert bridge(np.zeros((0, 2), np.int64), 9).shape == (0, 2)


def test_nobody_is_near_where_no_two_hops_are_speech() -> None:
    probabilities = np.zeros(400, np.float32)
    probabilities[[0, 200, 201, 399]] = [0.9, 0.05, 0.05, 0.9]
    assert np.flatnonzero(~nobody_near(probabilities))[[0, -1]].tolist() == [137, 263]
    assert nobody_near(probabilities[:0]).shape == (0,)


def test_the_sample_is_silent_until_somebody_speaks(speech: Float32) -> None:
    recording = Recording.from_array(speech, 16_000)
    probabilities = speech_probabilities(recording)
    assert probabilities.shape == (938,)
    regions = speech_regions(probabilities, 480_000) / 16_000
    assert regions[0, 0] == pytest.approx(6.69, abs=0.1)
    assert regions[-1, 1] == 30.0
    assert 22 < (regions[:, 1] - regions[:, 0]).sum() < 23.3


def test_blocks_join_to_what_faster_whisper_makes_of_the_whole(
    speech: Float32, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording.from_array(speech, 16_000)
    whole = get_vad_model()(np.append(speech, np.zeros(256, np.float32))).reshape(-1)
    assert speech_probabilities(recording) == pytest.approx(whole, abs=1e-4)
    monkeypatch.setattr(vad, "BLOCK_HOPS", 313)  # 10 s, in the middle of speech
    assert speech_probabilities(recording) == pytest.approx(whole, abs=0.15)

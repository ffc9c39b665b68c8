"""The grid of windows on literal numbers; the powerset network on real speech."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from diarize.audio import Recording
from diarize.listening import RESTS
from diarize.models import onboard
from diarize.networks import OnnxRuntime
from diarize.prepared import Prepared
from diarize.records import FRAME_SAMPLES, Float32
from diarize.segmentation import (
    POWERSET,
    STEP_SAMPLES,
    WINDOW_FRAMES,
    Segmenter,
    activity,
    all_silent,
    batches,
    clean,
    coverage,
    moments,
    n_frames,
    n_windows,
    normalised,
    runs,
    silenced,
    stretches,
)

S = 16_000 / FRAME_SAMPLES  # frames per second


@pytest.mark.parametrize(
    ("n_samples", "windows"),
    [
        (0, 1),
        (1, 1),
        (160_000, 1),
        (160_001, 2),
        (160_000 + STEP_SAMPLES, 2),
        (160_001 + STEP_SAMPLES, 3),
    ],
)
def test_windows_cover_the_recording(n_samples: int, windows: int) -> None:
    assert n_windows(n_samples) == windows


def test_steps_are_whole_frames_so_that_windows_stack() -> None:
    assert STEP_SAMPLES % FRAME_SAMPLES == 0
    assert n_frames(160_000) == WINDOW_FRAMES == 589
    assert n_frames(160_001) == 589 + STEP_SAMPLES // FRAME_SAMPLES


def test_a_window_may_as_well_be_normalised_after_the_filters() -> None:
    filters = OnnxRuntime(onboard("segmentation-3.0-filters"))
    length = STEP_SAMPLES + 160_000
    noise = np.random.default_rng(0).normal(0.3, 0.05, length).astype(np.float32)
    noise *= np.linspace(0.2, 2, length, dtype=np.float32)  # the windows differ
    filtered = filters(samples=noise[None, None])
    added = filtered["offset"][0, 0] / filtered["sums"][0, 0]
    first, second = moments(noise)
    for window, (mean, deviation) in ((0, first), (1, second)):
        samples = noise[window * STEP_SAMPLES :][:160_000]
        assert mean == pytest.approx(samples.mean(dtype=float), rel=1e-5)
        assert deviation == pytest.approx(np.sqrt(samples.var(dtype=float) + 1e-5), rel=1e-5)
        expected = filters(samples=((samples - mean) / deviation + added)[None, None])
        out = np.empty((80, 5325), np.float32)
        normalised(filtered, window * STEP_SAMPLES // 30, mean, deviation, out)
        assert np.abs(out - np.maximum(expected["highest"], expected["lowest"])[0]).max() < 1e-4


def test_windows_are_heard_in_turn_by_two_networks(speech: Float32) -> None:
    filters = OnnxRuntime(onboard("segmentation-3.0-filters"))
    rests = [OnnxRuntime(onboard(f"{name}-int8")) for name in RESTS]
    recording = Recording.from_array(speech[: 160_000 + 4 * STEP_SAMPLES], 16_000)
    both = np.exp(Segmenter(filters, rests)(recording, 0, 5))
    assert both.shape == (5, WINDOW_FRAMES, 7)
    tuned, published = (np.exp(Segmenter(filters, [rest])(recording, 0, 5)) for rest in rests)
    assert np.abs(both[::2] - tuned[::2]).mean() < 0.002  # in eight bits the batch tells a little
    assert np.abs(both[1::2] - published[1::2]).mean() < 0.002
    assert np.abs(tuned - published).mean() > 0.01
    for window, expected in ((2, tuned), (3, published)):  # wherever a batch begins
        alone = np.exp(Segmenter(filters, rests)(recording, window, 1))
        assert np.abs(alone - expected[window]).mean() < 0.002


@pytest.mark.parametrize(
    ("windows", "sizes"),
    [(1, [1]), (8, [8]), (10, [5, 5]), (16, [8, 8]), (17, [6, 6, 5])],
)
def test_batches_are_about_as_large(windows: int, sizes: list[int]) -> None:
    assert [count for _, count in batches(windows)] == sizes


def test_coverage_counts_the_windows_over_each_frame() -> None:
    step = STEP_SAMPLES // FRAME_SAMPLES
    assert coverage(1).tolist() == [1] * 589
    seen = coverage(2)
    assert len(seen) == n_frames(160_001)
    assert seen.tolist() == [1] * step + [2] * (589 - step) + [1] * step


def test_a_speaker_is_active_in_every_class_that_holds_it() -> None:
    assert POWERSET.sum(axis=1).tolist() == [0, 1, 1, 1, 2, 2, 2]
    probability = np.array([[[0.1, 0.2, 0, 0, 0.7, 0, 0], [1, 0, 0, 0, 0, 0, 0]]])
    with np.errstate(divide="ignore"):
        scores = np.log(probability).astype(np.float32)
    assert activity(scores).tolist() == [[[230, 178, 0], [0, 0, 0]]]
    assert activity(scores).dtype == np.uint8


def test_nobody_is_active_where_there_is_no_speech() -> None:
    activity = np.full((2, WINDOW_FRAMES, 3), 200, np.uint8)
    nobody = np.zeros(400, bool)
    nobody[:100] = True  # up to 3.2 s; the windows begin at 4.995 and 7.4925 s, then at 0
    assert (silenced(activity, 2, nobody) == 200).all()
    first, second = silenced(activity, 0, nobody)
    assert (np.flatnonzero(first[:, 0])[0], np.flatnonzero(second[:, 2])[0]) == (188, 40)
    assert (first[188:] == 200).all()
    nobody[100:390] = True  # up to 12.48 s; the second window ends there, the third later
    silent = [all_silent(0, count, nobody) for count in (1, 2, 3)]
    assert silent == [not silenced(activity[:1].repeat(n, 0), 0, nobody).any() for n in (1, 2, 3)]
    assert silent == [True, True, False]
    assert not all_silent(0, 1, nobody[:0])  # of no sound at all


def test_clean_is_alone() -> None:
    active = np.array([[[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 1, 1]]], bool)
    assert clean(active).astype(int).tolist() == [
        [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]]
    ]


def test_runs() -> None:
    on = np.array([1, 1, 0, 0, 1, 0, 1], bool)
    assert runs(on).tolist() == [[0, 2], [4, 5], [6, 7]]
    assert runs(~on).tolist() == [[2, 4], [5, 6]]
    assert runs(np.zeros(0, bool)).shape == (0, 2)


def test_stretches_are_pieces_of_what_one_says_alone() -> None:
    alone = np.zeros((3, 589, 3), bool)
    alone[0, 10:187, 0] = True  # in one piece: 1 frame less than two are long
    alone[1, 0:15, 1] = alone[1, 20:34, 1] = alone[1, 100:115, 1] = True  # 34 - 20 is too short
    alone[2, 100:378, 2] = True
    assert stretches(alone).tolist() == [
        [1, 1, 0, 15], [1, 1, 100, 115],
        [2, 2, 100, 193], [2, 2, 193, 285], [2, 2, 285, 378],
    ]  # fmt: skip
    assert stretches(alone[:1]).shape == (0, 4)


def test_the_network_hears_silence_one_and_two_speakers(prepared: Prepared) -> None:
    active = prepared.channels[0].active
    assert active.shape == (n_windows(480_000), 589, 3)
    first = active[0].sum(axis=1)
    assert not first[: int(6.5 * S)].any()
    assert first[int(8.6 * S) : int(9.7 * S)].tolist() == [1] * len(
        first[int(8.6 * S) : int(9.7 * S)]
    )
    second = active[:, :, :].sum(axis=2)[1]
    start = STEP_SAMPLES / 16_000
    both = slice(int((10.62 - start) * S), int((10.95 - start) * S))  # of the reference
    assert second[both].tolist() == [2] * (both.stop - both.start)


def test_windows_agree_on_how_many_speak(prepared: Prepared) -> None:
    count = prepared.channels[0].active.sum(axis=2)
    step = STEP_SAMPLES // FRAME_SAMPLES
    agree = [(a[step:] == b[:-step]).mean() for a, b in pairwise(count)]
    assert min(agree) > 0.85

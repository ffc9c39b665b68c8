"""Pooling on literal frames and masks; the network on real voices, in blocks and at once."""

from __future__ import annotations

from concurrent.futures import Future

import kaldi_native_fbank
import numpy as np
import pytest

from diarize.audio import Recording
from diarize.embedding import Embedder, Pooler, mask_weights, near, trunk_frames
from diarize.filterbank import NO_SOUND, fbank
from diarize.pipeline import Pipeline
from diarize.pooling import Sums
from diarize.records import Bool, Float32
from diarize.segmentation import STEP_SAMPLES, WINDOW_FRAMES

SHEILA = slice(22 * 16_000, 28 * 16_000)  # nobody else speaks here
SHEILA_BEFORE = slice(238_400, 286_400)
DIANE = slice(177_600, 230_400)


@pytest.fixture(scope="module")
def embedder(pipeline: Pipeline) -> Embedder:
    return pipeline.embedder


@pytest.mark.parametrize(("n_samples", "frames"), [(0, 0), (399, 0), (400, 1), (560, 2)])
def test_features_every_10_ms(n_samples: int, frames: int) -> None:
    features = fbank(np.zeros(n_samples, np.float32))
    assert features.shape == (frames, 80)
    assert features.tolist() == [pytest.approx([NO_SOUND] * 80)] * frames


def test_features_are_kaldis(speech: Float32) -> None:
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = "hamming"
    options.mel_opts.num_bins = 80
    frame_by_frame = kaldi_native_fbank.OnlineFbank(options)
    frame_by_frame.accept_waveform(16_000, (speech * np.float32(32_768)).data)
    frame_by_frame.input_finished()
    expected = [frame_by_frame.get_frame(i) for i in range(frame_by_frame.num_frames_ready)]
    np.testing.assert_allclose(fbank(speech), expected, atol=2e-3)


def test_a_mask_is_carried_to_trunk_frames_by_what_it_covers_of_them() -> None:
    always, once = np.ones((589, 1), np.float32), np.zeros((589, 2), np.float32)
    once[10, 1] = 1  # samples 3060 to 3330; trunk frame 2 is 2120 to 3400
    assert mask_weights(always, 0, 0, 3).tolist() == [[0.375, 1, 1]]
    assert mask_weights(always, 0, 123, 3).tolist() == [[1, 0.8671875, 0]]
    assert mask_weights(once, 0, 0, 4).tolist() == [[0, 0, 0, 0], [0, 0, 270 / 1280, 0]]
    assert mask_weights(once, 1280, 1, 4)[1].tolist() == [0, 0, 270 / 1280, 0]
    assert mask_weights(once, 640, 0, 5)[1].sum() == 270 / 1280


def test_statistics_are_the_weighted_mean_and_unbiased_deviation() -> None:
    frames = np.array([[1.0, 5.0], [3.0, 5.0], [100.0, 100.0]], np.float32)
    weights = np.array([[1, 1, 0], [0, 0, 0.5], [0, 0, 0]], np.float32)
    statistics = Sums.of(frames, weights).statistics()
    assert statistics[0].tolist() == pytest.approx([2, 5, np.sqrt(2), 0], abs=1e-3)
    assert statistics[1, :2].tolist() == [100, 100]
    assert np.isfinite(statistics).all()


def test_the_deviation_of_few_frames_is_brought_up() -> None:
    frames = np.array([[1.0], [3.0]] * 8, np.float32)
    weights = np.array([[1] * 2 + [0] * 14, [1] * 16], np.float32)
    sums = Sums.of(frames, weights)
    assert sums.statistics(15.0)[:, 0].tolist() == [2, 2]  # the mean stays
    # Variances 2 and 16/15, times (n + 15) / n
    assert sums.statistics(15.0)[:, 1].tolist() == pytest.approx([np.sqrt(17), np.sqrt(31 / 15)])


def test_sums_of_parts_add_up() -> None:
    rng = np.random.default_rng(0)
    frames, weights = rng.normal(size=(50, 6)), rng.uniform(size=(3, 50))
    parts = Sums.of(frames[:20], weights[:, :20]) + Sums.of(frames[20:], weights[:, 20:])
    at_once = Sums.of(frames, weights).statistics()
    assert parts.statistics() == pytest.approx(at_once, rel=1e-5)


def test_a_voice_never_heard_is_zeros(embedder: Embedder, speech: Float32) -> None:
    frames = embedder.frames(speech[SHEILA])
    assert frames.shape == (75, 2560)
    pooled = embedder.pool(frames, np.stack([np.zeros(75), np.ones(75)]).astype(np.float32))
    assert not pooled[0].any()
    assert np.linalg.norm(pooled[1]) > 1


def test_blocks_give_what_the_whole_gives(embedder: Embedder, speech: Float32) -> None:
    recording = Recording.from_array(speech, 16_000)
    in_blocks = embedder.embed_regions(recording, np.array([[0, 480_000]]))
    assert in_blocks @ embedder.embed(speech) > 0.99


@pytest.mark.parametrize("clip", [SHEILA, SHEILA_BEFORE, DIANE])
def test_silence_around_a_clip_changes_nothing(
    embedder: Embedder, speech: Float32, clip: slice
) -> None:
    alone = embedder.embed(speech[clip])
    padded = np.pad(speech[clip], (30_000, 90_000))
    region = np.array([[30_000, len(padded) - 90_000]])
    assert embedder.embed_regions(Recording.from_array(padded, 16_000), region) @ alone > 0.97
    whole = np.array([[0, clip.stop - clip.start]])
    short = Recording.from_array(speech[clip], 16_000)
    assert embedder.embed_regions(short, whole) @ alone > 0.97


def test_volume_and_offset_change_nothing(embedder: Embedder, speech: Float32) -> None:
    alone = embedder.embed(speech[SHEILA])
    assert embedder.embed(speech[SHEILA] * np.float32(0.05)) @ alone > 0.999
    assert embedder.embed(speech[SHEILA] * np.float32(0.5) + np.float32(0.2)) @ alone > 0.99


def test_the_same_voice_is_nearer_than_another(embedder: Embedder, speech: Float32) -> None:
    sheila, before, diane = (embedder.embed(speech[c]) for c in (SHEILA, SHEILA_BEFORE, DIANE))
    assert np.linalg.norm(sheila) == pytest.approx(1)
    assert sheila @ before > 0.7
    assert sheila @ diane < 0.45


def test_no_regions_are_refused(embedder: Embedder, speech: Float32) -> None:
    with pytest.raises(ValueError, match="no regions"):
        embedder.embed_regions(Recording.from_array(speech, 16_000), np.zeros((0, 2), np.int64))


def test_what_lies_near_is_computed_at_once() -> None:
    wanted = np.zeros(250, bool)
    wanted[[3, 13, 98]] = True
    wanted[60:90] = True
    assert near(wanted) == [(3, 4), (13, 14), (60, 99)]
    wanted[4] = True
    assert near(wanted) == [(3, 14), (60, 99)]


def test_windows_share_blocks_and_memory_does_not_grow(embedder: Embedder, speech: Float32) -> None:
    """Pooled window by window is pooled from the frames at once; what is wanted is computed once,
    and when no later window can want more of it."""
    recording = Recording.from_array(speech, 16_000)
    computed: dict[int, list[int]] = {}

    def block(index: int, wanted: Bool) -> Future[Float32]:
        assert index not in computed
        computed[index] = np.flatnonzero(wanted).tolist()
        future: Future[Float32] = Future()
        future.set_result(embedder.block(recording, index, wanted, narrow))
        return future

    narrow = np.ones(trunk_frames(len(speech)), bool)  # as `embed` finds it to be
    pooler = Pooler(embedder, narrow, block)
    alone = np.zeros((1, WINDOW_FRAMES, 2), bool)
    alone[0, 100:400, 1] = True
    for window in range(10):
        pooler.begin(alone, window * STEP_SAMPLES, last=window == 9)
        assert sorted(computed) == {8: [0], 9: [0, 1]}.get(window, [])
    assert computed == {0: list(range(21, 250)), 1: list(range(116))}  # 1.7 to 29.3 s
    for window in range(10):
        [pooled], [part] = pooler.embed(alone, np.array([[0, 1, 250, 400]]), window * STEP_SAMPLES)
        assert len(pooler._begun) <= 2
    assert not pooled[0].any()
    start = 9 * STEP_SAMPLES + 100 * 270 + 360
    direct = embedder.embed(speech[start : start + 300 * 270])
    assert pooled[1] @ direct / np.linalg.norm(pooled[1]) > 0.98
    half = embedder.embed(speech[start + 150 * 270 : start + 300 * 270])
    assert part @ half / np.linalg.norm(part) > 0.95

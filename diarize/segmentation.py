"""Speaker segmentation: who is active within each window, overlaps included.

pyannote segmentation-3.0 (Plaquet & Bredin, "Powerset multi-class cross entropy loss for neural
speaker diarization", Interspeech 2023) slides over the recording. Each 10 s window knows up to
three local speakers, at most two at once; which voice a local speaker is, is decided later.

There are two networks, and windows are heard in turn by one and by the other: as it was published,
and trained further (models/train_segmentation.py). Four windows see each frame, two of each; fewer
see the first and last seconds of a recording. In as much time as the second alone takes, simulated
conversations are heard as well as by that, real ones better (benchmarks/README.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from diarize.audio import Recording
from diarize.networks import Network
from diarize.records import FRAME_SAMPLES, Bool, Float32, Int64, UInt8
from diarize.vad import HOP_SAMPLES

WINDOW_SAMPLES = 160_000
WINDOW_FRAMES = 589
CENTRE_SAMPLES = 495
"""Half the receptive field of a frame: where in its window frame 0 is centred."""
STEP_FRAMES = 148
"""Window step, 148 × 270 samples = 2.4975 s: a whole number of frames, so that windows stack on
one grid. Step against accuracy and cost: `benchmarks.tune step`."""
STEP_SAMPLES = STEP_FRAMES * FRAME_SAMPLES
LOCAL_SPEAKERS = 3
BATCH_WINDOWS = 8
"""Four for each network. Seven each take as long and 200 MB more."""
FILTER_HOP_SAMPLES = 30
"""The filters give one value per band each 30 samples; a window step is a whole number of them."""
FILTER_FRAMES = 5325
BANDS = 80
CELL_SAMPLES = 40
"""Windows and their step are whole numbers of these."""
VARIANCE_FLOOR = 1e-5
"""The network's own, added to the variance of a window's samples."""
MIN_STRETCH_FRAMES = 15
"""Speech of a quarter of a second tells something of a voice: DER over the development sets with
0.25, 0.5 and 0.75 s: 12.3, 12.5, 12.6 (`benchmarks.tune stretches`)."""
ANOTHER_FROM = 0.45
"""There is another voice where as much more of one is to be expected: mean DER of eleven
development sets with 0.4, 0.45, 0.5 and 0.6: 11.03, 11.04, 11.10, 11.32, at ±0.25 s 4.23, 4.20,
4.24, 4.34; so it was with one network (`benchmarks.tune edges`)."""
PIECE_FRAMES = 89
"""1.5 s of speech tell a voice well enough. Longer stretches are cut into pieces of about so much,
so that a change of speaker that the network missed costs no more: DER over seven development sets
with 1, 1.5 and 2 s: 13.2, 13.1, 13.2, uncut 13.5."""

POWERSET = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=bool
)
"""Which local speakers each of the network's seven classes means, shape (7, 3)."""


def n_windows(n_samples: int) -> int:
    """Windows needed to cover `n_samples`, at least one; the last may reach past the end."""
    return 1 + max(0, -(-(n_samples - WINDOW_SAMPLES) // STEP_SAMPLES))


def n_frames(n_samples: int) -> int:
    """Frames of the global grid, windows past the end included."""
    return (n_windows(n_samples) - 1) * STEP_FRAMES + WINDOW_FRAMES


def batch_size(windows: int) -> int:
    """Windows in a batch, so that all batches are about as large."""
    return -(-windows // -(-windows // BATCH_WINDOWS))


def batches(windows: int) -> list[tuple[int, int]]:
    """First window and number of windows of each batch."""
    size = batch_size(windows)
    return [(first, min(size, windows - first)) for first in range(0, windows, size)]


def coverage(windows: int) -> Int64:
    """How many windows see each frame of the global grid, shape (frames,)."""
    ends = np.zeros((windows - 1) * STEP_FRAMES + WINDOW_FRAMES + 1, np.int64)
    starts = np.arange(windows) * STEP_FRAMES
    np.add.at(ends, starts, 1)
    np.add.at(ends, starts + WINDOW_FRAMES, -1)
    return np.cumsum(ends[:-1])


class Segmenter:
    """The segmentation networks.

    Args:
        filters: (1, 1, samples) float32 → highest and lowest of each three values of its bands,
            (1, 80, samples / 30) each, and what they make of constants. It runs once over all
            windows of a batch.
        rests: bands of some windows (n, 80, 5325) → (n, 589, 7) scores, each. They share the
            filters, and hear windows in turn, the first 0, 2, 4 and so on, whatever the batch.
    """

    def __init__(self, filters: Network, rests: Sequence[Network]) -> None:
        self._filters = filters
        self._rests = rests

    def __call__(
        self, recording: Recording, first: int, count: int, channel: int = 0, size: int = 1
    ) -> Float32:
        """Class scores of `count` windows from window `first` on, shape (count, 589, 7).

        `size`: of other batches; so many are heard where the networks have to learn every number.
        """
        start = first * STEP_SAMPLES
        heard = max(count, size) if self._filters.learns_lengths else count
        stop = start + (heard - 1) * STEP_SAMPLES + WINDOW_SAMPLES
        samples = recording.hear(start, stop, channel)
        filtered = self._filters(samples=samples[None, None])
        around = moments(samples)
        every = STEP_SAMPLES // FILTER_HOP_SAMPLES
        scores = np.empty((heard, WINDOW_FRAMES, len(POWERSET)), np.float32)
        for turn, rest in enumerate(self._rests):
            own = range((turn - first) % len(self._rests), heard, len(self._rests))
            if not own:
                continue
            bands = np.empty((len(own), BANDS, FILTER_FRAMES), np.float32)
            for window, out in zip(own, bands, strict=True):
                mean, deviation = around[window]
                normalised(filtered, window * every, mean, deviation, out)
            scores[own.start :: len(self._rests)] = rest(bands=bands)["logits"]
        return scores[:count]


def moments(samples: Float32) -> Float32:
    """Mean and deviation of the samples of each window, shape (windows, 2)."""
    cells = samples.reshape(-1, CELL_SAMPLES)  # summed once, for windows overlap
    sums = (cells.sum(axis=1, dtype=float), np.einsum("ij,ij->i", cells, cells, dtype=float))
    length, every = WINDOW_SAMPLES // CELL_SAMPLES, STEP_SAMPLES // CELL_SAMPLES
    mean, square = (
        np.lib.stride_tricks.sliding_window_view(s, length)[::every].sum(axis=1) / WINDOW_SAMPLES
        for s in sums
    )
    deviation = np.sqrt(np.maximum(square - mean**2, 0) + VARIANCE_FLOOR)
    return np.stack([mean, deviation], axis=1).astype(np.float32)


def normalised(
    filtered: Mapping[str, Float32], first: int, mean: Float32, deviation: Float32, out: Float32
) -> None:
    """Bands of a window as they are once its samples have been normalised, which is what the
    network begins with: filters are linear, so it can be made up for after them.

    Args:
        filtered: what the filters make of samples as they are; `sums` and `offset`: of the constant
            1, and of the one that the network adds to the normalised.
        first: frame of the filters at which the window begins.
        out: their absolute values, the highest of each three, shape (80, 5325).
    """
    here = slice(first, first + FILTER_FRAMES)
    scale = 1 / deviation
    shift = filtered["offset"][0] - filtered["sums"][0] * (mean * scale)
    np.multiply(filtered["highest"][0, :, here], scale, out=out)
    out += shift
    turned = filtered["lowest"][0, :, here] * scale
    turned -= shift
    np.maximum(out, turned, out=out)


def activity(class_scores: Float32) -> UInt8:
    """Probability × 255 that each local speaker is active, (windows, 589, 7) → (windows, 589, 3).

    The network gives log probabilities of its classes; a speaker's is the sum over the classes
    that hold it.
    """
    probability = np.exp(class_scores) @ POWERSET.astype(np.float32)
    quantised: UInt8 = np.rint(np.clip(probability, 0, 1) * 255).astype(np.uint8)
    return quantised


def silenced(activity: UInt8, first: int, nobody: Bool) -> UInt8:
    """Activity of windows from window `first` on, without frames in which nobody can be speaking.

    The network takes an instrument for a voice now and then, and is sure of it: of 65 minutes of
    orchestral music (41 pieces of Debian's wesnoth-1.16-music, two minutes of each at most) it gave
    31 s to somebody, where Silero heard next to no speech. Without those frames 2 s are left.

    Args:
        activity: shape (windows, 589, 3).
        nobody: where there is no speech, per hop of the whole channel (`vad.nobody_near`).
    """
    if not nobody.any():
        return activity
    return np.where(_by_frame(nobody, first, len(activity))[..., None], np.uint8(0), activity)


def all_silent(first: int, count: int, nobody: Bool) -> bool:
    """Whether `silenced` leaves nothing of `count` windows, so that none needs to be heard."""
    return bool(nobody.any() and _by_frame(nobody, first, count).all())


def _by_frame(nobody: Bool, first: int, count: int) -> Bool:
    """What is known of hops, of the frames of windows, shape (count, 589)."""
    window, frame = np.ogrid[first : first + count, :WINDOW_FRAMES]
    centre = window * STEP_SAMPLES + frame * FRAME_SAMPLES + CENTRE_SAMPLES
    return np.asarray(nobody[np.minimum(centre // HOP_SAMPLES, len(nobody) - 1)])


def expected(activity: UInt8) -> Float32:
    """How many voices to expect in each frame of the global grid, shape (frames,).

    The mean over the windows that see the frame, not what most of them think: with four of them
    that loses speech (mean development DER 12.2 instead of 12.3, noisy meetings 17.1 instead of
    18.7).
    """
    seen = coverage(len(activity)).astype(np.float32)
    total = np.zeros(len(seen), np.float32)
    for window, probability in enumerate(activity):
        here = slice(window * STEP_FRAMES, window * STEP_FRAMES + WINDOW_FRAMES)
        total[here] += probability.sum(axis=1, dtype=np.float32) / np.float32(255)
    return total / seen


def at_once(voices: Float32) -> Int64:
    """How many voices are active where so many are to be expected, shape (frames,)."""
    count: Int64 = np.floor(voices + np.float32(1 - ANOTHER_FROM)).astype(np.int64)
    return count


def clean(activity: Bool) -> Bool:
    """Frames where a local speaker is active alone, (windows, 589, 3) → the same shape."""
    alone: Bool = activity & (activity.sum(axis=-1, keepdims=True) == 1)
    return alone


def runs(on: Bool) -> Int64:
    """Runs of True in a row of frames as (first, last + 1), shape (runs, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], on, [False])).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)


def stretches(alone: Bool) -> Int64:
    """Pieces of what a local speaker says alone, if there is more than one.

    Now and then the network takes two voices of a window for one local speaker; pieces are what
    such a speaker can be taken apart into. A piece has no break in it and is 0.25 to 3 s long.

    Args:
        alone: as `clean` gives it, shape (windows, 589, 3).

    Returns:
        (window, local speaker, first frame, last + 1), shape (stretches, 4).
    """
    found = []
    for window, frames in enumerate(alone):
        for speaker in range(LOCAL_SPEAKERS):
            own = []
            for first, last in runs(frames[:, speaker]).tolist():
                if last - first >= MIN_STRETCH_FRAMES:
                    pieces = max(1, (last - first) // PIECE_FRAMES)
                    edges = np.linspace(first, last, pieces + 1).round().astype(int).tolist()
                    own += list(pairwise(edges))
            if len(own) > 1:
                found += [(window, speaker, a, b) for a, b in own]
    return np.array(found, np.int64).reshape(-1, 4)

"""Voice embeddings: features, one pass of the trunk, masked pooling.

WeSpeaker ResNet34-LM (Wang et al., "WeSpeaker: a research and production oriented speaker embedding
learning toolkit", ICASSP 2023). Its convolutional trunk is local in time, so it runs once over the
recording in blocks; every voice is then pooled from the trunk's frames under the mask of its own
clean speech (temporal statistics pooling) and projected by the head.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from diarize.audio import Recording
from diarize.bandwidth import NarrowBand, is_narrow, is_narrow_clip
from diarize.filterbank import FBANK_HOP_SAMPLES, FBANK_WINDOW_SAMPLES, centred, fbank
from diarize.networks import Network
from diarize.plda import unit
from diarize.pooling import MORE_FRAMES, Sums
from diarize.records import FRAME_SAMPLES, Bool, Float32, Int64
from diarize.segmentation import CENTRE_SAMPLES, STEP_SAMPLES, WINDOW_SAMPLES, runs
from diarize.vad import HOP_SAMPLES

DIMENSION = 256
FRAME_SIZE = 2560
"""Values in a trunk frame: 256 channels × 10 bands."""
TRUNK_STRIDE = 8
TRUNK_HOP_SAMPLES = TRUNK_STRIDE * FBANK_HOP_SAMPLES
"""One trunk frame stands for 1280 samples, 80 ms."""
BLOCK_FRAMES = 250
"""Trunk frames per block, 20 s. Features are centred on the mean of what is said in it, and within
80 ms of it. Mean DER over eleven development sets with 10 and 20 s: 12.2, 12.3, and the longer
costs 6 % less. On the mean of all of a block, pauses too, one voice with much silence around it, as
in a channel of a call, was two or three: DER of nine such recordings 33.1 instead of 18.8."""
BEHIND_SAMPLES = BLOCK_FRAMES * TRUNK_HOP_SAMPLES + WINDOW_SAMPLES
"""How much later a window may begin that wants frames of a block which this one wants, too."""
CONTEXT_FRAMES = 4
"""Trunk frames computed on either side and thrown away, so that blocks join: 1.6 s of speech apart
have a cosine of 0.997 and more with the same computed within 20 s, 8 s of it 0.9998. With 8, 0.999
and 1.0000; with 4 and eight-bit LSTMs, mean DER of 19 development sets 12.5, with 8 and float ones
12.6."""
PART_FRAMES = BLOCK_FRAMES // 2
"""What is computed at once by a trunk that has to learn every length: parts of one length."""


def halves(wanted: Bool) -> list[tuple[int, int]]:
    """The parts of a block in which any frame is wanted as (first, last + 1)."""
    parts = [(first, first + PART_FRAMES) for first in range(0, BLOCK_FRAMES, PART_FRAMES)]
    return [(first, last) for first, last in parts if wanted[first:last].any()]


def near(wanted: Bool) -> list[tuple[int, int]]:
    """Runs of wanted frames as (first, last + 1); two are one where it costs no more to join them
    than to compute their context apart."""
    parts: list[tuple[int, int]] = []
    for first, last in runs(wanted).tolist():
        joins = parts and first - parts[-1][1] <= 2 * CONTEXT_FRAMES
        parts.append((parts.pop()[0] if joins else first, last))
    return parts


class Embedder:
    """Pools voice embeddings from a recording.

    Args:
        trunk: filter banks (batch, T, 80) → frames (batch, 256, 10, T/8).
        head: statistics (n, 5120) → embeddings (n, 256).
        narrow_band: brings those of narrow-band sound to where wide-band ones lie.
    """

    def __init__(self, trunk: Network, head: Network, narrow_band: NarrowBand) -> None:
        self._trunk = trunk
        self._head = head
        self._narrow_band = narrow_band

    def frames(self, samples: Float32) -> Float32:
        """Trunk frames of a stretch of audio, shape (ceil(filter-bank frames / 8), 2560)."""
        return self._through_trunk(centred(fbank(samples)))

    def _through_trunk(self, features: Float32) -> Float32:
        out = self._trunk(fbank=features[None])["frames"][0]
        return np.ascontiguousarray(out.reshape(-1, out.shape[-1]).T)

    def block(
        self,
        recording: Recording,
        index: int,
        wanted: Bool,
        narrow: Bool,
        channel: int = 0,
    ) -> Float32:
        """Trunk frames of block `index` of a recording, shape (BLOCK_FRAMES, 2560).

        Args:
            wanted: frames that will be pooled, shape (BLOCK_FRAMES,), none past the end of the
                recording; far from these, nothing is computed, and frames are 0.
            narrow: which frames of the recording are narrow-band, shape (frames,).
        """
        parts = halves(wanted) if self._trunk.learns_lengths else near(wanted)
        first = index * BLOCK_FRAMES - CONTEXT_FRAMES
        stop = index * BLOCK_FRAMES + max((last for _, last in parts), default=0) + CONTEXT_FRAMES
        samples = recording.hear(
            first * TRUNK_HOP_SAMPLES,
            stop * TRUNK_HOP_SAMPLES + FBANK_WINDOW_SAMPLES - FBANK_HOP_SAMPLES,
            channel,
        )
        features = fbank(samples)
        own = narrow[np.clip(np.arange(first, stop), 0, len(narrow) - 1)]
        spoken = np.zeros(len(own), bool)
        for near_by in (-1, 0, 1):
            spoken[np.flatnonzero(wanted) + CONTEXT_FRAMES + near_by] = True
        own, spoken = (np.repeat(x, TRUNK_STRIDE)[: len(features)] for x in (own, spoken))
        features = centred(features, spoken, narrow=own)
        frames = np.zeros((BLOCK_FRAMES, FRAME_SIZE), np.float32)
        for first, last in parts:
            around = slice(first * TRUNK_STRIDE, (last + 2 * CONTEXT_FRAMES) * TRUNK_STRIDE)
            made = self._through_trunk(features[around])
            frames[first:last] = made[CONTEXT_FRAMES:-CONTEXT_FRAMES]
        return frames

    def pool(self, frames: Float32, weights: Float32, *, narrow: bool = False) -> Float32:
        """Embeddings of the voices under `weights`.

        Args:
            frames: trunk frames, shape (time, 2560).
            weights: how much of each frame is the voice's clean speech, shape (voices, time), 0–1.
            narrow: the sound is narrow-band (`bandwidth.is_narrow_clip`).

        Returns:
            shape (voices, 256), as the network gives them (PLDA wants their length); zeros for a
            voice without any weight.
        """
        return self.project(Sums.of(frames, weights), np.full(len(weights), narrow))

    def project(self, sums: Sums, narrow: Bool, more_frames: float = 0.0) -> Float32:
        """Embeddings (voices, 256) of pooled sums, some of narrow-band sound, shape (voices,).

        Args:
            more_frames: `pooling.MORE_FRAMES` where voices are told apart within a recording; none
                for voiceprints that other programs compare.
        """
        out = self._head(stats=sums.statistics(more_frames))["embedding"]
        out[narrow] = self._narrow_band.widened(out[narrow])
        return np.where(sums.weight > 0, out, 0).astype(np.float32)

    def embed(self, samples: Float32) -> Float32:
        """One embedding of all of `samples` (16 kHz), shape (256,), L2-normalised."""
        frames = self.frames(samples)
        weights = np.ones((1, len(frames)), np.float32)
        return unit(self.pool(frames, weights, narrow=is_narrow_clip(samples))[0])

    def embed_regions(self, recording: Recording, regions: Int64, channel: int = 0) -> Float32:
        """One embedding of the sound within `regions`, shape (256,), L2-normalised; any length.

        Args:
            regions: (start, end) in samples, shape (regions, 2), at least one of them.
        """
        narrow = np.full(trunk_frames(recording.n_samples), is_narrow(recording, channel))
        inside = np.zeros(trunk_frames(recording.n_samples), np.float32)
        for start, end in regions.tolist():
            inside[start // TRUNK_HOP_SAMPLES : -(-end // TRUNK_HOP_SAMPLES)] = 1
        total = None
        for index in range(-(-len(inside) // BLOCK_FRAMES)):
            weights = np.zeros((1, BLOCK_FRAMES), np.float32)
            part = inside[index * BLOCK_FRAMES : (index + 1) * BLOCK_FRAMES]
            weights[0, : len(part)] = part
            if part.any():
                frames = self.block(recording, index, weights[0] > 0, narrow, channel)
                sums = Sums.of(frames, weights)
                total = sums if total is None else total + sums
        if total is None:
            raise ValueError("no regions to embed")
        return unit(self.project(total, narrow[:1])[0])


def trunk_frames(n_samples: int) -> int:
    """Trunk frames that cover `n_samples`."""
    return -(-n_samples // TRUNK_HOP_SAMPLES)


def of_trunk_frames(hops: Bool, n_samples: int) -> Bool:
    """What is known of hops of 512 samples, of the trunk frames that cover `n_samples`."""
    middle = np.arange(trunk_frames(n_samples)) * TRUNK_HOP_SAMPLES + TRUNK_HOP_SAMPLES // 2
    return np.asarray(hops[np.minimum(middle // HOP_SAMPLES, len(hops) - 1)])


def mask_weights(mask: Float32, start_samples: int, first_frame: int, count: int) -> Float32:
    """Carry a mask from segmentation frames to trunk frames.

    Args:
        mask: shape (segmentation frames, voices), 0 or 1, frame 0 beginning at `start_samples`.
        first_frame, count: the trunk frames wanted.

    Returns:
        shape (voices, count): the share of each trunk frame's 80 ms that the mask covers.
    """
    cumulative = np.concatenate([np.zeros((1, mask.shape[1])), np.cumsum(mask, axis=0)])
    # A trunk frame is centred on the middle of its first filter-bank frame.
    centre = np.arange(first_frame, first_frame + count) * TRUNK_HOP_SAMPLES
    centre = centre + FBANK_WINDOW_SAMPLES // 2 - start_samples
    offset = CENTRE_SAMPLES - FRAME_SAMPLES // 2
    grid = np.arange(len(mask) + 1)
    half = TRUNK_HOP_SAMPLES // 2
    low = (centre - half - offset) / FRAME_SAMPLES
    high = (centre + half - offset) / FRAME_SAMPLES
    covered = [
        np.interp(high, grid, column) - np.interp(low, grid, column) for column in cumulative.T
    ]
    return np.asarray(np.array(covered) * FRAME_SAMPLES / TRUNK_HOP_SAMPLES, np.float32)


class Pooler:
    """Embeds the voices of successive windows, computing each trunk frame once, if any needs it.

    Windows must come in time order; a block is dropped when no later window can need it, so memory
    does not grow with the recording.

    Args:
        narrow: which trunk frames of the recording are narrow-band, shape (frames,); nothing is
            computed for what lies past its end.
        block: begins to compute the wanted trunk frames of a block: `Embedder.block`.
    """

    def __init__(
        self, embedder: Embedder, narrow: Bool, block: Callable[[int, Bool], Future[Float32]]
    ) -> None:
        self._embedder = embedder
        self._narrow = narrow
        self._end = len(narrow)
        self._block = block
        self._wanted: dict[int, Bool] = {}
        self._begun: dict[int, Future[Float32]] = {}

    def begin(self, clean: Bool, start_samples: int, last: bool) -> None:
        """Tell of windows that `embed` will be asked for.

        A block is begun when no later window can want more of it, at the latest BEHIND_SAMPLES
        after a window that needs it.

        Args:
            clean: where each voice speaks alone, shape (windows, segmentation frames, voices).
            start_samples: where the first window begins.
            last: no windows come after these.
        """
        for window, alone in enumerate(clean):
            first, weights = self._mask(alone, start_samples + window * STEP_SAMPLES)
            wanted = first + np.flatnonzero(weights.any(axis=0))
            for index in np.unique(wanted // BLOCK_FRAMES).tolist():
                inside = wanted[wanted // BLOCK_FRAMES == index] - index * BLOCK_FRAMES
                self._wanted.setdefault(index, np.zeros(BLOCK_FRAMES, bool))[inside] = True
        to_come = (start_samples + len(clean) * STEP_SAMPLES) // TRUNK_HOP_SAMPLES
        for index in sorted(self._wanted):
            if last or (index + 1) * BLOCK_FRAMES <= to_come:
                self._begun[index] = self._block(index, self._wanted.pop(index))

    def embed(self, clean: Bool, stretches: Int64, start_samples: int) -> tuple[Float32, Float32]:
        """One embedding per voice of each window, and one per stretch.

        Args:
            clean, start_samples: as `begin` was told.
            stretches: as `segmentation.stretches` finds them in `clean`, shape (stretches, 4).

        Returns:
            shapes (windows, voices, 256) and (stretches, 256), raw; zeros for a voice that is
            never alone.
        """
        windows, frames, voices = clean.shape
        sums, narrow = [], []
        for window, alone in enumerate(clean):
            own = stretches[stretches[:, 0] == window]
            at = np.arange(frames)[:, None]
            inside = (at >= own[:, 2]) & (at < own[:, 3])
            masks = np.concatenate([alone, inside], axis=1)
            first, weights = self._mask(masks, start_samples + window * STEP_SAMPLES)
            sums.append(self._sums(first, weights))
            narrow.append(self._mostly_narrow(first, weights))
        embeddings = self._embedder.project(Sums.stack(sums), np.concatenate(narrow), MORE_FRAMES)
        whole = np.concatenate([np.arange(len(s.weight)) < voices for s in sums])
        return embeddings[whole].reshape(windows, voices, DIMENSION), embeddings[~whole]

    def _mostly_narrow(self, first: int, weights: Float32) -> Bool:
        here = self._narrow[first : first + weights.shape[1]]
        heard = weights[:, : len(here)]
        return np.asarray(heard[:, here].sum(axis=1) > heard.sum(axis=1) / 2)

    def _sums(self, first: int, weights: Float32) -> Sums:
        oldest = first // BLOCK_FRAMES
        self._begun = {i: block for i, block in self._begun.items() if i >= oldest}
        total = Sums.of(np.zeros((1, FRAME_SIZE), np.float32), weights[:, :1] * 0)
        for index in range(oldest, (first + weights.shape[1]) // BLOCK_FRAMES + 1):
            low = max(index * BLOCK_FRAMES, first)
            high = min((index + 1) * BLOCK_FRAMES, first + weights.shape[1])
            part = weights[:, low - first : high - first]
            if low < high and part.any():
                frames = self._begun[index].result()
                offset = index * BLOCK_FRAMES
                total = total + Sums.of(frames[low - offset : high - offset], part)
        return total

    def _mask(self, alone: Bool, start_samples: int) -> tuple[int, Float32]:
        """First trunk frame of a window, and the weights (voices, time) of its frames."""
        first = start_samples // TRUNK_HOP_SAMPLES
        count = -(-len(alone) * FRAME_SAMPLES // TRUNK_HOP_SAMPLES) + 1
        weights = mask_weights(alone.astype(np.float32), start_samples, first, count)
        weights[:, max(0, self._end - first) :] = 0
        return first, weights

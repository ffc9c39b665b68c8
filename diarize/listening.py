"""All that is local: VAD, segmentation and embeddings, block by block, on several threads.

Every network runs on one thread per block and the blocks run side by side, so the result is the
same for any number of threads, and memory does not grow with the recording.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np

from diarize.ahead import begin
from diarize.audio import Recording
from diarize.bandwidth import NarrowBand, block_levels_db, narrow_hops
from diarize.embedding import BEHIND_SAMPLES, DIMENSION, Embedder, Pooler, of_trunk_frames
from diarize.memory import give_back
from diarize.models import onboard
from diarize.networks import Network, OnnxRuntime, OpenVino, Runtime, is_fast
from diarize.prepared import Evidence
from diarize.records import SAMPLE_RATE_HZ, Bool, Float32, Int32, ProgressHook, UInt8
from diarize.segmentation import (
    LOCAL_SPEAKERS,
    STEP_SAMPLES,
    WINDOW_FRAMES,
    Segmenter,
    activity,
    all_silent,
    batch_size,
    batches,
    clean,
    n_windows,
    silenced,
    stretches,
)
from diarize.vad import VadOptions, block_probabilities, blocks, nobody_near, silero

RESTS = ("segmentation-3.0-rest-tuned", "segmentation-3.0-rest")
"""The segmentation's networks after their filters, trained further and as published. The first one
alone hears what is no longer than a window."""
LONG_SAMPLES = 3600 * SAMPLE_RATE_HZ
"""After so much sound the networks are given back, too, while turns are made, 80 MB; to have them
again takes a fifth of a second."""

TIDY_BATCHES = 16
"""After so many, five minutes of sound, freed memory goes back to the system. Four hours take 570
to 640 MB at most, 570 to 590 where it goes back after every one, and 6 % less time."""


def load(threads: int, fast: bool) -> list[Network]:
    """Silero VAD, the segmentation's filters and its two rests, and the trunk."""
    filters, trunk = onboard("segmentation-3.0-filters"), onboard("resnet34-lm-trunk-int8")
    if not fast:
        rests = [onboard(f"{name}-int8") for name in RESTS]
        return [silero(), *(OnnxRuntime(path) for path in (filters, *rests, trunk))]
    rests = [onboard(name) for name in RESTS]
    with ThreadPoolExecutor(threads) as pool:  # side by side: half a second
        begun = [pool.submit(OpenVino, path, threads) for path in (trunk, *reversed(rests))]
        # Samples have more than the eight bits of bfloat16. Filters take much memory, little time.
        few = -(-threads // 2)
        begun += [pool.submit(OpenVino, filters, few, exact=True)]
        return [silero(), *(network.result() for network in reversed(begun))]


class Listener:
    """The networks that hear a recording, loaded once.

    Args:
        threads: blocks that are computed at once.
        runtime: what runs the networks.

    Raises:
        ModelError: a network on board is missing or damaged, or the runtime is not installed.
    """

    def __init__(self, threads: int, runtime: Runtime) -> None:
        self._threads = threads
        self._ahead = 2 * threads
        head = OnnxRuntime(onboard("resnet34-lm-head"))
        self._networks = load(threads, is_fast(runtime))
        self._vad, filters, *rests, trunk = self._networks
        self._segmenter = Segmenter(filters, rests)
        self._embedder = Embedder(trunk, head, NarrowBand.on_board())

    def __call__(self, recording: Recording, channel: int, progress: ProgressHook) -> Evidence:
        """What the networks find in one channel."""
        pool = ThreadPoolExecutor(self._threads)
        try:
            return self._listen(pool, recording, channel, progress)
        finally:
            pool.shutdown(cancel_futures=True)
            for network in self._networks:
                network.rest(forget=recording.n_samples > LONG_SAMPLES)
            give_back()

    def _listen(
        self, pool: Executor, recording: Recording, channel: int, progress: ProgressHook
    ) -> Evidence:
        hops = blocks(recording.n_samples)
        heard = begin(
            pool,
            lambda b: (
                block_probabilities(self._vad, recording, *b, channel),
                block_levels_db(recording, *b, channel),
            ),
            hops,
            ahead=len(hops),
        )
        windows = n_windows(recording.n_samples)
        nobody: Bool | None = None

        def segment(first: int, count: int) -> UInt8:
            if nobody is not None and all_silent(first, count, nobody):
                return np.zeros((count, WINDOW_FRAMES, LOCAL_SPEAKERS), np.uint8)
            size = batch_size(windows)
            return activity(self._segmenter(recording, first, count, channel, size))

        # The first windows are begun at once, so that no thread waits for the last of the speech.
        segmented = begin(pool, lambda b: segment(*b), batches(windows), self._ahead)
        parts, levels = [np.zeros(0, np.float32)], [np.zeros((0, 2), np.float32)]
        for part, level in heard:
            parts.append(part)
            levels.append(level)
            progress("speech", (len(parts) - 1) / len(hops))
        speech = np.concatenate(parts)
        nobody = nobody_near(speech)
        self._vad.rest()
        hops_narrow = narrow_hops(np.concatenate(levels), speech >= VadOptions().onset)
        narrow = of_trunk_frames(hops_narrow, recording.n_samples)
        pooler = Pooler(
            self._embedder,
            narrow,
            lambda i, wanted: pool.submit(
                self._embedder.block, recording, i, wanted, narrow, channel
            ),
        )
        voices = self._voices(segmented, nobody, pooler, windows, progress)
        return Evidence(recording.n_samples, np.rint(speech * 255).astype(np.uint8), *voices)

    def _voices(
        self,
        segmented: Iterator[UInt8],
        nobody: Bool,
        pooler: Pooler,
        windows: int,
        progress: ProgressHook,
    ) -> tuple[UInt8, Float32, Int32, Float32]:
        """Activity and embeddings of all windows, stretches and theirs: see `Evidence`."""
        progress("voices", 0.0)
        found = np.zeros((windows, WINDOW_FRAMES, LOCAL_SPEAKERS), np.uint8)
        embeddings = np.zeros((windows, LOCAL_SPEAKERS, DIMENSION), np.float32)
        parts, part_embeddings = [np.zeros((0, 4), np.int64)], [embeddings[:0, 0]]

        done = 0

        def told(count: int) -> None:
            nonlocal done
            done += count  # every window is segmented and pooled
            progress("voices", done / (2 * windows))

        def embed(first: int, count: int) -> None:
            alone = clean(found[first : first + count] > 127)
            own = stretches(alone)
            here = slice(first, first + count)
            embeddings[here], apart = pooler.embed(alone, own, first * STEP_SAMPLES)
            own[:, 0] += first
            parts.append(own)
            part_embeddings.append(apart)
            told(count)
            if len(parts) % TIDY_BATCHES == 0:
                give_back()

        # A batch is pooled when all that it needs of the trunk has begun, and some batches later:
        # then it is there, and nobody waits for it.
        behind = -(-BEHIND_SAMPLES // (batch_size(windows) * STEP_SAMPLES))
        waiting: deque[tuple[int, int]] = deque()
        for (first, count), heard in zip(batches(windows), segmented, strict=True):
            found[first : first + count] = silenced(heard, first, nobody)
            told(count)
            alone = clean(found[first : first + count] > 127)
            pooler.begin(alone, first * STEP_SAMPLES, last=first + count == windows)
            waiting.append((first, count))
            if len(waiting) > behind + self._ahead:
                embed(*waiting.popleft())
        for batch in waiting:
            embed(*batch)
        stretched = np.concatenate(parts).astype(np.int32)
        return found, embeddings, stretched, np.concatenate(part_embeddings)

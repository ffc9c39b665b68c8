"""All that is local: VAD, segmentation and embeddings, block by block, on several threads.

Every network runs on one thread per block and the blocks run side by side, so the result is the
same for any number of threads, and memory does not grow with the recording.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import onnxruntime as ort

from diarize.audio import Recording
from diarize.embedding import DIMENSION, Embedder, Pooler
from diarize.models import onboard
from diarize.prepared import Evidence
from diarize.records import ProgressHook
from diarize.segmentation import (
    LOCAL_SPEAKERS,
    STEP_SAMPLES,
    WINDOW_FRAMES,
    Segmenter,
    activity,
    batches,
    clean,
    n_windows,
    stretches,
)
from diarize.vad import block_probabilities, blocks

Item = TypeVar("Item")
Made = TypeVar("Made")


def session(name: str) -> ort.InferenceSession:
    """A network on board, to be run on the calling thread alone."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(str(onboard(name)), options, providers=["CPUExecutionProvider"])


class Listener:
    """The networks that hear a recording, loaded once.

    Args:
        threads: blocks that are computed at once.

    Raises:
        ModelError: a network on board is missing or damaged.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._segmenter = Segmenter(
            session("segmentation-3.0-filters"), session("segmentation-3.0-rest")
        )
        self._embedder = Embedder(session("resnet34-lm-trunk-int8"), session("resnet34-lm-head"))

    def __call__(self, recording: Recording, channel: int, progress: ProgressHook) -> Evidence:
        """What the networks find in one channel."""
        pool = ThreadPoolExecutor(self._threads)
        try:
            return self._listen(pool, recording, channel, progress)
        finally:
            pool.shutdown(cancel_futures=True)

    def _listen(
        self, pool: Executor, recording: Recording, channel: int, progress: ProgressHook
    ) -> Evidence:
        ahead = 2 * self._threads
        speech = [np.zeros(0, np.uint8)]
        hops = blocks(recording.n_samples)
        for part in side_by_side(
            pool, lambda block: block_probabilities(recording, *block, channel), hops, ahead
        ):
            speech.append(np.rint(part * 255).astype(np.uint8))
            progress("speech", (len(speech) - 1) / len(hops))
        windows = n_windows(recording.n_samples)
        found = np.zeros((windows, WINDOW_FRAMES, LOCAL_SPEAKERS), np.uint8)
        embeddings = np.zeros((windows, LOCAL_SPEAKERS, DIMENSION), np.float32)
        pooler = Pooler(
            self._embedder,
            recording.n_samples,
            lambda i: pool.submit(self._embedder.block, recording, i, channel),
        )

        parts, part_embeddings = [np.zeros((0, 4), np.int64)], [embeddings[:0, 0]]

        def embed(first: int, last: int) -> None:
            alone = clean(found[first:last] > 127)
            own = stretches(alone)
            embeddings[first:last], apart = pooler.embed(alone, own, first * STEP_SAMPLES)
            own[:, 0] += first
            parts.append(own)
            part_embeddings.append(apart)
            progress("voices", last / windows)

        # A batch is pooled after the next one is segmented: its trunk blocks run meanwhile.
        first = last = 0
        for scores in side_by_side(
            pool, lambda b: self._segmenter(recording, *b, channel), batches(windows), ahead
        ):
            pooled, first, last = (first, last), last, last + len(scores)
            found[first:last] = activity(scores)
            pooler.begin(clean(found[first:last] > 127), first * STEP_SAMPLES)
            embed(*pooled)
        embed(first, last)
        return Evidence(
            recording.n_samples,
            np.concatenate(speech),
            found,
            embeddings,
            np.concatenate(parts).astype(np.int32),
            np.concatenate(part_embeddings),
        )


def side_by_side(
    pool: Executor, make: Callable[[Item], Made], items: Iterable[Item], ahead: int
) -> Iterator[Made]:
    """`map` over a pool, in order, with at most `ahead` items begun before their turn."""
    begun: deque[Future[Made]] = deque()
    for item in items:
        begun.append(pool.submit(make, item))
        if len(begun) > ahead:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()

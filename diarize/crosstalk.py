"""Channels kept apart: where one has nothing but what leaks into it from another.

A microphone hears the others' voices too, and a line sends an echo back. Silero and Whisper would
take it for speech, of one speaker more, with every word twice. What leaks has the other channel's
pattern in time and frequency, a little later and quieter. That correlation tells crosstalk from
speech of one's own is due to Pfau, Ellis & Stolcke ("Multispeaker speech activity detection for the
ICSI meeting recorder", ASRU 2001).
"""

from __future__ import annotations

import numpy as np

from diarize.audio import Recording
from diarize.bandwidth import PREEMPHASIS
from diarize.records import Bool, Float32, Int64
from diarize.segmentation import runs
from diarize.vad import HOP_SAMPLES, blocks

BAND_EDGES = np.unique(np.geomspace(4, 119, 17).round().astype(int))
"""Of a transform of 512 samples: 0.1 to 3.7 kHz, what a telephone carries, in 16 bands."""
PATTERN_HOPS = 16
"""Half a second is compared at once."""
LATEST_HOPS = 8
"""An echo may be a quarter of a second late."""
ALIKE, LITTLE_ALIKE = 0.6, 0.2
"""Half a second is crosstalk from this correlation on, and its neighbours from the lower one. Of
crosstalk 20 and 35 dB below, direct, late or through a room, 91 to 100 % come to 0.6; of one's own
speech nothing, and of what two say at once 1 to 6 % where both are as loud, 1 to 10 % where one is
12 dB quieter."""
SILENCE_DB = -100.0
QUIETER_DB, RELATIVELY_DB = 10.0, 6.0
"""It is quieter by as much than where it comes from; in channels of unequal gain, by as much when
both are measured against their own speech."""


def crosstalk(recording: Recording) -> list[Int64]:
    """What a channel has only from others: per channel sorted, disjoint (start, end) in samples,
    shape (regions, 2)."""
    found = [np.zeros((recording.n_channels, 0), bool)]
    if recording.n_channels > 1:
        found += [_of_block(recording, *block) for block in blocks(recording.n_samples)]
    return [runs(leaked) * HOP_SAMPLES for leaked in np.concatenate(found, axis=1)]


def _of_block(recording: Recording, first: int, last: int) -> Bool:
    channels = range(recording.n_channels)
    margin = PATTERN_HOPS // 2
    patterns, levels = [], []
    for channel in channels:
        samples = recording.read(
            (first - margin - LATEST_HOPS) * HOP_SAMPLES,
            (last + margin - 1) * HOP_SAMPLES,
            channel,
        )
        pattern, level_db = _patterns(samples)
        patterns.append(pattern)
        levels.append(level_db)
    usual_db = np.maximum(recording.levels_db, SILENCE_DB)
    leaked = np.zeros((len(channels), last - first), bool)
    for channel in channels:
        for other in channels:
            if other != channel:
                alike = np.full(last - first, -1, np.float32)
                here, level_db = patterns[channel][LATEST_HOPS:], levels[channel][LATEST_HOPS:]
                for late in range(LATEST_HOPS + 1):
                    there = slice(LATEST_HOPS - late, LATEST_HOPS - late + last - first)
                    quieter_db = levels[other][there] - level_db
                    relatively_db = quieter_db - usual_db[other] + usual_db[channel]
                    quieter = (quieter_db >= QUIETER_DB) | (relatively_db >= RELATIVELY_DB)
                    found = np.einsum("hp,hp->h", here, patterns[other][there])
                    alike = np.maximum(alike, np.where(quieter, found, -1))
                for start, end in runs(alike >= LITTLE_ALIKE).tolist():
                    leaked[channel, start:end] |= alike[start:end].max() >= ALIKE
    return leaked


def _patterns(samples: Float32) -> tuple[Float32, Float32]:
    """What half a second from each hop on looks like, shape (n, 256), with mean 0 in every band and
    length 1; and its level, shape (n,), in dB."""
    steps = samples.copy()
    steps[1:] -= PREEMPHASIS * samples[:-1]
    steps = steps.reshape(-1, HOP_SAMPLES) * np.hanning(HOP_SAMPLES).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(steps)[:, : BAND_EDGES[-1]]))
    bands = np.add.reduceat(power, BAND_EDGES[:-1], axis=1) + np.float32(1e-9)
    view = np.lib.stride_tricks.sliding_window_view
    halves = view(np.log(bands), PATTERN_HOPS, axis=0)
    halves = (halves - halves.mean(axis=-1, keepdims=True)).reshape(len(halves), -1)
    length = np.maximum(np.linalg.norm(halves, axis=1, keepdims=True), 1e-6)
    level_db = 10 * np.log10(view(bands.sum(axis=1), PATTERN_HOPS).mean(axis=-1))
    return np.asarray(halves / length, np.float32), np.asarray(level_db, np.float32)

"""How loud a recording is, and the gain that brings its speech to where networks know it.

Silero VAD hears speech as loud as it commonly is; of recordings 40 dB quieter it hears less, of
50 dB nothing. With speech go the words, which are looked for where it hears some.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diarize.records import SAMPLE_RATE_HZ, Float32

PART_SAMPLES = SAMPLE_RATE_HZ // 2
LOUD_QUANTILE = 0.97
"""The level is that of the loudest half seconds but a few: somebody may cough, and a door slam."""
RARE_PARTS = 6
RARE_DB = 12.0
"""Where speech is rarer, that is the level of the room: it is never taken to be more than 12 dB
below that of the loudest 3 s. Silero does not mind speech 12 dB above the usual level, misses up to
twice as much 24 dB above it, and half or more 36 dB above it."""
QUIET_DB, LOUD_DB = -40.0, -10.0
"""Between these a recording is heard as it is: DER is the same at -20, -23 and -26 dB, but Whisper
has most words right at the level that it came with (547 of 2,498 wrong; all at -26 dB: 571)."""
USUAL_DB = -26.0
"""Elsewhere the level becomes this, from 3 dB less to 3 dB more: of speech at -30 to -20 dB Silero
misses least."""
DOUBLING_DB = 20 * np.log10(2)
MOST_DOUBLINGS = 9
"""54 dB: what is below by more is the converter's noise."""
OFFSET_DB = -20.0
"""A constant offset, as cheap converters add it, is taken away where it comes up to this, seen from
the level. Left in, 10 and 20 dB above it, DER of `ami-clips` is 25.1 and 49.6 instead of 21.5."""


class LevelMeter:
    """Measures the level of samples that are given bit by bit."""

    def __init__(self) -> None:
        self._powers: list[Float32] = []
        self._rest = np.zeros(0, np.float32)
        self._sum, self._n_samples = 0.0, 0

    def add(self, samples: Float32) -> None:
        """Take the next 16 kHz samples, shape (samples,)."""
        self._sum += float(samples.sum(dtype=np.float64))
        self._n_samples += len(samples)
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // PART_SAMPLES * PART_SAMPLES
        self._rest = samples[whole:].copy()
        self._powers.append(_powers(samples[:whole].reshape(-1, PART_SAMPLES)))

    def level_db(self) -> float:
        """Level of the loud half seconds; minus infinity of silence."""
        powers = np.concatenate([np.zeros(0, np.float32), *self._powers])
        if len(powers) == 0 and len(self._rest):
            powers = _powers(self._rest[None])
        loud = float(np.quantile(powers, LOUD_QUANTILE)) if len(powers) else 0.0
        if len(powers) >= RARE_PARTS:
            rare = float(np.partition(powers, -RARE_PARTS)[-RARE_PARTS])
            loud = max(loud, rare * 10 ** (-RARE_DB / 10))
        return float(10 * np.log10(loud)) if loud > 0 else float("-inf")

    def offset(self) -> float:
        """The mean of all samples, where it is large enough to be in the way; else 0."""
        mean = self._sum / max(1, self._n_samples)
        return mean if mean**2 > 10 ** ((self.level_db() + OFFSET_DB) / 10) else 0.0


def _powers(parts: Float32) -> Float32:
    """Variances of (parts, samples)."""
    squares = np.einsum("ps,ps->p", parts, parts) / parts.shape[1]
    return np.asarray(np.maximum(squares - parts.mean(axis=1) ** 2, 0), np.float32)


def usual_gain(levels_db: Sequence[float]) -> float:
    """By what to multiply all channels so that the loudest is neither too quiet nor too loud.

    One gain for all: what leaks from one channel into another must stay as quiet as it is. It is a
    power of two, so that no sample is rounded.
    """
    loudest = max(levels_db)
    if QUIET_DB <= loudest <= LOUD_DB or loudest == float("-inf"):
        return 1.0
    doublings = round((USUAL_DB - loudest) / DOUBLING_DB)
    return float(2.0 ** min(doublings, MOST_DOUBLINGS))

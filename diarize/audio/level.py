"""How loud a recording is, and the gain that brings its speech to the level that networks know.

Silero VAD hears speech as loud as it commonly is; of recordings 40 dB quieter it hears less, of
50 dB nothing. With speech go the words, which are looked for where it hears some.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diarize.records import SAMPLE_RATE_HZ, Float32

PART_SAMPLES = SAMPLE_RATE_HZ // 2
LOUD_QUANTILE = 0.97
"""The level is that of the loudest half seconds but a few: speech may be rare, and a door may
slam."""
USUAL_DB = -26.0
"""What the level becomes, from 3 dB less to 3 dB more. Development recordings have -43 to -14 dB;
where their speech is -30 to -20 dB loud, Silero misses least. DER with -20, -23 and -26 dB is the
same but for two turns of two short recordings."""
OCTAVE_DB = 20 * np.log10(2)
MOST_OCTAVES = 9
"""54 dB: what is below by more is the converter's noise."""


class LevelMeter:
    """Measures the level of samples that are given bit by bit."""

    def __init__(self) -> None:
        self._powers: list[Float32] = []
        self._rest = np.zeros(0, np.float32)

    def add(self, samples: Float32) -> None:
        """Take the next 16 kHz samples, shape (samples,)."""
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
        return float(10 * np.log10(loud)) if loud > 0 else float("-inf")


def _powers(parts: Float32) -> Float32:
    """Mean squares of (parts, samples)."""
    return np.asarray(np.einsum("ps,ps->p", parts, parts) / parts.shape[1], np.float32)


def usual_gain(levels_db: Sequence[float]) -> float:
    """By what to multiply all channels so that the loudest has the usual level.

    One gain for all: what leaks from one channel into another must stay as quiet as it is. It is a
    power of two, so that no sample is rounded and most recordings stay as they are.
    """
    loudest = max(levels_db)
    if loudest == float("-inf"):
        return 1.0
    octaves = round((USUAL_DB - loudest) / OCTAVE_DB)
    return float(2.0 ** min(octaves, MOST_OCTAVES))

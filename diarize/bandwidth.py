"""Narrow-band sound: what a telephone, which carries nothing above 4 kHz, does to an embedding.

The voice network learnt from wide-band speech. By telephone its embeddings are shifted all the same
way and lie closer together, so that voices which it tells apart with ease become one; the shift
hardly depends on the codec. A linear map, fitted on pairs of the same speech with and without a
telephone between (models/train_narrow_band.py), brings them back: channel compensation, as speaker
recognition has long done it. Five council meetings of 6 to 9 people have 3.0 % DER as recorded and,
as the mean of seven codecs, 19.3 % without and 7.4 % with it (`benchmarks.telephone speakerbox`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from diarize.audio import Recording
from diarize.filterbank import fbank
from diarize.models import load_arrays
from diarize.records import SAMPLE_RATE_HZ, Float32

EMPTY_DB = -17.0
"""The band above is empty where its strongest filter lies so far below the strongest of the lower
ones in all but a few loud frames. By telephone, in seven codecs, it is -29 dB or less; in wide-band
speech -7 dB or more (some 130 recordings)."""
FEW = 0.05
LOUD_DB = -30.0
"""Frames up to this far below the loudest count as loud: speech, not what lies between."""
LOW, HIGH = slice(0, 58), slice(66, 80)
"""Filters below 3.7 and above 4.8 kHz."""
LOOKS = 60
LOOK_SAMPLES = SAMPLE_RATE_HZ // 2
"""A recording is judged by so many excerpts of half a second, spread over all of it."""


class NarrowBand:
    """Brings embeddings of narrow-band sound to where wide-band ones of the same voice lie.

    Args:
        arrays: `change` (256, 256) and `offset` (256,), added to an embedding x as
            x @ change + offset.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[np.floating]]) -> None:
        self._change = arrays["change"].astype(np.float32)
        self._offset = arrays["offset"].astype(np.float32)

    @classmethod
    def on_board(cls) -> NarrowBand:
        """The map that is on board.

        Raises:
            ModelError: it is missing or damaged.
        """
        return cls(load_arrays("narrow-band"))

    def widened(self, embeddings: Float32) -> Float32:
        """Embeddings (n, 256), as the network gives them, of what `is_narrow`."""
        # Without a matrix product: BLAS would keep threads of its own spinning.
        moved = np.einsum("ne,ef->nf", embeddings, self._change)
        return np.asarray(embeddings + moved + self._offset, np.float32)


def is_narrow(recording: Recording, channel: int = 0) -> bool:
    """Whether a channel of a recording, as a whole, has nothing above 4 kHz."""
    return _is_narrow(lambda a, b: recording.hear(a, b, channel), recording.n_samples)


def is_narrow_clip(samples: Float32) -> bool:
    """Whether 16 kHz samples, shape (samples,), have nothing above 4 kHz."""
    return _is_narrow(lambda a, b: samples[a:b], len(samples))


def _is_narrow(read: Callable[[int, int], Float32], n_samples: int) -> bool:
    looks = min(LOOKS, max(1, n_samples // LOOK_SAMPLES))
    starts = np.linspace(0, max(0, n_samples - LOOK_SAMPLES), looks).astype(int).tolist()
    features = np.concatenate([fbank(read(a, min(n_samples, a + LOOK_SAMPLES))) for a in starts])
    if len(features) == 0:
        return False
    # Natural logarithms of power → dB.
    low, high = (features[:, band].max(axis=1) * 10 / np.log(10) for band in (LOW, HIGH))
    loud = low > low.max() + LOUD_DB
    return bool(np.quantile((high - low)[loud], 1 - FEW) < EMPTY_DB)

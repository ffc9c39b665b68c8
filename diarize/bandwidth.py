"""Narrow-band sound: what a telephone, which carries nothing above 4 kHz, does to an embedding.

The voice network learnt from wide-band speech. By telephone its embeddings are shifted all the same
way and lie closer together, so that voices which it tells apart with ease become one; the shift
hardly depends on the codec. A linear map, fitted on pairs of the same speech with and without a
telephone between (models/train_narrow_band.py), brings them back: channel compensation, as speaker
recognition has long done it. Five council meetings of 6 to 9 people have 3.0 % DER as recorded and,
as the mean of seven codecs, 19.3 % without and 7.9 % with it (`benchmarks.telephone speakerbox`).
Those who call in to a meeting are told from those in the room second by second.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from diarize.audio import Recording
from diarize.filterbank import hop_powers
from diarize.models import load_arrays
from diarize.records import Bool, Float32, Int64
from diarize.vad import HOP_SAMPLES, blocks

LOW, HIGH = slice(4, 119), slice(154, 257)
"""Of `hop_powers`: 0.1 to 3.7 kHz, which a telephone carries, and 4.8 to 8 kHz, which it does not.
"""
SECOND_HOPS = 31
"""Sound is judged by the second: what somebody says on the telephone may be no longer."""
EMPTY_DB, FULL_DB = -24.0, -16.0
FEW = 0.05
"""The high band of a second is empty where it lies so far below the low one in all but a few loud
hops. Of 41,000 seconds that had been through one of seven codecs 99.6 % do, of 97,000 of wide-band
speech 0.02 %; between the two values lie 0.4 % and 1 % (development recordings)."""
SURELY = 2
"""Where some are on the telephone and others are not, 3.5 times as many seconds and more are of
either kind as lie between (60 recordings made so). Where all is muffled, 1.9 times as many at most:
that is narrow as a whole, or not at all."""
LOUD_DB = -30.0
SILENT_DB = -50.0
"""Hops count as loud up to so far below the loudest within a second, and of all."""


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
        """Embeddings (n, 256), as the network gives them, of narrow-band sound."""
        # Without a matrix product: BLAS would keep threads of its own spinning.
        moved = np.einsum("ne,ef->nf", embeddings, self._change)
        return np.asarray(embeddings + moved + self._offset, np.float32)


def levels_db(samples: Float32) -> Float32:
    """Power in the low and in the high band of each hop of 512 samples, shape (hops, 2), in dB."""
    powers = hop_powers(samples)
    bands = [powers[:, band].sum(axis=1) for band in (LOW, HIGH)]
    return np.asarray(10 * np.log10(np.stack(bands, axis=1) + 1e-12), np.float32)


def block_levels_db(recording: Recording, first: int, last: int, channel: int = 0) -> Float32:
    """`levels_db` of hops `first` to `last` of a channel."""
    return levels_db(recording.hear(first * HOP_SAMPLES, last * HOP_SAMPLES, channel))


def narrow_hops(levels_db: Float32, speech: Bool) -> Bool:
    """Which hops are narrow-band, shape (hops,): all of a recording, what some say in it, or none.

    Args:
        levels_db: of a whole channel, shape (hops, 2).
        speech: whether anybody speaks in a hop, shape (hops,).
    """
    low, high = levels_db.T
    hops = min(len(low), SECOND_HOPS)
    if hops == 0:
        return speech
    around = np.pad(np.where(speech, low, -np.inf), SECOND_HOPS, constant_values=-np.inf)
    loudest = np.lib.stride_tricks.sliding_window_view(around, 2 * SECOND_HOPS + 1).max(axis=1)
    loud = speech & (low > loudest + LOUD_DB) & (low > low.max() + SILENT_DB)
    heard = _sums(loud, hops)
    few = FEW * heard
    enough = heard >= 0.4 * hops
    empty = enough & (_sums(loud & (high - low >= EMPTY_DB), hops) <= few)
    full = enough & (_sums(loud & (high - low >= FULL_DB), hops) > few)
    nearly = enough & ~empty & ~full
    some_narrow, some_wide = (k.sum() > SURELY * nearly.sum() for k in (empty, full))
    if not some_narrow or not some_wide:
        return np.full(len(low), some_narrow)
    narrow = _covered(empty, hops)
    # What is neither, and what nobody says, is as most is.
    return narrow | ~_covered(full, hops) if empty.sum() > full.sum() else narrow


def _sums(of: Bool, hops: int) -> Int64:
    """How many of each `hops` in a row, shape (len(of) - hops + 1,)."""
    total = np.cumsum(np.pad(of, (1, 0)), dtype=np.int64)
    return np.asarray(total[hops:] - total[:-hops])


def _covered(stretches: Bool, hops: int) -> Bool:
    """Hops within any of the stretches of `hops` hops that begin where `stretches` is true."""
    return np.asarray(_sums(np.pad(stretches, hops - 1), hops) > 0)


def is_narrow(recording: Recording, channel: int = 0) -> bool:
    """Whether most of a channel of a recording is narrow-band."""
    parts = [block_levels_db(recording, *b, channel) for b in blocks(recording.n_samples)]
    return _mostly_narrow(np.concatenate([np.zeros((0, 2), np.float32), *parts]))


def is_narrow_clip(samples: Float32) -> bool:
    """Whether most of 16 kHz samples, shape (samples,), are narrow-band."""
    return _mostly_narrow(levels_db(samples))


def _mostly_narrow(levels_db: Float32) -> bool:
    narrow = narrow_hops(levels_db, np.ones(len(levels_db), bool))
    return bool(narrow.sum() > len(narrow) / 2)

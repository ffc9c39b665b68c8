"""Channels kept apart: where one has nothing but what leaks into it from another.

A microphone hears the others' voices too, and a line sends an echo back. Silero and Whisper would
take it for speech, of one speaker more, with every word twice. What leaks has the other channel's
pattern in time and frequency, a little later and quieter. That correlation tells crosstalk from
speech of one's own is due to Pfau, Ellis & Stolcke ("Multispeaker speech activity detection for the
ICSI meeting recorder", ASRU 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from diarize.audio import Recording
from diarize.filterbank import hop_powers
from diarize.records import Bool, Float32, Int64, ProgressHook
from diarize.segmentation import runs
from diarize.vad import HOP_SAMPLES, blocks

BAND_EDGES = np.unique(np.geomspace(4, 119, 17).round().astype(int))
"""Of `hop_powers`: 0.1 to 3.7 kHz, what a telephone carries, in 16 bands."""
PATTERN_HOPS = 16
"""Half a second is compared at once."""
LATEST_HOPS = 8
"""An echo may be a quarter of a second late."""
ALIKE, LITTLE_ALIKE = 0.6, 0.2
"""Half a second is crosstalk from this correlation on, and its neighbours from the lower one. Of
crosstalk 20 and 35 dB below, direct, late or through a room, 91 to 100 % come to 0.6; of one's own
speech nothing, and of what two say at once all the time 0 to 3 %, of the quieter one's 1 to 8 %
where it is 12 dB quieter."""
LOUD_DB, LOUD_ALIKE = 12.0, 0.8
"""Where a channel is about as loud as it is by itself, more is asked for. Of 40 recordings with one
word on one side, somewhere in 14 s of the other, 21 lost speech without a leak, 4.9 s together;
with this and RARE_DB 5 lose 0.1 s, and what leaks is found as before."""
RARE_DB = 6.0
"""The level of who says a word or two is that of the loudest half second, less this."""
THE_SAME = 0.995
"""From here on it is one sound in two channels, as of a recorder with one microphone; the first
channel has it."""
SILENCE_DB = -100.0
NO_POWER = np.float32(1e-9)
QUIETER_DB = 10.0
"""What leaks is quieter by so much than where it comes from; channels of unequal gain see below."""
RELATIVELY_DB, LOUDER_DB = 6.0, 10.0
"""In channels of unequal gain, what leaks is quieter by the first of these when both channels are
measured against their own speech, and louder by no more than the second: a channel in which nobody
speaks must not take the others' speech for its own."""


def crosstalk(recording: Recording, progress: ProgressHook) -> list[Int64]:
    """What a channel has only from others: per channel sorted, disjoint (start, end) in samples,
    shape (regions, 2). `progress` is called for every two minutes, so that it can cancel."""
    found = [np.zeros((recording.n_channels, 0), bool)]
    for block in blocks(recording.n_samples) if recording.n_channels > 1 else []:
        progress("speech", 0.0)
        found.append(_of_block(recording, *block))
    return [runs(leaked) * HOP_SAMPLES for leaked in np.concatenate(found, axis=1)]


@dataclass(frozen=True, slots=True)
class _Heard:
    """A channel in one block: what half a second from each hop on is like.

    Attributes:
        pattern: power in time and bands, with mean 0 in every band and length 1, shape (n, 256).
        level_db: shape (n,).
        usual_db: level of the whole channel.
    """

    pattern: Float32
    level_db: Float32
    usual_db: float


def _of_block(recording: Recording, first: int, last: int) -> Bool:
    heard = [_heard(recording, channel, first, last) for channel in range(recording.n_channels)]
    leaked = np.zeros((len(heard), last - first), bool)
    # All channels begin and end at once: that must not count as a likeness.
    hop, margin = np.arange(first, last), PATTERN_HOPS // 2
    at_ends = (hop < margin) | (hop > recording.n_samples // HOP_SAMPLES - margin)
    for channel, other in permutations(range(len(heard)), 2):
        same = np.einsum("hp,hp->h", heard[channel].pattern, heard[other].pattern)[LATEST_HOPS:]
        if other < channel:
            leaked[channel] |= same >= THE_SAME
        apart = at_ends | (same >= THE_SAME)
        alike = np.where(apart, -1, _alike(heard[channel], heard[other]))
        loud = heard[channel].level_db[LATEST_HOPS:] >= heard[channel].usual_db - LOUD_DB
        sure = alike >= np.where(loud, LOUD_ALIKE, ALIKE)
        for start, end in runs(alike >= LITTLE_ALIKE).tolist():
            leaked[channel, start:end] |= sure[start:end].any()
    return leaked


def _heard(recording: Recording, channel: int, first: int, last: int) -> _Heard:
    """From LATEST_HOPS before the block on; the halves of a second are centred on the hops."""
    margin = PATTERN_HOPS // 2
    start, stop = first - margin - LATEST_HOPS, last + margin - 1
    # As it came: what is muted by now would not be found again.
    samples = recording.read(start * HOP_SAMPLES, stop * HOP_SAMPLES, channel)
    powers = hop_powers(samples)[:, : BAND_EDGES[-1]]
    bands = np.add.reduceat(powers, BAND_EDGES[:-1], axis=1) + NO_POWER
    view = np.lib.stride_tricks.sliding_window_view
    halves = view(np.log(bands), PATTERN_HOPS, axis=0)
    halves = (halves - halves.mean(axis=-1, keepdims=True)).reshape(len(halves), -1)
    length = np.maximum(np.linalg.norm(halves, axis=1, keepdims=True), 1e-6)
    level_db = 10 * np.log10(view(bands.sum(axis=1), PATTERN_HOPS).mean(axis=-1))
    loudest_db = float(level_db.max()) - RARE_DB
    usual_db = max(recording.levels_db[channel], loudest_db, SILENCE_DB)
    return _Heard(
        np.asarray(halves / length, np.float32), np.asarray(level_db, np.float32), usual_db
    )


def _alike(channel: _Heard, other: _Heard) -> Float32:
    """Correlation of the hops of a block with what may have leaked there from another channel, -1
    where the other one is not the louder, shape (hops,)."""
    pattern, level_db = channel.pattern[LATEST_HOPS:], channel.level_db[LATEST_HOPS:]
    alike = np.full(len(pattern), -1, np.float32)
    for late in range(LATEST_HOPS + 1):
        then = slice(LATEST_HOPS - late, LATEST_HOPS - late + len(pattern))
        quieter_db = other.level_db[then] - level_db
        relatively_db = quieter_db - other.usual_db + channel.usual_db
        unequal = (relatively_db >= RELATIVELY_DB) & (quieter_db >= -LOUDER_DB)
        quieter = (quieter_db >= QUIETER_DB) | unequal
        correlation = np.einsum("hp,hp->h", pattern, other.pattern[then])
        alike = np.maximum(alike, np.where(quieter, correlation, -1))
    return alike

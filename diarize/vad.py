"""Voice activity: where does anybody speak?

Silero VAD v6 (https://github.com/snakers4/silero-vad, MIT) as faster-whisper carries it, made
faster (`models/silero.py`). The network gives one speech probability per 512 samples (32 ms); a
two-threshold rule (hysteresis) turns them into regions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from diarize.audio import Recording
from diarize.models import onboard
from diarize.networks import Network, OnnxRuntime
from diarize.records import SAMPLE_RATE_HZ, Bool, Float32, Int64

HOP_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""What the network hears of what was before each hop."""
STATE = np.zeros((1, 1, 128), np.float32)
"""What it remembers in the beginning."""
BLOCK_HOPS = 938
"""Hops per inference block (30 s): bounds memory on long recordings."""
WARM_UP_HOPS = 63
"""Hops (2 s) run before each block, so that the network's state has settled where it counts."""

SOMEBODY = 0.05
NEAR_HOPS = 63
"""Where no two hops in a row come up to this within 2 s, nobody speaks, whatever the segmentation
network makes of the music there. Mean DER of 19 development sets is the same as without; it is up
to 0.02 higher with 0.1, 0.2, or 1 s."""


@dataclass(frozen=True, slots=True)
class VadOptions:
    """Thresholds and paddings. The thresholds are Silero's own defaults and gate recognition; what
    gates turns is `attribution.active_voices`.

    Attributes:
        onset: a region begins where the probability reaches this.
        offset: and ends where it falls below this.
        min_silence_s: shorter gaps are bridged.
        min_speech_s: shorter regions are dropped.
        pad_s: added on both sides of every region, never past a neighbour.
    """

    onset: float = 0.5
    offset: float = 0.35
    min_silence_s: float = 0.1
    min_speech_s: float = 0.06
    pad_s: float = 0.1


def blocks(n_samples: int) -> list[tuple[int, int]]:
    """First and last + 1 hop of each block of a channel; blocks can be computed in any order."""
    hops = -(-n_samples // HOP_SAMPLES)
    return [(first, min(first + BLOCK_HOPS, hops)) for first in range(0, hops, BLOCK_HOPS)]


@cache
def silero() -> Network:
    """The network, one for all: hops with context (n, 576), states (1, 1, 128) → speech (n,).

    By onnxruntime, whatever runs the others: OpenVINO takes as long.

    Raises:
        ModelError: it is missing or damaged.
    """
    return OnnxRuntime(onboard("silero-vad-6"))


def block_probabilities(
    network: Network, recording: Recording, first: int, last: int, channel: int = 0
) -> Float32:
    """Speech probability of hops `first` to `last`, shape (last - first,), 0–1."""
    warm_up = min(first, WARM_UP_HOPS)
    begin = first - warm_up
    start = begin * HOP_SAMPLES - CONTEXT_SAMPLES
    samples = recording.hear(start, last * HOP_SAMPLES, channel)
    length = CONTEXT_SAMPLES + HOP_SAMPLES
    hops = np.lib.stride_tricks.sliding_window_view(samples, length)[::HOP_SAMPLES]
    given = np.ascontiguousarray(hops, np.float32)
    return network(hops=given, h=STATE, c=STATE)["speech"][warm_up:]


def speech_probabilities(recording: Recording, channel: int = 0) -> Float32:
    """Speech probability per hop of 512 samples, shape (hops,), float32 in 0–1."""
    hops = blocks(recording.n_samples)
    parts = [block_probabilities(silero(), recording, *b, channel) for b in hops]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def nobody_near(probabilities: Float32) -> Bool:
    """Hops in and around which there is no speech at all, shape (hops,)."""
    heard = np.append(probabilities, 0) >= SOMEBODY
    spoken = np.cumsum(np.pad(heard[1:] & heard[:-1], (NEAR_HOPS + 1, NEAR_HOPS)))
    around = 2 * NEAR_HOPS + 1
    return np.asarray(spoken[around:] == spoken[:-around])


def speech_regions(
    probabilities: Float32, n_samples: int, options: VadOptions | None = None
) -> Int64:
    """Regions of speech as sorted, disjoint (start, end) in samples, shape (regions, 2)."""
    options = options or VadOptions()
    above = probabilities >= options.onset
    below = probabilities < options.offset
    # The last decisive hop up to each hop says whether we are inside a region.
    decisive = np.where(above | below, np.arange(len(above)), -1)
    last = np.maximum.accumulate(decisive) if len(above) else decisive
    inside = (last >= 0) & above[np.maximum(last, 0)]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False])).astype(np.int8)))
    regions = edges.reshape(-1, 2).astype(np.int64) * HOP_SAMPLES
    regions = bridge(regions, round(options.min_silence_s * SAMPLE_RATE_HZ))
    length = regions[:, 1] - regions[:, 0]
    regions = regions[length >= options.min_speech_s * SAMPLE_RATE_HZ]
    pad = round(options.pad_s * SAMPLE_RATE_HZ)
    regions = np.clip(regions + np.array([-pad, pad]), 0, n_samples)
    return bridge(regions, 0)


def bridge(regions: Int64, gap: int) -> Int64:
    """Join sorted regions that lie at most `gap` apart."""
    if len(regions) == 0:
        return regions.reshape(0, 2)
    reach = np.maximum.accumulate(regions[:, 1])
    starts = np.concatenate(([True], regions[1:, 0] - reach[:-1] > gap))
    ends = np.concatenate((starts[1:], [True]))
    return np.stack([regions[starts, 0], reach[ends]], axis=1)

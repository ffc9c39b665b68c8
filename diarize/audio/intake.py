"""Blocks of samples at any rate and channel count → spooled 16 kHz float32 channels."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import cast

import av
import numpy as np
import numpy.typing as npt

from diarize.audio.spool import Spool
from diarize.errors import AudioError, TooLongError
from diarize.records import SAMPLE_RATE_HZ, Float32

logger = logging.getLogger("diarize")

MEMORY_SAMPLES = 600 * SAMPLE_RATE_HZ
"""Up to ten minutes (38 MB), all channels together, stay in memory."""

MAX_MAGNITUDE = 1e6
"""Samples beyond this (120 dB above full scale) are damage, not sound: no network survives them."""

MAX_KEPT_CHANNELS = 32
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 1_000_000


def as_float(samples: npt.NDArray[np.generic]) -> npt.NDArray[np.floating]:
    """PCM of any kind as floats with full scale at ±1; floats stay as they are.

    Raises:
        TypeError: not uint8, int16, int32 or float, in either byte order.
    """
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if samples.dtype == np.uint8:
        return samples.astype(np.float32) / np.float32(128) - np.float32(1)
    if samples.dtype in (np.int16, np.int32):
        full_scale = 2 ** (8 * samples.dtype.itemsize - 1)
        return samples.astype(np.float32) / np.float32(full_scale)
    if samples.dtype in (np.float16, np.float32, np.float64):
        return cast(npt.NDArray[np.floating], samples)
    raise TypeError(f"samples of type {samples.dtype}")


class _Resampler:
    """One channel from `rate_hz` to 16 kHz by libswresample, which adds no delay."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._swr = None
        if rate_hz != SAMPLE_RATE_HZ:
            self._swr = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
        self._position = 0

    def push(self, samples: Float32) -> Iterator[Float32]:
        if self._swr is None:
            yield samples
            return
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="flt", layout="mono")
        frame.sample_rate = self._rate_hz
        frame.pts = self._position
        self._position += len(samples)
        for out in self._swr.resample(frame):
            yield out.to_ndarray()[0]

    def flush(self) -> Iterator[Float32]:
        if self._swr is not None and self._position:
            for out in self._swr.resample(None):
                yield out.to_ndarray()[0]


class _Mixer:
    """Several channels to one: their plain mean, so that no channel is favoured and nothing clips.

    Two channels of opposite polarity, as of a balanced microphone in a stereo socket, would cancel
    each other out: where most of their power would be lost, the second is turned over.
    """

    def __init__(self) -> None:
        self._power = self._product = 0.0
        self.turned = False

    def mix(self, channels: Float32) -> Float32:
        """The next (channels, samples), shape (samples,)."""
        opposed = len(channels) == 2 and self._cancel(*channels)
        self.turned = self.turned or opposed
        mixed: Float32 = channels[0].copy()
        for channel in channels[1:]:  # three times as fast as channels.mean(axis=0)
            if opposed:
                mixed -= channel
            else:
                mixed += channel
        mixed /= np.float32(len(channels))
        return mixed

    def _cancel(self, left: Float32, right: Float32) -> bool:
        """Whether the mean of all so far has 6 dB less power than the channels have."""
        self._power += _product(left, left) + _product(right, right)
        self._product += _product(left, right)
        return self._product < -self._power / 4


def _product(a: Float32, b: Float32) -> float:
    """Without BLAS, whose threads would go on spinning."""
    return float(np.einsum("s,s->", a, b))


class Intake:
    """Takes blocks in order; cleans, mixes or keeps channels, resamples, spools."""

    def __init__(self, label: str, *, keep_channels: bool, max_duration_s: float) -> None:
        self._label = label
        self._keep_channels = keep_channels
        self._max_samples = int(max_duration_s * SAMPLE_RATE_HZ)
        self._rate_hz: int | None = None
        self._resamplers: list[_Resampler] = []
        self._n_cleaned = 0
        self._mixer = _Mixer()
        self.spools: list[Spool] = []

    def add(self, block: npt.NDArray[np.floating], rate_hz: int) -> None:
        """Take `block` (channels, samples), full scale at ±1.

        Raises:
            AudioError: an impossible rate or number of channels, too long, or no disk space.
        """
        channels = self._channels(self._clean(block))
        if not self.spools:
            self.spools = [Spool(self._label, MEMORY_SAMPLES // len(channels)) for _ in channels]
        if rate_hz != self._rate_hz:
            self._change_rate(rate_hz)
        for spool, resampler, samples in zip(self.spools, self._resamplers, channels, strict=True):
            for out in resampler.push(samples):
                spool.append(out)
        if self.spools[0].n_samples > self._max_samples:
            raise TooLongError(
                f"{self._label} is longer than {self._max_samples / SAMPLE_RATE_HZ / 3600:g} hours:"
                " cut it into parts"
            )

    def _clean(self, block: npt.NDArray[np.floating]) -> Float32:
        """Float32 without NaN, infinities and absurd values (set to 0 and counted)."""
        with np.errstate(over="ignore", invalid="ignore"):
            samples = block.astype(np.float32, copy=False)
            bad = ~(np.abs(samples) <= MAX_MAGNITUDE)
        n_bad = int(np.count_nonzero(bad))
        if n_bad:
            self._n_cleaned += n_bad
            samples = np.where(bad, np.float32(0), samples)
        return samples

    def _channels(self, samples: Float32) -> list[Float32]:
        """What the spools get of (channels, samples): the mean, or each channel."""
        n_channels = len(samples)
        if not self._keep_channels:
            return [self._mixer.mix(samples)]
        if n_channels > MAX_KEPT_CHANNELS:
            raise AudioError(
                f"{self._label} has {n_channels} channels, and at most {MAX_KEPT_CHANNELS} can be "
                "kept apart: mix them to one"
            )
        if self.spools and n_channels != len(self.spools):
            raise AudioError(
                f"{self._label} changes from {len(self.spools)} to {n_channels} channels on the "
                "way, which cannot be kept apart: mix them to one"
            )
        return [channel.copy() for channel in samples]

    def _change_rate(self, rate_hz: int) -> None:
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise AudioError(
                f"{self._label} has a sample rate of {rate_hz} Hz; speech needs one between "
                f"{MIN_RATE_HZ} and {MAX_RATE_HZ} Hz: correct the rate or convert the recording"
            )
        self._flush()
        self._rate_hz = rate_hz
        self._resamplers = [_Resampler(rate_hz) for _ in self.spools]

    def _flush(self) -> None:
        for spool, resampler in zip(self.spools, self._resamplers, strict=False):
            for out in resampler.flush():
                spool.append(out)

    def finish(self) -> list[Spool]:
        """The sealed channels, all of one length; at least one, even if nothing came in."""
        self._flush()
        if not self.spools:
            self.spools = [Spool(self._label, MEMORY_SAMPLES)]
        for spool in self.spools:
            spool.seal()
        if self._n_cleaned:
            logger.warning(
                "%s: %d samples that were not a number, infinite or absurdly large are now 0",
                self._label,
                self._n_cleaned,
            )
        if self._mixer.turned:
            logger.warning(
                "%s: its two channels have opposite polarity and would cancel each other out: "
                "the second has been turned over",
                self._label,
            )
        return self.spools

    def close(self) -> None:
        for spool in self.spools:
            spool.close()

"""Decoded frames → blocks of samples without holes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt

from diarize.audio.intake import as_float

BLOCK_VALUES = 1 << 18
"""Samples × channels gathered before they are handed on."""

GAP_S = 0.02
"""A hole in the timestamps beyond this becomes silence, so that times are those of a player."""

MAX_GAP_S, MAX_STEP_BACK_S = 3600.0, 1.0
"""A hole, or a step back in time, beyond these is taken for a wrong timestamp."""

SAMPLE_TYPES = {
    name + planar: numpy_name
    for name, numpy_name in (
        ("u8", "u1"),
        ("s16", "i2"),
        ("s32", "i4"),
        ("flt", "f4"),
        ("dbl", "f8"),
    )
    for planar in ("", "p")
}
"""numpy's names of ffmpeg's sample formats, in which a ``p`` means: a plane for each channel."""

Block = tuple[npt.NDArray[np.floating], int]
"""Samples of shape (channels, samples), full scale at ±1, and their rate in Hz."""


class Gatherer:
    """Frames in, blocks out; holes in the timestamps become silence.

    Attributes:
        position_s: how long the recording is so far, with the silence.
        decoded_s: the same without it.
        jumps: how many timestamps could not be right.
    """

    def __init__(self, start_s: float | None) -> None:
        self._start_s = start_s
        """Time of the first sample of the recording; None: timestamps mean nothing."""
        self._next_s = start_s
        """Where the timestamps say that the next frame begins."""
        self._frames: list[npt.NDArray[np.generic]] = []
        self._kind: tuple[int, int, np.dtype[Any]] | None = None
        self._n_values = 0
        self.position_s = 0.0
        self.decoded_s = 0.0
        self.jumps = 0

    def add(self, frame: av.AudioFrame) -> Iterator[Block]:
        """Take the next frame; its format must be in SAMPLE_TYPES."""
        rate_hz = frame.sample_rate
        samples = _samples(frame)
        if rate_hz < 1 or not samples.size:
            return
        seconds = samples.shape[1] / rate_hz
        gap_s = self._gap_s(frame.time, seconds)
        kind = (rate_hz, len(samples), samples.dtype)
        if gap_s or kind != self._kind or self._n_values >= BLOCK_VALUES:
            yield from self.flush()
        self._kind = kind
        if gap_s:
            yield from self._silence(gap_s)
        self._frames.append(samples)
        self._n_values += samples.size
        self.position_s += seconds
        self.decoded_s += seconds

    def _gap_s(self, time_s: float | None, seconds: float) -> float:
        """How much silence belongs before a frame that begins at `time_s`."""
        if self._start_s is None or self._next_s is None or time_s is None:
            return 0.0
        jump_s = time_s - self._next_s
        if jump_s > MAX_GAP_S or jump_s < -MAX_STEP_BACK_S:
            self.jumps += 1
            self._start_s += jump_s
        self._next_s = time_s + seconds
        gap_s = time_s - self._start_s - self.position_s
        return gap_s if gap_s > GAP_S else 0.0

    def _silence(self, seconds: float) -> Iterator[Block]:
        assert self._kind is not None
        rate_hz, n_channels, _ = self._kind
        remaining = round(seconds * rate_hz)
        self.position_s += remaining / rate_hz
        while remaining:
            n_samples = min(remaining, max(1, BLOCK_VALUES // n_channels))
            yield np.zeros((n_channels, n_samples), np.float32), rate_hz
            remaining -= n_samples

    def flush(self) -> Iterator[Block]:
        """What has been gathered so far."""
        if self._frames and self._kind is not None:
            yield as_float(np.concatenate(self._frames, axis=1)), self._kind[0]
        self._frames, self._n_values = [], 0


def _samples(frame: av.AudioFrame) -> npt.NDArray[np.generic]:
    """The samples of `frame`, shape (channels, samples), as they are stored.

    Not ``frame.to_ndarray()``: PyAV up to 18.1 counts planes by looking for a null pointer, finds
    a ninth one in frames of eight, and the process dies where that points.
    """
    n_channels = frame.layout.nb_channels
    dtype = SAMPLE_TYPES[frame.format.name]
    planes = cast("tuple[memoryview[int], ...]", frame.planes)
    samples: npt.NDArray[np.generic]
    if frame.format.is_planar:
        samples = np.stack([np.frombuffer(p, dtype, frame.samples) for p in planes[:n_channels]])
    else:
        values = np.frombuffer(planes[0], dtype, frame.samples * n_channels)
        samples = values.reshape(-1, n_channels).T
    return samples

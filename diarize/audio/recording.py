"""A recording as 16 kHz float32 samples that can be read from anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from diarize.audio.decode import decode
from diarize.audio.intake import Intake, as_float
from diarize.audio.spool import Spool
from diarize.errors import AudioError
from diarize.records import SAMPLE_RATE_HZ, Float32, ProgressHook

MAX_DURATION_S = 24 * 3600.0
"""Longer recordings are refused: a small file can hold weeks of compressed silence."""

_BLOCK_SAMPLES = 1 << 18


class Recording:
    """Decoded sound at 16 kHz, one channel (the mean of all) or several.

    Made by :meth:`open` or :meth:`from_array`; a context manager. Reads are thread-safe.

    Attributes:
        name: the file's name without folder and extension.
        n_samples: length of every channel.
        n_channels: 1 unless ``keep_channels`` was asked for.
    """

    def __init__(self, name: str, channels: list[Spool]) -> None:
        self.name = name
        self.n_channels = len(channels)
        self.n_samples = channels[0].n_samples
        self._channels = channels
        self._closed = False

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        keep_channels: bool = False,
        progress: ProgressHook | None = None,
        max_duration_s: float = MAX_DURATION_S,
    ) -> Recording:
        """Decode `source`, once.

        Raises:
            AudioError: missing, not media, without sound, damaged beyond use, too long.
        """
        if not isinstance(source, (str, os.PathLike)):
            return cls._decode(source, "recording", "the recording", keep_channels, progress, max_duration_s)
        path = Path(source)
        try:
            file = path.open("rb", buffering=0)
        except OSError as error:
            raise AudioError(f"{str(path)!r} cannot be opened ({error.strerror})") from error
        with file:
            return cls._decode(file, path.stem, repr(str(path)), keep_channels, progress, max_duration_s)  # type: ignore[arg-type]

    @classmethod
    def _decode(cls, file: BinaryIO, name: str, label: str, keep_channels: bool, progress: ProgressHook | None, max_duration_s: float) -> Recording:
        intake = Intake(label, keep_channels=keep_channels, max_duration_s=max_duration_s)
        try:
            for block, rate_hz in decode(file, label, progress):
                intake.add(block, rate_hz)
            return cls(name, intake.finish())
        except BaseException:
            intake.close()
            raise

    @classmethod
    def from_array(
        cls,
        array: npt.ArrayLike,
        sample_rate_hz: int,
        *,
        keep_channels: bool = False,
        name: str = "recording",
    ) -> Recording:
        """Take samples that are in memory already: 1-D, or 2-D with the longer axis as time."""
        samples = np.atleast_2d(np.asarray(array))
        if samples.shape[0] > samples.shape[1]:
            samples = samples.T
        intake = Intake("the array", keep_channels=keep_channels, max_duration_s=MAX_DURATION_S)
        try:
            for start in range(0, samples.shape[1], _BLOCK_SAMPLES):
                intake.add(np.array(as_float(samples[:, start : start + _BLOCK_SAMPLES])), sample_rate_hz)
            return cls(name, intake.finish())
        except BaseException:
            intake.close()
            raise

    @property
    def duration_s(self) -> float:
        return self.n_samples / SAMPLE_RATE_HZ

    def read(self, start: int, stop: int, channel: int = 0) -> Float32:
        """A copy of samples `start` to `stop` (float32, 1-D, ``stop - start`` long).

        What lies outside ``[0, n_samples)`` is 0, so that windows may reach over the ends.
        """
        out = np.zeros(max(0, stop - start), dtype=np.float32)
        first, last = max(start, 0), min(stop, self.n_samples)
        if first < last:
            self._channels[channel].read_into(out[first - start : last - start], first)
        return out

    def close(self) -> None:
        for channel in self._channels:
            channel.close()
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

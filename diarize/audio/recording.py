"""A recording as 16 kHz float32 samples that can be read from anywhere."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from diarize.audio.decode import decode
from diarize.audio.frames import BLOCK_VALUES, Block
from diarize.audio.intake import Intake, as_float
from diarize.audio.level import usual_gain
from diarize.audio.spool import Spool
from diarize.errors import AudioError
from diarize.records import SAMPLE_RATE_HZ, Float32, Int64, ProgressHook

MAX_DURATION_S = 24 * 3600.0
"""Longer recordings are refused: a small file can hold weeks of compressed silence."""


class Recording:
    """Decoded sound at 16 kHz: one channel (the mean of all) or several.

    Made by :meth:`open` or :meth:`from_array`; a context manager. Up to ten minutes lie in memory,
    more in a temporary file (230 MB for an hour and channel), so that memory does not grow with
    the recording. Times are those that a player shows: encoder delay is removed where the file
    declares it, a late start of the sound and holes in it are silence. Reads are thread-safe.

    Attributes:
        name: the file's name without folder and extension.
        n_samples: length of every channel.
        n_channels: 1 unless ``keep_channels`` was asked for.
        levels_db: how loud each channel is (`audio/level.py`).
        gain: what `hear` multiplies by.
    """

    def __init__(self, name: str, channels: list[Spool]) -> None:
        self.name = name
        self.n_channels = len(channels)
        self.n_samples = channels[0].n_samples
        self.levels_db = [channel.level_db for channel in channels]
        self.gain = usual_gain(self.levels_db)
        self._offsets = [np.float32(channel.offset) for channel in channels]
        self._channels = channels
        self._muted = [np.zeros((0, 2), np.int64) for _ in channels]
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
        """Decode `source` once: a path (never a URL), or a binary file, read from its beginning.

        Of several sound tracks the best is taken. That, what cannot be decoded and is left out,
        samples that are no finite number and become 0, and what a WAV holds behind its header's
        end are each told in a warning on the logger ``diarize``.

        Raises:
            AudioError: missing, unreadable, not media, without sound, damaged beyond use, longer
                than `max_duration_s`, or no room for the temporary file.
            TypeError: neither a path nor a file open in binary mode.
        """
        if not isinstance(source, str | os.PathLike):
            if not hasattr(source, "read") or isinstance(source, io.TextIOBase):
                raise TypeError(f"{source!r:.80} is neither a path nor a file open in binary mode")
            given = getattr(source, "name", None)
            path = Path(given) if isinstance(given, str) else None
            name, label = (path.stem, _label(path)) if path else ("recording", "the recording")
            blocks = decode(source, label, progress)
            return cls._take(blocks, name, label, keep_channels, max_duration_s)
        path = Path(source)
        label = _label(path)
        with _open_file(path, label) as file:
            blocks = decode(file, label, progress)
            return cls._take(blocks, path.stem, label, keep_channels, max_duration_s)

    @classmethod
    def from_array(
        cls,
        array: npt.ArrayLike,
        sample_rate_hz: int,
        *,
        keep_channels: bool = False,
        name: str = "recording",
    ) -> Recording:
        """Take a copy of samples that are in memory already.

        Args:
            array: 1-D, or 2-D with the longer axis as time (``(channels, samples)`` when both are
                equal); uint8, int16, int32 or float, floats with full scale at ±1.
            sample_rate_hz: 1,000 to 1,000,000.

        Raises:
            AudioError: another shape or type, or an impossible rate.
        """
        samples = np.asarray(array)
        if samples.ndim not in (1, 2):
            raise AudioError(f"the array has {samples.ndim} axes: give 1 (samples) or 2 (channels)")
        samples = np.atleast_2d(samples)
        if samples.shape[0] > samples.shape[1]:
            samples = samples.T
        return cls._take(
            _array_blocks(samples, sample_rate_hz), name, "the array", keep_channels, MAX_DURATION_S
        )

    @classmethod
    def _take(
        cls,
        blocks: Iterable[Block],
        name: str,
        label: str,
        keep_channels: bool,
        max_duration_s: float,
    ) -> Recording:
        intake = Intake(label, keep_channels=keep_channels, max_duration_s=max_duration_s)
        try:
            for block, rate_hz in blocks:
                intake.add(block, rate_hz)
            return cls(name, intake.finish())
        except BaseException:  # a cancelling progress hook too must leave no temporary file
            intake.close()
            raise

    @property
    def duration_s(self) -> float:
        return self.n_samples / SAMPLE_RATE_HZ

    def read(self, start: int, stop: int, channel: int = 0) -> Float32:
        """A copy of samples `start` to `stop`: float32, shape ``(stop - start,)``.

        What lies outside ``[0, n_samples)`` is 0, so that windows may reach over both ends.

        Raises:
            ValueError: `stop` before `start`, or the recording is closed.
            IndexError: there is no such channel.
        """
        if self._closed:
            raise ValueError(f"recording {self.name!r} is closed")
        if stop < start:
            raise ValueError(f"samples {start} to {stop} run backwards")
        if not 0 <= channel < self.n_channels:
            raise IndexError(f"channel {channel} of {self.n_channels}")
        out = np.zeros(stop - start, dtype=np.float32)
        first, last = max(start, 0), min(stop, self.n_samples)
        if first < last:
            self._channels[channel].read_into(out[first - start : last - start], first)
        return out

    def hear(self, start: int, stop: int, channel: int = 0) -> Float32:
        """What `read` gives, at the level at which networks know speech and without a constant
        offset (`audio/level.py`), nor what is muted."""
        samples = self.read(start, stop, channel)
        if self._offsets[channel]:
            samples[max(-start, 0) : max(self.n_samples - start, 0)] -= self._offsets[channel]
        samples *= np.float32(self.gain)
        muted = self._muted[channel]
        first = np.searchsorted(muted[:, 1], start, side="right")
        last = np.searchsorted(muted[:, 0], stop)
        for low, high in muted[first:last].tolist():
            samples[max(low - start, 0) : high - start] = 0
        return samples

    def mute(self, channel: int, regions: Int64) -> None:
        """Let nothing be heard in some regions of a channel, and all in the others.

        Args:
            regions: sorted, disjoint (start, end) in samples, shape (regions, 2).
        """
        self._muted[channel] = regions

    def close(self) -> None:
        """Give memory and temporary files back; reading is over."""
        self._closed = True
        for channel in self._channels:
            channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _label(path: Path) -> str:
    """The path for a message: newlines and undecodable bytes are escaped, so it stays one line."""
    return repr(str(path))


def _open_file(path: Path, label: str) -> BinaryIO:
    """Open a regular file; anything else might block, or never end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "a pipe or device"
            raise AudioError(f"{label} is {kind}, not a file: name a recording")
        return path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise AudioError(
            f"{label} does not exist: check the name (an address must be downloaded first)"
        ) from error
    except PermissionError as error:
        raise AudioError(f"{label} may not be read: change its permissions (chmod +r)") from error
    except (OSError, ValueError) as error:  # name too long, null byte, loop of links …
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{label} cannot be opened ({reason}): check the name") from error


def _array_blocks(samples: npt.NDArray[np.generic], sample_rate_hz: int) -> Iterable[Block]:
    n_channels, n_samples = samples.shape
    step = max(1, BLOCK_VALUES // max(1, n_channels))
    for start in range(0, n_samples if n_channels else 0, step):
        try:
            block = as_float(samples[:, start : start + step])
        except TypeError as error:
            raise AudioError(
                f"the array holds {error}: give uint8, int16, int32 or float (full scale at ±1)"
            ) from error
        yield block, int(sample_rate_hz)

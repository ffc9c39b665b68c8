"""Where decoded samples wait: short recordings in memory, longer ones in a temporary file."""

from __future__ import annotations

import os
import tempfile
from typing import IO

import numpy as np

from diarize.audio.level import LevelMeter
from diarize.errors import AudioError
from diarize.records import Float32

_SAMPLE_BYTES = 4


class Spool:
    """One channel of float32 samples: appended in order, then read from anywhere.

    Up to `memory_samples` stay in memory. Beyond that all of them lie in an unlinked temporary
    file (``TMPDIR`` says where) that vanishes with its descriptor. It is read with ``os.pread``,
    which shares no file position between threads and forks, and not mapped, because mapped pages
    count as memory of the process.
    """

    def __init__(self, label: str, memory_samples: int) -> None:
        self._label = label
        self._memory_samples = memory_samples
        self._blocks: list[Float32] = []
        self._file: IO[bytes] | None = None
        self._meter = LevelMeter()
        self.n_samples = 0

    @property
    def level_db(self) -> float:
        """How loud it is so far: `LevelMeter.level_db`."""
        return self._meter.level_db()

    @property
    def offset(self) -> float:
        """What is to be subtracted from it: `LevelMeter.offset`."""
        return self._meter.offset()

    def append(self, samples: Float32) -> None:
        """Add `samples` (1-D) at the end; they are kept as they are, so hand over a fresh array.

        Raises:
            AudioError: no room left for the temporary file.
        """
        self._meter.add(samples)
        self._blocks.append(samples)
        self.n_samples += len(samples)
        if self._file is not None or self.n_samples > self._memory_samples:
            self._to_file()

    def _to_file(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close()
            for block in self._blocks:
                remaining = np.ascontiguousarray(block).data.cast("B")
                while remaining:
                    remaining = remaining[self._file.write(remaining) :]
        except OSError as error:
            raise AudioError(
                f"{self._label} finds no room in the temporary directory ({error.strerror}): "
                "free space, or let TMPDIR name a directory that has some"
            ) from error
        self._blocks = []

    def seal(self) -> None:
        """End of writing: what is in memory becomes one array."""
        if self._file is None:
            self._blocks = [np.concatenate([np.zeros(0, np.float32), *self._blocks])]

    def read_into(self, out: Float32, start: int) -> None:
        """Fill `out` with the samples from `start` on; all of them must exist."""
        if self._file is None:
            out[:] = self._blocks[0][start : start + len(out)]
            return
        view = out.data.cast("B")
        position = start * _SAMPLE_BYTES
        while view:
            data = os.pread(self._file.fileno(), len(view), position)
            if not data:
                raise AudioError(f"the temporary file of {self._label} was cut short: start again")
            view[: len(data)] = data
            view, position = view[len(data) :], position + len(data)

    def close(self) -> None:
        """Give memory and disk back."""
        self._blocks = []
        if self._file is not None:
            self._file.close()

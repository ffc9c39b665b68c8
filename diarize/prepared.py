"""The one small record between what is local (audio, windows, embeddings) and what is global.

Everything before it runs block by block, anywhere; everything after it needs the whole recording
but no audio, so other hints or another clustering cost no second inference. Four hours of meeting
make about 25 MB.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from diarize.errors import FormatError
from diarize.records import Bool, Float32, UInt8

VERSION = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the networks found in one channel.

    Attributes:
        n_samples: length of the channel at 16 kHz.
        speech: Silero's speech probability per 512 samples × 255, shape (hops,).
        activity: each local speaker's probability of being active × 255,
            shape (windows, 589 frames, 3 local speakers).
        embeddings: voice of each local speaker, pooled over the frames where it is active alone,
            shape (windows, 3, 256), not normalised; zeros where it never is.
    """

    n_samples: int
    speech: UInt8
    activity: UInt8
    embeddings: Float32

    @property
    def speech_probability(self) -> Float32:
        """Silero's speech probability per hop, 0–1, shape (hops,)."""
        return self.speech.astype(np.float32) / np.float32(255)

    @property
    def active(self) -> Bool:
        """Where each local speaker is active, shape (windows, 589, 3)."""
        return self.activity > 127


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recording as the global stages see it; `channels` holds one entry for a mono mix."""

    name: str
    channels: tuple[Evidence, ...]

    @property
    def n_samples(self) -> int:
        return max(channel.n_samples for channel in self.channels)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to one `.npz` file."""
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "version": np.array(VERSION),
            "name": np.array(self.name),
        }
        for i, channel in enumerate(self.channels):
            arrays[f"{i}.n_samples"] = np.array(channel.n_samples)
            arrays[f"{i}.speech"] = channel.speech
            arrays[f"{i}.activity"] = channel.activity
            arrays[f"{i}.embeddings"] = channel.embeddings
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Prepared:
        """Read what `save` wrote.

        Raises:
            FormatError: the file is not such a record, or of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                version = int(file["version"])
                if version != VERSION:
                    raise FormatError(
                        f"{path}: prepared record of version {version}, this program reads "
                        f"{VERSION}: prepare the recording again"
                    )
                count = sum(key.endswith(".n_samples") for key in file.files)
                channels = tuple(
                    Evidence(
                        n_samples=int(file[f"{i}.n_samples"]),
                        speech=file[f"{i}.speech"],
                        activity=file[f"{i}.activity"],
                        embeddings=file[f"{i}.embeddings"],
                    )
                    for i in range(count)
                )
                return cls(str(file["name"]), channels)
        except (KeyError, ValueError, BadZipFile, EOFError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(f"{path}: no prepared record: prepare the recording again") from error

"""The one small record between what is local (audio, windows, embeddings) and what is global.

Everything before it runs block by block, anywhere; everything after it needs the whole recording
but no audio, so other hints or another clustering cost no second inference. An hour of meeting
makes about 10 MB, saved or not.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from diarize.embedding import DIMENSION
from diarize.errors import FormatError
from diarize.records import Bool, Float32, Int32, UInt8
from diarize.segmentation import LOCAL_SPEAKERS, WINDOW_FRAMES, n_windows
from diarize.vad import HOP_SAMPLES

VERSION = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the networks found in one channel.

    Attributes:
        n_samples: length of the channel at 16 kHz.
        speech: Silero's speech probability per 512 samples × 255, shape (hops,).
        activity: each local speaker's probability of being active × 255, 0 where there is no
            speech (`segmentation.silenced`), shape (windows, 589 frames, 3 local speakers).
        embeddings: voice of each local speaker, pooled over the frames where it is active alone,
            shape (windows, 3, 256), not normalised; zeros where it never is.
            Of narrow-band sound, as wide-band sound would have it (`bandwidth.NarrowBand`).
        stretches: what a local speaker can be taken apart into (`segmentation.stretches`):
            window, local speaker, first frame, last + 1; shape (stretches, 4), sorted.
        stretch_embeddings: voice of each stretch, shape (stretches, 256), not normalised.
    """

    n_samples: int
    speech: UInt8
    activity: UInt8
    embeddings: Float32
    stretches: Int32
    stretch_embeddings: Float32

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
        """Write to one `.npz` file, whole or not at all; its folder is made where it lacks.

        Raises:
            DiarizeError: the file cannot be written; names it and the reason.
        """
        from diarize.formats.files import written_whole  # with all formats: only when it is needed

        arrays: dict[str, npt.NDArray[np.generic]] = {
            "version": np.array(VERSION),
            "name": np.array(self.name),
            "channels": np.array(len(self.channels)),
        }
        for i, channel in enumerate(self.channels):
            arrays[f"{i}.n_samples"] = np.array(channel.n_samples)
            arrays[f"{i}.speech"] = channel.speech
            arrays[f"{i}.activity"] = channel.activity
            arrays[f"{i}.embeddings"] = channel.embeddings
            arrays[f"{i}.stretches"] = channel.stretches
            arrays[f"{i}.stretch_embeddings"] = channel.stretch_embeddings
        with written_whole(Path(path)) as temporary, temporary.open("xb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Prepared:
        """Read what `save` wrote.

        Raises:
            FormatError: the file is not such a record, or of another version.
        """
        try:
            with open(path, "rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as arrays:
                return _prepared(dict(arrays))
        except OSError as error:
            raise FormatError(f"{path}: cannot be read ({error.strerror or error})") from error
        except (
            BadZipFile,
            EOFError,
            KeyError,
            MemoryError,
            OverflowError,
            RuntimeError,
            TokenError,
            TypeError,
            ValueError,
            zlib.error,
        ) as error:
            reason = f" ({error})" if isinstance(error, FormatError) else ""
            raise FormatError(
                f"{path}: no prepared record{reason}: prepare the recording again"
            ) from error


def _prepared(arrays: Mapping[str, npt.NDArray[np.generic]]) -> Prepared:
    version = int(arrays["version"])
    if version != VERSION:
        raise FormatError(f"it has version {version}, this program reads {VERSION}")
    count = int(arrays["channels"])
    channels = tuple(
        Evidence(
            n_samples=int(arrays[f"{i}.n_samples"]),
            speech=arrays[f"{i}.speech"].astype(np.uint8, casting="equiv"),
            activity=arrays[f"{i}.activity"].astype(np.uint8, casting="equiv"),
            embeddings=arrays[f"{i}.embeddings"].astype(np.float32, casting="equiv"),
            stretches=arrays[f"{i}.stretches"].astype(np.int32, casting="equiv"),
            stretch_embeddings=arrays[f"{i}.stretch_embeddings"].astype(
                np.float32, casting="equiv"
            ),
        )
        for i in range(count)
    )
    for channel in channels:
        _check(channel)
    if not channels:
        raise FormatError("it holds no channel")
    return Prepared(str(arrays["name"]), channels)


def _check(channel: Evidence) -> None:
    windows = n_windows(channel.n_samples)
    if (
        channel.n_samples < 0
        or channel.speech.shape != (-(-channel.n_samples // HOP_SAMPLES),)
        or channel.activity.shape != (windows, WINDOW_FRAMES, LOCAL_SPEAKERS)
        or channel.embeddings.shape != (windows, LOCAL_SPEAKERS, DIMENSION)
    ):
        raise FormatError("its windows are not those of this program")
    n = len(channel.stretches)
    if channel.stretches.shape != (n, 4) or channel.stretch_embeddings.shape != (n, DIMENSION):
        raise FormatError("its stretches are not those of this program")
    window, speaker, first, last = channel.stretches.T
    if (
        (channel.stretches < 0).any()
        or (window >= windows).any()
        or (speaker >= LOCAL_SPEAKERS).any()
        or (first >= last).any()
        or (last > WINDOW_FRAMES).any()
    ):
        raise FormatError("its stretches lie outside its windows")
    if not (
        np.isfinite(channel.embeddings).all() and np.isfinite(channel.stretch_embeddings).all()
    ):
        raise FormatError("its embeddings are no numbers")

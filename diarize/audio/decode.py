"""Media files → blocks of samples, through ffmpeg's libraries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt

from diarize.audio.intake import as_float
from diarize.errors import AudioError
from diarize.records import ProgressHook

logger = logging.getLogger("diarize")

CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dss,dts,eac3,flac,flv,gsm,latm,loas,"
    "matroska,mov,mp3,mp4,mpc,mpc8,mpeg,mpegts,mxf,nistsphere,nut,oma,ogg,qoa,rm,sox,tak,truehd,"
    "tta,voc,w64,wav,webm,wtv,wv,xwma"
)
"""Real media only: playlists (hls, concat, dash), pictures, subtitles and raw data never open."""

BLOCK_VALUES = 1 << 18
"""Samples × channels gathered before they are handed on."""


def decode(
    file: BinaryIO, label: str, progress: ProgressHook | None
) -> Iterator[tuple[npt.NDArray[np.floating], int]]:
    """Yield (block of shape (channels, samples), rate in Hz) from the best sound track."""
    try:
        container = av.open(
            file,  # never a name: ffmpeg gets bytes, and cannot reach files or addresses by itself
            container_options={"format_whitelist": CONTAINERS, "protocol_whitelist": "none"},
            buffer_size=1 << 18,
        )
    except av.error.FFmpegError as error:
        raise AudioError(f"{label} is not an audio or video file that can be read") from error
    with container:
        stream = container.streams.best("audio")
        if stream is None:
            raise AudioError(f"{label} holds no sound: choose a recording with an audio track")
        pending: list[npt.NDArray[np.generic]] = []
        n_values = 0
        rate = 0
        for frame in container.decode(stream):
            samples = frame.to_ndarray()
            if not frame.format.is_planar:
                samples = samples.reshape(-1, frame.layout.nb_channels).T
            if frame.sample_rate != rate and pending:
                yield as_float(np.concatenate(pending, axis=1)), rate
                pending, n_values = [], 0
            rate = frame.sample_rate
            pending.append(samples)
            n_values += samples.size
            if n_values >= BLOCK_VALUES:
                yield as_float(np.concatenate(pending, axis=1)), rate
                pending, n_values = [], 0
        if pending:
            yield as_float(np.concatenate(pending, axis=1)), rate

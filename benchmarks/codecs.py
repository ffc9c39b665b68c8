"""Sound as a telephone carries it: through the codecs of lines, mobiles and the internet."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import av
import numpy as np

from diarize.audio import Recording
from diarize.records import SAMPLE_RATE_HZ, Float32


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder of FFmpeg's, the container it is kept in, and how many bits a second it may take
    (0: as many as it does)."""

    encoder: str
    container: str
    bit_rate: int
    sample_format: str = "s16"


RATE_HZ = 8000

CODECS = {
    "mu-law": Codec("pcm_mulaw", "wav", 0),
    "g726-24k": Codec("g726", "wav", 24_000),
    "g723-6k": Codec("g723_1", "wav", 6_300),
    "amr-12k": Codec("libopencore_amrnb", "amr", 12_200),
    "amr-5k": Codec("libopencore_amrnb", "amr", 4_750),
    "opus-8k": Codec("libopus", "ogg", 8_000),
    "mp3-16k": Codec("libmp3lame", "mp3", 16_000, "s16p"),
}


def by_telephone(samples: Float32, name: str) -> bytes:
    """A file of 16 kHz samples at 8 kHz, encoded by one of CODECS."""
    codec = CODECS[name]
    file = BytesIO()
    with av.open(file, "w", format=codec.container) as container:
        stream = container.add_stream(codec.encoder, rate=RATE_HZ, layout="mono")
        stream.format = codec.sample_format
        if codec.bit_rate:
            stream.bit_rate = codec.bit_rate
        given = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(given[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        narrowed = av.AudioResampler(codec.sample_format, "mono", RATE_HZ)
        stream.codec_context.open()
        waiting = av.AudioFifo()
        for part in [*narrowed.resample(frame), *narrowed.resample(None)]:
            part.pts = None
            waiting.write(part)
        for part in waiting.read_many(stream.codec_context.frame_size or RATE_HZ, partial=True):
            part.pts = None
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


def heard_by_telephone(samples: Float32, name: str) -> Float32:
    """What comes out at the other end, at 16 kHz again."""
    with Recording.open(BytesIO(by_telephone(samples, name))) as recording:
        return recording.read(0, recording.n_samples)

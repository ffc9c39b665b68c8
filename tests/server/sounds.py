"""Recordings for the tests, all made from the sample or computed."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import av
import numpy as np
import soundfile

SAMPLE = Path(__file__).parent.parent / "data" / "sample.wav"
RATE_HZ = 16_000
Span = tuple[float, float]

DIANE: tuple[Span, ...] = ((11.1, 14.2), (18.7, 21.4))
SHEILA: tuple[Span, ...] = ((21.8, 27.0),)
"""Where each of them speaks alone, by tests/data/sample.stm."""

DIALOGUE: Span = (18.7, 25.8)
"""Seven seconds: Diane, then Sheila."""


def wav(samples: np.ndarray, rate_hz: int = RATE_HZ) -> bytes:
    """16-bit PCM."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def spoken(*spans: Span, speed: float = 1.0) -> bytes:
    """Stretches of the sample (seconds); played at another speed they are another voice."""
    samples, rate_hz = soundfile.read(SAMPLE, dtype="float32")
    parts = [samples[round(a * rate_hz) : round(b * rate_hz)] for a, b in spans]
    return wav(np.concatenate(parts), round(rate_hz * speed))


def call() -> bytes:
    """Diane on the left, 0 to 5.8 s, and Sheila on the right, 3.3 to 8.5 s."""
    samples, rate_hz = soundfile.read(SAMPLE, dtype="float32")
    sides = np.zeros((round(8.5 * rate_hz), 2), np.float32)
    for side, (begin, spans) in enumerate(((0.0, DIANE), (3.3, SHEILA))):
        said = np.concatenate([samples[round(a * rate_hz) : round(b * rate_hz)] for a, b in spans])
        first = round(begin * rate_hz)
        sides[first : first + len(said), side] = said[: len(sides) - first]
    return wav(sides, rate_hz)


def silence(seconds: float) -> bytes:
    return wav(np.zeros(round(seconds * RATE_HZ), np.float32))


def noise(seconds: float) -> bytes:
    samples = np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE_HZ))
    return wav(samples.astype(np.float32))


def video(container: str = "mp4") -> bytes:
    """A second of pictures without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        pictures = out.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 32
        pictures.pix_fmt = "yuv420p"
        for _ in range(10):
            frame = av.VideoFrame(32, 32, "yuv420p")
            out.mux(pictures.encode(frame))
        out.mux(pictures.encode(None))
    return file.getvalue()


def encoded(content: bytes, container: str, codec: str, rate_hz: int = RATE_HZ) -> bytes:
    """A recording in another container and codec."""
    file = io.BytesIO()
    with av.open(io.BytesIO(content)) as source, av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate_hz)
        stream.layout = "mono"
        for frame in source.decode(audio=0):
            frame.pts = None
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def text(content: bytes) -> str:
    """Base64."""
    return base64.b64encode(content).decode()


def data_url(content: bytes) -> str:
    return f"data:audio/wav;base64,{text(content)}"

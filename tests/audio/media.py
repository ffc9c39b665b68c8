"""Media files for tests, made on the spot, with clicks at known times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from diarize.audio import Recording
from diarize.records import Float32

SAMPLE = Path(__file__).parent.parent / "data" / "sample.wav"
CLICKS_S = (1.0, 2.5)


def clicks(rate_hz: int, n_channels: int = 1) -> Float32:
    """Four seconds of (channels, samples): 4 ms bursts at CLICKS_S, each channel louder."""
    samples = np.zeros((n_channels, 4 * rate_hz), np.float32)
    burst = np.sin(2 * np.pi * 1000 * np.arange(rate_hz // 250) / rate_hz)
    levels = 0.2 + 0.05 * np.arange(n_channels)
    for at_s in CLICKS_S:
        start = round(at_s * rate_hz)
        samples[:, start : start + len(burst)] = levels[:, None] * burst
    return samples


def encode(
    path: Path,
    codec: str,
    samples: Float32,
    rate_hz: int,
    layout: str = "mono",
    start_s: float = 0.0,
    hole_s: tuple[float, float] = (0.0, 0.0),
) -> Path:
    """Write (channels, samples) by PyAV, from `start_s` on, leaving out packets within `hole_s`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        context = stream.codec_context
        context.open()
        resampler = av.AudioResampler(context.format, layout, rate_hz)
        step = context.frame_size or 1024
        for begin in range(0, samples.shape[1], step):
            packed = np.ascontiguousarray(samples[:, begin : begin + step].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
            frame.sample_rate = rate_hz
            frame.time_base = Fraction(1, rate_hz)
            frame.pts = begin + round(start_s * rate_hz)
            if hole_s[0] <= begin / rate_hz < hole_s[1]:
                continue
            for converted in resampler.resample(frame):
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return path


def late_sound(path: Path, codec: str, start_s: float, film_s: int = 1) -> Path:
    """A video that begins at 0, with four seconds of sound from `start_s` on."""
    samples = clicks(48_000)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream(codec, rate=48_000, layout="mono")
        for _ in range(25 * film_s):
            container.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="mono")
        frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
        frame.pts = round(start_s * 48_000)
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def heard_s(recording: Recording, channel: int = 0) -> list[float]:
    """Where the bursts begin."""
    loud = np.abs(recording.read(0, recording.n_samples, channel))
    middle = round((CLICKS_S[0] + CLICKS_S[1]) / 2 * 16_000) + recording.n_samples - 64_000
    first = np.argmax(loud[:middle] > 0.4 * loud[:middle].max())
    second = middle + np.argmax(loud[middle:] > 0.4 * loud[middle:].max())
    return [first / 16_000, second / 16_000]

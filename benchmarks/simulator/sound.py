"""What happens to a voice on its way: colour, a room, a line, noise.

Everything works on float32 arrays at 16 kHz and takes its randomness from the caller's generator,
in a fixed order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, oaconvolve, resample_poly, sosfilt

from benchmarks.simulator.voices import RATE_HZ, Float32, read_clip

PHONE_HZ = 8_000
PHONE_BAND_HZ = (300.0, 3400.0)
MU = 255.0


def tilt(audio: Float32, db_per_octave: float) -> Float32:
    """Tilt the spectrum around 1 kHz, held constant below 125 Hz and above 8 kHz."""
    spectrum = np.fft.rfft(audio)
    hz = np.fft.rfftfreq(len(audio), 1 / RATE_HZ)
    octaves = np.log2(np.clip(hz, 125, 8000) / 1000)
    shaped = spectrum * 10 ** (db_per_octave * octaves / 20)
    return np.asarray(np.fft.irfft(shaped, len(audio)), dtype=np.float32)


# ------------------------------------------------------------------------------ rooms

PLACES = 3
"""Where a speaker's mouth is at one time or another."""


@dataclass(frozen=True, slots=True)
class Room:
    """Impulse responses by speaker: `responses[speaker][place]`, each starting at the direct sound.

    A speaker has several places a hand's breadth apart, for nobody holds still.
    """

    responses: tuple[tuple[Float32, ...], ...]


def make_room(speakers: int, distance: str, rt60_s: float, rng: np.random.Generator) -> Room:
    """A shoebox room with every speaker at a place of their own (pyroomacoustics, image method).

    `distance` is "near" (one microphone on the table, 0.4–1.2 m from each) or "far" (1.5–4 m).
    The direct sound is scaled to 1 and taken to time 0, so truth stays where speech was placed;
    levels by distance are kept relative to the nearest speaker, at most 12 dB.
    """
    import pyroomacoustics

    size = np.array([rng.uniform(4.5, 9), rng.uniform(4, 7), rng.uniform(2.5, 3.5)])
    absorption, order = pyroomacoustics.inverse_sabine(rt60_s, size)
    microphone = size * np.array([0.5, 0.5, 0.0]) + rng.normal(0, 0.2, 3) * [1, 1, 0] + [0, 0, 0.9]
    reach = (0.4, 1.2) if distance == "near" else (1.5, 4.0)
    angles = 2 * np.pi * (np.arange(speakers) + rng.uniform(-0.3, 0.3, speakers)) / speakers
    room = pyroomacoustics.ShoeBox(
        size, fs=RATE_HZ, materials=pyroomacoustics.Material(absorption), max_order=min(order, 12)
    )
    far_m = []
    for angle in angles:
        metres = float(rng.uniform(*reach))
        far_m.append(metres)
        for _ in range(PLACES):
            spot = microphone + metres * np.array([np.cos(angle), np.sin(angle), 0])
            spot[2] = rng.uniform(1.1, 1.4)
            spot[:2] += rng.normal(0, 0.08, 2)
            room.add_source(np.clip(spot, 0.2, size - 0.2))
    room.add_microphone(microphone)
    room.compute_rir()
    return Room(_normalised([np.asarray(r) for r in room.rir[0]], far_m))


def _normalised(
    raw: list[npt.NDArray[np.float64]], far_m: list[float]
) -> tuple[tuple[Float32, ...], ...]:
    nearest = min(far_m)
    responses = []
    for who, metres in enumerate(far_m):
        level = 10 ** (max(20 * np.log10(nearest / metres), -12.0) / 20)
        mine = []
        for response in raw[who * PLACES : (who + 1) * PLACES]:
            direct = int(np.argmax(np.abs(response)))
            shaped = response[max(direct - 16, 0) :] / np.abs(response[direct])
            mine.append(np.asarray(shaped * level, dtype=np.float32))
        responses.append(tuple(mine))
    return tuple(responses)


def in_room(audio: Float32, response: Float32) -> Float32:
    """`audio` as heard through `response`; longer by its tail."""
    return np.asarray(oaconvolve(audio, response), dtype=np.float32)


# ------------------------------------------------------------------------------ lines and noise


def through_telephone(audio: Float32) -> Float32:
    """300–3400 Hz, 8 kHz, G.711 mu-law, and back to 16 kHz. Shape kept."""
    heard = mu_law(telephone_band(audio))
    wide = resample_poly(heard, RATE_HZ // PHONE_HZ, 1).astype(np.float32)
    return np.asarray(wide[: len(audio)], dtype=np.float32)


def telephone_band(audio: Float32) -> Float32:
    """What a telephone lets through, at 8 kHz."""
    narrow = resample_poly(audio, 1, RATE_HZ // PHONE_HZ).astype(np.float32)
    band = butter(4, PHONE_BAND_HZ, btype="bandpass", fs=PHONE_HZ, output="sos")
    return np.asarray(sosfilt(band, narrow), dtype=np.float32)


def mu_law(audio: Float32) -> Float32:
    """Samples as they come back from 8-bit mu-law (ITU-T G.711, continuous form)."""
    clipped = np.clip(audio, -1, 1)
    squeezed = np.sign(clipped) * np.log1p(MU * np.abs(clipped)) / np.log1p(MU)
    steps = np.round((squeezed + 1) / 2 * MU) / MU * 2 - 1
    opened = np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(MU)) / MU
    return np.asarray(opened, dtype=np.float32)


def room_tone(samples: int, rng: np.random.Generator) -> Float32:
    """Noise that falls by 6 dB per octave above 100 Hz, RMS 1: a quiet room, a cheap amplifier."""
    white = rng.standard_normal(samples, dtype=np.float32)
    low = butter(1, 400, btype="lowpass", fs=RATE_HZ, output="sos")
    shaped = np.asarray(sosfilt(low, white), dtype=np.float32) + np.float32(0.05) * white
    rms = np.sqrt(np.mean(shaped**2))
    return np.asarray(shaped / rms, dtype=np.float32)


def background(paths: Sequence[Path], samples: int, rng: np.random.Generator) -> Float32:
    """One of the recordings in `paths`, repeated with cross-fades of 0.5 s to `samples`, RMS 1."""
    clip = read_clip(paths[int(rng.integers(len(paths)))])
    fade = RATE_HZ // 2
    if len(clip) < 4 * fade:
        clip = np.tile(clip, 4 * fade // len(clip) + 1)
    ramp = np.sqrt(np.linspace(0, 1, fade, dtype=np.float32))
    looped = clip[fade:].copy()
    looped[-fade:] = looped[-fade:] * ramp[::-1] + clip[:fade] * ramp
    start = int(rng.integers(len(looped)))
    out = np.tile(np.roll(looped, -start), samples // len(looped) + 1)[:samples]
    return out / np.float32(max(np.sqrt(np.mean(out**2)), 1e-6))

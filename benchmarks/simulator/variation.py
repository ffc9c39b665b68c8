"""The same phrase said again, a little differently.

A speaker is known here by seconds of one recording, so a conversation repeats them; an unchanged
repetition would be nearly the same vector to a speaker network (cosine 0.97, ResNet34 on 3 s),
which no second utterance of a real person ever is: within one speaker of one recording the medians
measured are 0.60 (VoxConverse), 0.63 (council meetings), 0.65 (AMI). The amounts below bring two
uses of one phrase to 0.69 and different phrases to 0.61, and leave different speakers as far apart
as they were (0.08). Slow changes of the channel do nothing, as networks subtract the mean spectrum:
what counts is change within the phrase.
"""

from __future__ import annotations

import av
import numpy as np
from scipy.signal import istft, resample_poly, stft

from benchmarks.simulator.sound import tilt
from benchmarks.simulator.voices import RATE_HZ, Float32, Phrase, PlacedWord

RATE_SD = 0.03
"""Pitch and formants together, one value a phrase."""
BEND_SD = 0.08
BEND_KNOT_S = 0.25
COLOUR_SD_DB = 8.0
COLOUR_KNOT_S = 0.12
COLOUR_BANDS = 10
WINDOW = 512


def vary(phrase: Phrase, rng: np.random.Generator, amount: float = 1.0) -> Phrase:
    """The phrase in another mood. Where its speech and words lie moves along exactly.

    Scaled by `amount`: level (sd 1.5 dB), tilt of the spectrum (sd 1 dB per octave), tempo (±5 %,
    pitch kept), rate (sd 3 %, pitch moves along), intonation (sd 8 % every 0.25 s) and colour
    (gains of ten bands, sd 8 dB every 0.12 s).
    """
    if amount == 0:
        return phrase
    gain_db = float(np.clip(rng.normal(0, 1.5 * amount), -4, 4))
    tilt_db = float(np.clip(rng.normal(0, 1.0 * amount), -3, 3))
    tempo = 1 + float(rng.uniform(-0.05, 0.05)) * amount
    audio, places = bend(phrase.audio, rng, amount)
    audio = tilt(colour(stretch(audio, tempo), rng, COLOUR_SD_DB * amount), tilt_db)
    audio = audio * np.float32(10 ** (gain_db / 20))

    def moved(at: float) -> float:
        return float(np.interp(at, places, np.arange(len(places)))) / tempo

    lead = round(moved(phrase.lead))
    end = min(round(moved(phrase.lead + phrase.length)), len(audio))
    words = tuple(
        PlacedWord(w.text, moved(phrase.lead + w.start) - lead, moved(phrase.lead + w.end) - lead)
        for w in phrase.words
    )
    return Phrase(audio, lead, end - lead, phrase.text, words)


def bend(
    audio: Float32, rng: np.random.Generator, amount: float
) -> tuple[Float32, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Play `audio` at a rate that wanders. Also where each new sample lay in the old ones."""
    rate = 1 + float(np.clip(rng.normal(0, RATE_SD), -2 * RATE_SD, 2 * RATE_SD)) * amount
    samples = max(round(len(audio) / rate), 2)
    knots = max(int(samples / RATE_HZ / BEND_KNOT_S), 2) + 1
    speed = 1 + np.clip(rng.normal(0, BEND_SD, knots), -2 * BEND_SD, 2 * BEND_SD) * amount
    steps = np.interp(np.arange(samples), np.linspace(0, samples - 1, knots), speed)
    places = np.cumsum(steps) - steps[0]
    places *= (len(audio) - 1) / places[-1]
    finer = resample_poly(audio, 2, 1)
    bent = np.interp(2 * places, np.arange(len(finer)), finer)
    return np.asarray(bent, dtype=np.float32), places


def colour(audio: Float32, rng: np.random.Generator, sd_db: float) -> Float32:
    """Gains that wander over time and frequency (normal, `sd_db`), interpolated between knots."""
    hz, at_s, spectrum = stft(audio, RATE_HZ, nperseg=min(WINDOW, len(audio)))
    octaves = np.log2(np.maximum(hz, 60))
    bands = np.linspace(octaves[0], octaves[-1], COLOUR_BANDS)
    knots_s = np.linspace(0, at_s[-1], max(int(at_s[-1] / COLOUR_KNOT_S), 2) + 1)
    gains_db = rng.normal(0, sd_db, (COLOUR_BANDS, len(knots_s)))
    by_hz = np.stack([np.interp(octaves, bands, column) for column in gains_db.T], axis=1)
    shaped_db = np.stack([np.interp(at_s, knots_s, row) for row in by_hz])
    _, back = istft(spectrum * 10 ** (shaped_db / 20), RATE_HZ, nperseg=min(WINDOW, len(audio)))
    out = np.zeros(len(audio), np.float32)
    out[: len(back)] = back[: len(audio)]
    return out


def stretch(audio: Float32, tempo: float) -> Float32:
    """`audio` at `tempo` times its speed, pitch kept (ffmpeg's atempo, a WSOLA)."""
    if abs(tempo - 1) < 1e-3:
        return audio
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=RATE_HZ, format="flt", layout="mono")
    change = graph.add("atempo", f"{tempo:.6f}")
    sink = graph.add("abuffersink")
    source.link_to(change)
    change.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(audio.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = RATE_HZ
    graph.push(frame)
    graph.push(None)
    pieces = []
    while True:
        try:
            pieces.append(graph.pull().to_ndarray().reshape(-1))
        except (av.EOFError, av.BlockingIOError):
            break
    out = np.zeros(round(len(audio) / tempo), np.float32)
    got = np.concatenate(pieces)[: len(out)] if pieces else out
    out[: len(got)] = got
    return out

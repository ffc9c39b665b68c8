"""The features each voice engine was trained on, from 16 kHz samples in ±1.

Each follows its authors' code to the rounding of float32: CAM++ Kaldi's filterbank (as in
3D-Speaker), ECAPA-TDNN speechbrain's, GE2E librosa's. models/export_engines.py checks them
against that code.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from diarize.filterbank import fbank
from diarize.records import Float32

HOP_SAMPLES = 160
WINDOW_SAMPLES = 400


def kaldi_fbank(samples: Float32) -> Float32:
    """Log mel filterbank with Kaldi's defaults and no dither, its mean taken off: (frames, 80)."""
    frames = fbank(samples, window="povey", full_scale=1.0)
    return np.asarray(frames - frames.mean(axis=0), np.float32)


def _power_spectrum(samples: Float32, window: Float32) -> Float32:
    """|STFT|² of frames centred on every hop, zeros beyond the ends: (frames, 201)."""
    padded = np.pad(samples, WINDOW_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]
    spectrum = np.fft.rfft(frames * window, axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


def _periodic_window(a0: float) -> Float32:
    """Generalised cosine window over a whole period: a0 is 0.54 for Hamming, 0.5 for Hann."""
    phase = 2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES
    return np.asarray(a0 - (1 - a0) * np.cos(phase), np.float32)


@cache
def _speechbrain_filters() -> Float32:
    """80 triangles on the HTK mel scale, both slopes as wide as the left band: (201, 80)."""
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 82)
    hz = 700 * (10 ** (mel / 2595) - 1)
    centre, band = hz[1:-1], np.diff(hz)[:-1]
    slope = (np.linspace(0, 8000, 201)[:, None] - centre) / band
    return np.asarray(np.maximum(0, np.minimum(slope + 1, 1 - slope)), np.float32)


def speechbrain_fbank(samples: Float32) -> Float32:
    """speechbrain's ``Fbank(n_mels=80)`` in dB, its mean over the clip taken off: (frames, 80)."""
    energy = _power_spectrum(samples, _periodic_window(0.54)) @ _speechbrain_filters()
    decibel = 10 * np.log10(np.maximum(energy, 1e-10))
    decibel = np.maximum(decibel, decibel.max() - 80)
    return np.asarray(decibel - decibel.mean(0), np.float32)


@cache
def _slaney_filters() -> Float32:
    """40 triangles of equal area on Slaney's mel scale (linear below 1 kHz): (201, 40)."""
    linear, step = 200 / 3, np.log(6.4) / 27
    mel = np.linspace(0, 15 + np.log(8) / step, 42)
    hz = np.where(mel < 15, mel * linear, 1000 * np.exp(step * (mel - 15)))
    frequency = np.linspace(0, 8000, 201)[:, None]
    rise = (frequency - hz[:-2]) / np.diff(hz)[:-1]
    fall = (hz[2:] - frequency) / np.diff(hz)[1:]
    return np.asarray(np.maximum(0, np.minimum(rise, fall)) * 2 / (hz[2:] - hz[:-2]), np.float32)


def slaney_mel(samples: Float32) -> Float32:
    """librosa's ``melspectrogram(n_fft=400, hop_length=160, n_mels=40)``, linear: (frames, 40)."""
    return np.asarray(_power_spectrum(samples, _periodic_window(0.5)) @ _slaney_filters())


def raise_volume(samples: Float32, target_dbfs: float = -30.0) -> Float32:
    """Resemblyzer's loudness rule: quiet speech is raised to the target, loud speech left."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    gain = 10 ** (target_dbfs / 20) / max(rms, 1e-9)
    return samples if gain <= 1 else np.asarray(samples * gain, np.float32)

"""What the voice network hears: log mel filter banks, Kaldi's recipe."""

from __future__ import annotations

from functools import cache

import kaldi_native_fbank as knf
import numpy as np
import numpy.typing as npt

from diarize.records import SAMPLE_RATE_HZ, Bool, Float32, Int64
from diarize.vad import HOP_SAMPLES

FBANK_HOP_SAMPLES = 160
FBANK_WINDOW_SAMPLES = 400
FFT_SAMPLES = 512
MEL_BINS = 80
PREEMPHASIS = np.float32(0.97)
"""Kaldi's."""
FLOOR = np.finfo(np.float32).eps
"""Kaldi's: the least energy that has a logarithm."""
NO_SOUND = float(np.log(FLOOR))
"""Kaldi's filter bank where all samples are equal, as past the end of a recording and in a muted
channel. Far below any noise: centred on a mean with such frames in it, a 3 s clip in a 10 s block
had a cosine of 0.02 with the same clip alone; without, 0.99."""
FRAMES_AT_ONCE = 256
"""What the processor's cache holds."""


def fbank(samples: Float32, window: str = "hamming", full_scale: float = 32768.0) -> Float32:
    """Log mel filter banks of 16 kHz samples in ±1, shape (frames, 80), Kaldi's recipe.

    Windows and mel filters are those of kaldi-native-fbank, and so are the values but for some
    1e-4; many frames are transformed at once, in a quarter of the time.

    Args:
        window: Kaldi's name of it.
        full_scale: what a sample of 1 is to the network.
    """
    if len(samples) < FBANK_WINDOW_SAMPLES:
        return np.zeros((0, MEL_BINS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(
        samples * np.float32(full_scale), FBANK_WINDOW_SAMPLES
    )[::FBANK_HOP_SAMPLES]
    shape, (bins, weights, starts) = _window(window), _mel_filters()
    energies = np.empty((len(frames), MEL_BINS), np.float32)
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        here = slice(first, first + FRAMES_AT_ONCE)
        powers = _powers(frames[here], shape)
        # Without a matrix product: few weights are not 0, and BLAS would keep threads spinning.
        energies[here] = np.add.reduceat(powers[:, bins] * weights, starts, axis=1)
    return np.log(np.maximum(energies, FLOOR))


def _powers(frames: Float32, window: Float32) -> Float32:
    """Power spectrum of frames without their mean, pre-emphasised, under a window."""
    level = frames - frames.mean(axis=1, keepdims=True)
    steps = level.copy()
    steps[:, 1:] -= PREEMPHASIS * level[:, :-1]
    steps[:, 0] -= PREEMPHASIS * level[:, 0]
    return _squared(np.fft.rfft(steps * window, FFT_SAMPLES, axis=1))


def _squared(spectrum: npt.NDArray[np.complexfloating]) -> Float32:
    """Squares of magnitudes, without the roots that `abs` would draw."""
    return np.asarray(np.square(spectrum.real) + np.square(spectrum.imag), np.float32)


def _options(window: str = "hamming") -> knf.FbankOptions:
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE_HZ
    options.frame_opts.window_type = window
    options.mel_opts.num_bins = MEL_BINS
    return options


@cache
def _window(name: str) -> Float32:
    """Kaldi's window of that name, shape (400,)."""
    return np.asarray(knf.FeatureWindowFunction(_options(name).frame_opts).window, np.float32)


@cache
def _mel_filters() -> tuple[Int64, Float32, Int64]:
    """Kaldi's mel filters, what is not 0 of them: the bin and the weight of each, filter by filter,
    and where each filter begins, shapes (weights,), (weights,), (80,)."""
    options = _options()
    filters = np.array(knf.MelBanks(options.mel_opts, options.frame_opts).get_matrix(), np.float32)
    which, bins = np.nonzero(filters)
    return bins, filters[which, bins], np.searchsorted(which, np.arange(MEL_BINS))


def hop_powers(samples: Float32) -> Float32:
    """Power spectrum of each hop of 512 samples (`vad.HOP_SAMPLES`), shape (hops, 257).

    Pre-emphasised, as filter banks are: speech falls off towards high frequencies.
    """
    steps = samples.copy()
    steps[1:] -= PREEMPHASIS * samples[:-1]
    steps = np.pad(steps, (0, -len(steps) % HOP_SAMPLES)).reshape(-1, HOP_SAMPLES)
    return _squared(np.fft.rfft(steps * np.hanning(HOP_SAMPLES).astype(np.float32)))


def centred(features: Float32, spoken: Bool | None = None, narrow: Bool | None = None) -> Float32:
    """Filter banks (frames, 80) without their mean, 0 where there is no sound; in place.

    Args:
        spoken: the frames whose mean it is, shape (frames,); all, if not given or none.
        narrow: which frames are narrow-band, shape (frames,): they have a mean of their own.
    """
    sound = features.max(axis=1, initial=NO_SOUND) >= NO_SOUND + 0.01
    narrow = np.zeros(len(features), bool) if narrow is None else narrow
    for alike in (sound & narrow, sound & ~narrow):
        said = alike if spoken is None else alike & spoken
        counted = said if said.any() else alike
        if counted.any():
            features[alike] -= features[counted].mean(axis=0)
    features[~sound] = 0
    return features

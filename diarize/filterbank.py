"""What the voice network hears: log mel filter banks, Kaldi's recipe."""

from __future__ import annotations

import kaldi_native_fbank as knf
import numpy as np

from diarize.records import SAMPLE_RATE_HZ, Bool, Float32
from diarize.vad import HOP_SAMPLES

FBANK_HOP_SAMPLES = 160
FBANK_WINDOW_SAMPLES = 400
MEL_BINS = 80
PREEMPHASIS = np.float32(0.97)
"""Kaldi's."""
NO_SOUND = float(np.log(np.finfo(np.float32).eps))
"""Kaldi's filter bank where all samples are equal, as past the end of a recording and in a muted
channel. Far below any noise: centred on a mean with such frames in it, a 3 s clip in a 10 s block
had a cosine of 0.02 with the same clip alone; without, 0.99."""


def fbank(samples: Float32, window: str = "hamming", full_scale: float = 32768.0) -> Float32:
    """Log mel filter banks of 16 kHz samples in ±1, shape (frames, 80), Kaldi's recipe.

    Args:
        window: Kaldi's name of it.
        full_scale: what a sample of 1 is to the network.
    """
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE_HZ
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = window
    options.mel_opts.num_bins = MEL_BINS
    online = knf.OnlineFbank(options)
    # A view: a list would be built first, for a third of the time of the whole.
    online.accept_waveform(SAMPLE_RATE_HZ, (samples * np.float32(full_scale)).data)
    online.input_finished()
    frames = [online.get_frame(i) for i in range(online.num_frames_ready)]
    return np.asarray(frames, np.float32).reshape(-1, MEL_BINS)


def hop_powers(samples: Float32) -> Float32:
    """Power spectrum of each hop of 512 samples (`vad.HOP_SAMPLES`), shape (hops, 257).

    Pre-emphasised, as filter banks are: speech falls off towards high frequencies.
    """
    steps = samples.copy()
    steps[1:] -= PREEMPHASIS * samples[:-1]
    steps = np.pad(steps, (0, -len(steps) % HOP_SAMPLES)).reshape(-1, HOP_SAMPLES)
    spectrum = np.fft.rfft(steps * np.hanning(HOP_SAMPLES).astype(np.float32))
    return np.asarray(np.square(np.abs(spectrum)), np.float32)


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

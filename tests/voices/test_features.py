"""Features as the engines' authors compute them: the numbers below are their code's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from diarize.voices.engines import checked, ge2e_windows
from diarize.voices.errors import VoiceError
from diarize.voices.features import kaldi_fbank, raise_volume, slaney_mel, speechbrain_fbank

TIME_S = np.arange(8000) / 16000
CHIRP = (0.3 * np.sin(2 * np.pi * (200 * TIME_S + 1500 * TIME_S**2)) * np.hanning(8000)).astype(
    np.float32
)


@pytest.mark.parametrize(
    ("features", "shape", "values", "tolerance"),
    [
        (  # torchaudio 2.11, compliance.kaldi.fbank(num_mel_bins=80, dither=0), mean taken off
            kaldi_fbank,
            (48, 80),
            {(0, 0): -2.837208, (10, 20): 4.299659, (25, 40): 0.472287},
            2e-3,
        ),
        (  # speechbrain 1.0.3, Fbank(n_mels=80), InputNormalization("sentence", std_norm=False)
            speechbrain_fbank,
            (51, 80),
            {(0, 0): -7.646622, (10, 20): -0.680759, (25, 40): 13.173988, (49, 79): -8.581111},
            2e-3,
        ),
        (  # librosa 0.11, feature.melspectrogram(n_fft=400, hop_length=160, n_mels=40)
            slaney_mel,
            (51, 40),
            {(1, 3): 1.674700e-4, (10, 8): 8.194558e-4, (25, 15): 6.311111e-5},
            1e-8,
        ),
    ],
)
def test_features_are_the_authors(
    features: Callable[[np.ndarray], np.ndarray],
    shape: tuple[int, int],
    values: dict[tuple[int, int], float],
    tolerance: float,
) -> None:
    found = features(CHIRP)
    assert found.shape == shape
    assert found.dtype == np.float32
    assert [found[at] for at in values] == pytest.approx(list(values.values()), abs=tolerance)


def test_volume_is_raised_never_lowered() -> None:
    quiet, loud = raise_volume(CHIRP / 100), raise_volume(CHIRP)
    assert np.sqrt(np.mean(quiet**2)) == pytest.approx(10 ** (-30 / 20), rel=1e-4)
    np.testing.assert_array_equal(loud, CHIRP)


@pytest.mark.parametrize(
    ("seconds", "windows"), [(0.5, 1), (1.6, 1), (2.0, 2), (2.2, 2), (10.0, 12)]
)
def test_ge2e_looks_through_windows(seconds: float, windows: int) -> None:
    samples = int(seconds * 16000)
    mel = np.zeros((samples // 160 + 200, 40), np.float32)
    assert ge2e_windows(mel, samples).shape == (windows, 160, 40)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(0), np.zeros(1000), np.zeros((2, 16000)), np.full(16000, np.nan)],
    ids=["nothing", "too short", "two channels", "NaN"],
)
def test_what_holds_no_voice_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(VoiceError):
        checked(samples)

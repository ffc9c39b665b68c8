"""Voice engines: networks that turn a voice into a vector, each with its own features.

The default, WeSpeaker ResNet34-LM, is on board and lives in :mod:`diarize.embedding`. The others
are for people who hold vectors from those systems: ``diarize models pull campplus`` (or ecapa,
ge2e) builds one from its authors' published weights (:mod:`diarize.voices.build`).
Vectors of different engines never mix: an engine is named by the SHA-256 of its network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnxruntime as ort

from diarize.records import SAMPLE_RATE_HZ, Float32
from diarize.voices.errors import VoiceError
from diarize.voices.features import (
    HOP_SAMPLES,
    kaldi_fbank,
    raise_volume,
    slaney_mel,
    speechbrain_fbank,
)

SHORTEST_S = 0.2
"""Less sound than this holds no voice that any of the engines could tell."""

GE2E_WINDOW_FRAMES = 160
GE2E_STEP_FRAMES = 77
GE2E_COVERAGE = 0.75
"""Resemblyzer: windows of 1.6 s, 1.3 a second; the last one only if three quarters are sound."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What is known of an engine without loading it.

    `sha256` names the network (for ResNet34-LM: of the whole it was cut from); two voiceprints may
    be compared only if it is the same.
    """

    name: str
    dim: int
    sha256: str
    about: str
    sample_rate_hz: int = SAMPLE_RATE_HZ


SPECS = {
    spec.name: spec
    for spec in (
        EngineSpec(
            "resnet34-lm",
            256,
            "53175130a8b7d56400dd0b9b8841d9bdb617d6793dcc45a88eefbf79e1cb4929",
            "WeSpeaker ResNet34-LM (VoxCeleb), on board",
        ),
        EngineSpec(
            "campplus",
            192,
            "61d57779292e6e84241364a330f51ad6b2b44db8e3c5ccf0ca574a1934de8a42",
            "CAM++ zh+en common-advanced (3D-Speaker)",
        ),
        EngineSpec(
            "ecapa",
            192,
            "770ad8a58f8265581450669741b1b876b69b58c4db0573fdfd749ff2940f4c5e",
            "ECAPA-TDNN, spkrec-ecapa-voxceleb (speechbrain)",
        ),
        EngineSpec(
            "ge2e",
            256,
            "6ac384cf26e0c3d9273f9d223dcbc0fd3b8c1f52ef5eb0357e6e9b3b37c6f741",
            "GE2E d-vectors (Resemblyzer)",
        ),
    )
}

DEFAULT_ENGINE = "resnet34-lm"


def spec_of(model_sha256: str) -> EngineSpec | None:
    """The engine whose network has this hash; None: one that is not known here."""
    return next((spec for spec in SPECS.values() if spec.sha256 == model_sha256), None)


class Engine(Protocol):
    """Anything that turns 16 kHz samples (float32, ±1) into one L2-normalised vector."""

    @property
    def spec(self) -> EngineSpec: ...

    def embed(self, samples: Float32) -> Float32: ...


def checked(samples: Float32) -> Float32:
    """The samples as float32, one channel, finite, long enough.

    Raises:
        VoiceError: otherwise.
    """
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 1:
        raise VoiceError("a voice is embedded from one channel of samples")
    if len(samples) < SHORTEST_S * SAMPLE_RATE_HZ:
        seconds = len(samples) / SAMPLE_RATE_HZ
        raise VoiceError(f"{seconds:.2f} s of sound is too short to tell a voice: give 2 s or more")
    if not np.isfinite(samples).all():
        raise VoiceError("the samples hold values that are not numbers")
    return samples


def normalised(vector: Float32) -> Float32:
    """The vector with L2 norm 1.

    Raises:
        VoiceError: no direction: zeros, or not finite.
    """
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm) or norm < 1e-9:
        raise VoiceError("no voice could be told in this sound: is it silent?")
    return np.asarray(vector / norm, np.float32)


def ge2e_windows(mel: Float32, samples: int) -> Float32:
    """Resemblyzer's partial utterances of a (frames, 40) spectrogram: (windows, 160, 40)."""
    frames = -(-(samples + 1) // HOP_SAMPLES)
    steps = max(1, frames - GE2E_WINDOW_FRAMES + GE2E_STEP_FRAMES + 1)
    starts = list(range(0, steps, GE2E_STEP_FRAMES))
    covered = (samples / HOP_SAMPLES - starts[-1]) / GE2E_WINDOW_FRAMES
    if covered < GE2E_COVERAGE and len(starts) > 1:
        starts.pop()
    return np.stack([mel[s : s + GE2E_WINDOW_FRAMES] for s in starts])


def _ge2e_inputs(samples: Float32) -> Float32:
    loud = raise_volume(samples)
    # The last window may reach beyond the end: it sees zeros there, as in Resemblyzer.
    padded = np.pad(loud, (0, GE2E_WINDOW_FRAMES * HOP_SAMPLES))
    return ge2e_windows(slaney_mel(padded), len(samples))


INPUTS: dict[str, Callable[[Float32], Float32]] = {
    "campplus": lambda samples: kaldi_fbank(samples)[None],
    "ecapa": lambda samples: speechbrain_fbank(samples)[None],
    "ge2e": _ge2e_inputs,
}
"""Samples to the network's input, shape (windows, frames, bins)."""


@dataclass(frozen=True, slots=True)
class OnnxEngine:
    """An engine whose whole network is one ONNX file: feats (n, frames, bins) → (n, dim)."""

    spec: EngineSpec
    session: ort.InferenceSession

    @classmethod
    def from_bytes(cls, spec: EngineSpec, model: bytes, threads: int = 1) -> OnnxEngine:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return cls(spec, session)

    def embed(self, samples: Float32) -> Float32:
        """The voice in `samples` (16 kHz, float32 ±1) as a unit vector, shape (dim,).

        Raises:
            VoiceError: too short, silent, or not finite.
        """
        feats = INPUTS[self.spec.name](checked(samples))
        (vectors,) = self.session.run(None, {"feats": feats})
        return normalised(vectors.mean(0))

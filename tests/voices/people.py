"""Voices for tests: unit vectors around a direction of one's own."""

from __future__ import annotations

import numpy as np

from diarize.voices.people import Voiceprint

MODEL = "53175130a8b7d56400dd0b9b8841d9bdb617d6793dcc45a88eefbf79e1cb4929"
OTHER_MODEL = "0" * 64


def voice(who: int, take: int = 0, dim: int = 256) -> np.ndarray:
    """A vector whose cosine is about 0.9 with another take of `who` and 0 with anybody else."""
    own = np.random.default_rng(who).normal(size=dim)
    noise = np.random.default_rng(10_000 + 100 * who + take).normal(size=dim)
    vector = own + (noise / 3 if take else 0)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def voiceprint(who: int, take: int = 0, source: str = "test") -> Voiceprint:
    return Voiceprint(
        "resnet34-lm", MODEL, voice(who, take), source, 12.5, "2026-01-02T03:04:05+00:00"
    )

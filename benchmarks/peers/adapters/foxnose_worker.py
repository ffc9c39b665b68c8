"""FoxNoseTech's diarize with its own defaults, on the network it would fetch by itself.

It has one function and loads its networks at every call: its speed counts that.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import soundfile
import torch
import torchaudio
from wespeakerruntime import speaker
from worker import Found, Request, n_threads, serve

import diarize  # theirs: this runs in its environment

WEIGHTS = Path(os.environ["BENCH_WEIGHTS"])


def read(path: str) -> tuple[torch.Tensor, int]:
    """torchaudio.load needs torchcodec by now, and that a system's FFmpeg."""
    sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return torch.from_numpy(sound.T.copy()), rate_hz


def load() -> Callable[[Request], Found]:
    torch.set_num_threads(n_threads())
    torchaudio.load = read
    speaker.Hub.get_model_by_lang = lambda lang: str(WEIGHTS / "embedding.onnx")

    def answer(request: Request) -> Found:
        found = diarize.diarize(request["audio"], num_speakers=request["num_speakers"])
        return {"turns": [[s.start, s.end, s.speaker] for s in found.segments]}

    return answer


serve(load)

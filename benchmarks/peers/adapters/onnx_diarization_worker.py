"""onnx-diarization with its own defaults (10 s windows every second, VBx)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from onnx_diarization import factory
from worker import Found, Request, samples, serve

WEIGHTS = Path(os.environ["BENCH_WEIGHTS"])


def load() -> Callable[[Request], Found]:
    # It asks for CUDA and nothing else.
    factory.create_onnx_providers = lambda: ["CPUExecutionProvider"]
    system = factory.create_pipeline(
        str(WEIGHTS / "segmentation.onnx"), str(WEIGHTS / "embedding.onnx")
    )

    def answer(request: Request) -> Found:
        n = request["num_speakers"]
        found = system(samples(request["audio"]), min_speakers=n, max_speakers=n)
        tracks = found.itertracks(yield_label=True)
        return {"turns": [[turn.start, turn.end, str(label)] for turn, _, label in tracks]}

    return answer


serve(load)

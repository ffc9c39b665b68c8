"""speakrs on the CPU with its own defaults."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import speakrs
from worker import Found, Request, serve

WEIGHTS = Path(os.environ["BENCH_WEIGHTS"])


def load() -> Callable[[Request], Found]:
    prepared = speakrs.prepare("cpu", model_dir=WEIGHTS / "models")
    system = speakrs.Pipeline.from_prepared(prepared)

    def answer(request: Request) -> Found:
        if request["num_speakers"] is not None:
            raise ValueError("speakrs takes no hints")
        found = system.diarize_file(request["audio"])
        return {"turns": [[s.start, s.end, s.speaker] for s in found.segments]}

    return answer


serve(load)

"""This project, by its public names. Runs in the bench's own environment."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from worker import Found, Request, n_threads, serve

from diarize import Pipeline, Result
from diarize.records import SAMPLE_RATE_HZ


class StageClock:
    """A progress hook that adds up the time of each stage.

    A report is made at the end of a piece of work, which belongs to the stage that reports; only
    0 while another stage is unfinished opens a stage, and the time before belongs to the other.
    """

    def __init__(self) -> None:
        self.stages_s: dict[str, float] = {}
        self._last_s = time.perf_counter()
        self._stage, self._fraction = "audio", 0.0

    def __call__(self, stage: str, fraction: float) -> None:
        if fraction > 0 or self._fraction == 1:
            self._stage = stage
        self.book()
        self._stage, self._fraction = stage, fraction

    def book(self) -> None:
        """Give the time since the last report to the stage at work."""
        now_s = time.perf_counter()
        self.stages_s[self._stage] = self.stages_s.get(self._stage, 0.0) + now_s - self._last_s
        self._last_s = now_s


def load() -> Callable[[Request], Found]:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clustering", default="merge")
    parser.add_argument("--words", action="store_true", help="load Whisper, too")
    parser.add_argument("--model", default="base")
    parser.add_argument("--language")
    options = parser.parse_args()
    pipeline = Pipeline(
        clustering=options.clustering,
        model=options.model,
        language=options.language,
        threads=n_threads(),
    )
    if options.words:
        pipeline(np.zeros(SAMPLE_RATE_HZ, np.float32), sample_rate_hz=SAMPLE_RATE_HZ)

    def answer(request: Request) -> Found:
        clock = StageClock()
        run = pipeline if request["words"] else pipeline.turns
        result = run(request["audio"], num_speakers=request["num_speakers"], progress=clock)
        clock.book()
        return {
            "turns": [[t.start, t.end, t.speaker, t.confidence] for t in result.turns],
            "stages_s": clock.stages_s,
            "utterances": _utterances(result) if request["words"] else None,
        }

    return answer


def _utterances(result: Result) -> list[dict[str, Any]]:
    return [
        {
            "speaker": u.speaker,
            "start": u.start,
            "end": u.end,
            "text": u.text,
            "words": [[w.text, w.start, w.end, w.space_before] for w in u.words],
        }
        for u in result.utterances
    ]


if __name__ == "__main__":
    serve(load)

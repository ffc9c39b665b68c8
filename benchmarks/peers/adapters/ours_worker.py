"""This project, by its public names. Runs in the bench's own environment."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from worker import Found, Request, n_threads, serve

from diarize import Pipeline, Result
from diarize import pipeline as stages


class StageClock:
    """A progress hook that adds up the time of each stage.

    A report of 0 opens a stage: what went before belongs to the one before. Any other report is
    made at the end of a piece of work, which belongs to the stage that reports.
    """

    def __init__(self) -> None:
        self.stages_s: dict[str, float] = {}
        self._last_s = time.perf_counter()
        self._stage = "audio"

    def __call__(self, stage: str, fraction: float) -> None:
        if fraction > 0:
            self._stage = stage
        self.book()
        self._stage = stage

    def book(self) -> None:
        """Give the time since the last report to the stage at work."""
        now_s = time.perf_counter()
        self.stages_s[self._stage] = self.stages_s.get(self._stage, 0.0) + now_s - self._last_s
        self._last_s = now_s

    def after(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, with its time given to the stage in which it was called."""

        def timed(*arguments: Any) -> Any:
            found = function(*arguments)
            self.book()
            return found

        return timed


def load() -> Callable[[Request], Found]:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clustering", default="merge")
    parser.add_argument("--model", default="base")
    parser.add_argument("--language")
    options = parser.parse_args()
    pipeline = Pipeline(
        clustering=options.clustering,
        model=options.model,
        language=options.language,
        threads=n_threads(),
    )
    probabilities = stages.speech_probabilities

    def answer(request: Request) -> Found:
        clock = StageClock()
        # The hook does not tell where looking for speech ends and looking for voices begins.
        stages.speech_probabilities = clock.after(probabilities)
        run = pipeline if request["words"] else pipeline.turns
        result = run(request["audio"], num_speakers=request["num_speakers"], progress=clock)
        clock.book()
        return {
            "turns": [[t.start, t.end, t.speaker] for t in result.turns],
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


serve(load)

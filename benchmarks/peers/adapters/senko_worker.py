"""Senko, as its README runs it on a CPU."""

from __future__ import annotations

from collections.abc import Callable

import senko
from worker import Found, Request, n_threads, serve


def load() -> Callable[[Request], Found]:
    system = senko.Diarizer(device="cpu", warmup=True, quiet=True)
    # It takes every processor of the machine, whatever the process may use.
    system.logical_cores = n_threads()
    system._set_torch_num_threads()

    def answer(request: Request) -> Found:
        if request["num_speakers"] is not None:
            raise ValueError("Senko takes no hints")
        found = system.diarize(request["audio"])
        if found is None:
            return {"turns": []}
        stages = {k.removesuffix("_time"): v for k, v in found["timing_stats"].items()}
        stages.pop("total", None)
        turns = [[s["start"], s["end"], s["speaker"]] for s in found["merged_segments"]]
        return {"turns": turns, "stages_s": stages}

    return answer


serve(load)

"""The worker's side: one system, loaded once, in a process of its own that answers JSON lines.

    first line out   {"peak_bytes": …}                                    the system is loaded
    line in          {"audio": PATH, "num_speakers": null or n, "words": false}
    line out         {"turns": [[start_s, end_s, speaker], …], "stages_s": {name: s, …},
                      "wall_s": …, "cpu_s": …, "peak_bytes": …, "utterances": null or […]}
                     (a turn may have a fourth part, its confidence)
                     or {"error": text}

Only the standard library and NumPy: this file runs in every peer's environment, next to its script.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
import wave
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Request = dict[str, Any]
Found = dict[str, Any]
"""`turns`, and where the system tells `stages_s` and `utterances`."""


def n_threads() -> int:
    """How many threads a system may use."""
    return int(os.environ["BENCH_THREADS"])


def serve(load: Callable[[], Callable[[Request], Found]]) -> None:
    """Load, say so, answer every line until the other side closes. Never returns a half line.

    Whatever a library prints goes to stderr: stdout belongs to the protocol.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    _pin()
    answer = load()
    answers.write(json.dumps({"peak_bytes": peak_bytes()}) + "\n")
    for line in sys.stdin:
        wall_s, cpu_s = time.perf_counter(), _cpu_s()
        try:
            found = {"stages_s": {}, "utterances": None, **answer(json.loads(line))}
        except Exception as fault:
            traceback.print_exc()
            answers.write(json.dumps({"error": f"{type(fault).__name__}: {fault}"}) + "\n")
            continue
        found["wall_s"], found["cpu_s"] = time.perf_counter() - wall_s, _cpu_s() - cpu_s
        found["peak_bytes"] = peak_bytes()
        answers.write(json.dumps(found) + "\n")


def samples(path: str) -> npt.NDArray[np.float32]:
    """A 16 kHz mono 16-bit WAV as floats, ±1: what the bench gives to everybody.

    Raises:
        ValueError: another kind of file.
    """
    with wave.open(path, "rb") as file:
        shape = file.getnchannels(), file.getsampwidth(), file.getframerate()
        if shape != (1, 2, 16_000):
            raise ValueError(f"{path}: {shape} channels, bytes, Hz; the bench gives 1, 2, 16000")
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return pcm.astype(np.float32) / 32768


def peak_bytes() -> int:
    """The most memory this process has held, and its largest child.

    VmHWM, not ru_maxrss: the latter survives exec(), so that a worker would inherit its parent's.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            own = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except FileNotFoundError:  # macOS, where ru_maxrss counts bytes
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _pin() -> None:
    """Libraries that ignore OMP_NUM_THREADS still get no more processors than the others."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: n_threads()])

"""How long a search among many voiceprints takes: first (loading the matrix) and from then on.

    python -m benchmarks.voiceprint_search --people 50000 --each 2

The store is a real one, made in a temporary folder with random voices of 256 numbers.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from diarize.voices.engines import DEFAULT_ENGINE, SPECS
from diarize.voices.index import VoiceIndex
from diarize.voices.people import Voiceprint
from diarize.voices.store import VoiceStore

SPEC = SPECS[DEFAULT_ENGINE]
SEARCHES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--each", type=int, default=2, help="voiceprints of each person")
    options = parser.parse_args()
    random = np.random.default_rng(0)

    def voiceprint() -> Voiceprint:
        vector = random.normal(size=SPEC.dim).astype(np.float32)
        return Voiceprint(SPEC.name, SPEC.sha256, vector, "random", 10.0)

    with tempfile.TemporaryDirectory() as folder, VoiceStore(Path(folder) / "voices.db") as store:
        start = time.perf_counter()
        people = range(options.people)
        store.enrol_all(
            {f"P{n}": ({}, [voiceprint() for _ in range(options.each)]) for n in people}
        )
        taken, megabytes = time.perf_counter() - start, store.path.stat().st_size / 1e6
        print(f"{options.people} people, {options.people * options.each} voiceprints")
        print(f"enrolled in {taken:.1f} s, {megabytes:.0f} MB")
        index = VoiceIndex(store)
        times = []
        for _ in range(SEARCHES):
            query = random.normal(size=SPEC.dim).astype(np.float32)
            start = time.perf_counter()
            index.search(query, SPEC.sha256, top_k=5)
            times.append((time.perf_counter() - start) * 1000)
        best, low, high = np.percentile(times[1:], [5, 50, 95])
        print(f"first search {times[0]:.0f} ms")
        print(f"from then on {best:.1f}, {low:.1f}, {high:.1f} ms (5th, 50th, 95th percentile)")
        start = time.perf_counter()
        store.forget("P0")
        print(f"one person forgotten without trace in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()

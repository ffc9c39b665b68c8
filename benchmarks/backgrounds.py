"""Recordings before backgrounds that change: who speaks when, another one behind each half minute.

    python -m benchmarks.backgrounds speakerbox voxconverse-aepyx
    python -m benchmarks.backgrounds FOLDER --seeds 11 12

Sets are names or folders (`benchmarks.data.load`). The backgrounds, of which none was trained on,
are 3 to 20 dB below the half minute, and change from one moment to the next. DER at collar 0,
overlap scored, as it is and before them; then of how many recordings the number of speakers is
right, too high, too low.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.data import Item, load
from benchmarks.simulator.voices import read_clip
from diarize.labels import in_order
from diarize.metrics.der import DiarizationError, diarization_error
from diarize.pipeline import Pipeline
from diarize.records import SAMPLE_RATE_HZ, UNKNOWN, Float32, Turn
from models.training_windows import in_noise, split_noises


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int, default=[11, 12, 13])
    options = parser.parse_args()
    pipeline = Pipeline()
    print(f"{'set':24} {'backgrounds':12} {'DER':>5} {'right':>5} {'more':>5} {'less':>5}")
    for name in options.sets:
        items = [(item, read_clip(item.audio)) for item in load(name)]
        heard = {"as it is": items}
        heard["changing"] = [(i, _noisy(x, seed)) for seed in options.seeds for i, x in items]
        for label, sounds in heard.items():
            print(f"{Path(name).name:24} {label:12} {_row(pipeline, sounds)}", flush=True)


def _noisy(samples: Float32, seed: int) -> Float32:
    backgrounds, rng = sorted(split_noises()[1]), np.random.default_rng(seed)
    return in_noise(samples, backgrounds, rng)


def _row(pipeline: Pipeline, sounds: list[tuple[Item, Float32]]) -> str:
    error, more = DiarizationError(), []
    for item, samples in sounds:
        truth = in_order(Turn(start, end, who) for who, start, end in item.turns())
        found = pipeline.turns(samples, sample_rate_hz=SAMPLE_RATE_HZ).turns
        error += diarization_error(truth, found, uem=item.scored())
        more.append(len({t.speaker for t in found} - {UNKNOWN}) - len({t.speaker for t in truth}))
    counts = (sum(m == 0 for m in more), sum(m > 0 for m in more), sum(m < 0 for m in more))
    return f"{100 * error.rate:5.1f}" + "".join(f"{n:6}" for n in counts)


if __name__ == "__main__":
    main()

"""Calls on two channels that leak into each other: who speaks when, with the channels kept apart.

    python -m benchmarks.crosstalk sample build/simulated/phone
    python -m benchmarks.crosstalk sample --late-ms 150         # an echo
    python -m benchmarks.crosstalk sample --as-heard            # without diarize/crosstalk.py

Of every recording of two voices in the sets (names or folders, `benchmarks.data.load`) each voice
gets a channel; what both say at once is left out, noise lies 60 dB below. DER at collar 0, overlap
scored, and in how many recordings two speakers are found.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.data import Item, load
from diarize import pipeline as stages
from diarize.audio import Recording
from diarize.labels import in_order
from diarize.metrics.der import DiarizationError, diarization_error
from diarize.pipeline import Pipeline
from diarize.records import SAMPLE_RATE_HZ, UNKNOWN, Bool, Float32, Turn

LEAKS_DB = (None, -50.0, -40.0, -30.0, -20.0, -12.0)
NOISE_DB = -60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--late-ms", type=int, default=5)
    parser.add_argument("--as-heard", action="store_true", help="without diarize/crosstalk.py")
    options = parser.parse_args()
    if options.as_heard:
        nothing = np.zeros((0, 2), np.int64)
        stages.crosstalk = lambda recording, progress: [nothing] * recording.n_channels
    pipeline = Pipeline(channels="separate")
    items = [item for name in options.sets for item in load(name) if len(_voices(item)) == 2]
    print(f"{len(items)} recordings of two voices")
    print(f"{'leak':>8} {'DER':>6} {'missed':>6} {'false':>6} {'two':>4}")
    for leak_db in LEAKS_DB:
        total, right = DiarizationError(), 0
        for item in items:
            truth = in_order(Turn(start, end, who) for who, start, end in item.turns())
            sound = _call(item, leak_db, options.late_ms)
            found = pipeline.turns(sound, sample_rate_hz=SAMPLE_RATE_HZ).turns
            total += diarization_error(truth, found, uem=item.scored())
            right += len({turn.speaker for turn in found} - {UNKNOWN}) == 2
        parts = (total.rate, total.missed_s / total.total_s, total.false_alarm_s / total.total_s)
        label = "none" if leak_db is None else f"{leak_db:.0f} dB"
        print(f"{label:>8}" + "".join(f" {100 * part:6.1f}" for part in parts) + f" {right:4}")


def _voices(item: Item) -> list[str]:
    return sorted({who for who, _, _ in item.turns()})


def _call(item: Item, leak_db: float | None, late_ms: int) -> Float32:
    """One voice on each channel, shape (2, samples)."""
    with Recording.open(item.audio) as recording:
        whole = recording.read(0, recording.n_samples)
    first, second = (_spoken(item, who, len(whole)) for who in _voices(item))
    sides = np.stack([whole * (first & ~second), whole * (second & ~first)])
    noise = np.random.RandomState(0).standard_normal(sides.shape)
    sides = sides + noise * whole.std() * 10 ** (NOISE_DB / 20)
    if leak_db is not None:
        late = late_ms * SAMPLE_RATE_HZ // 1000
        echo = np.pad(sides[::-1], ((0, 0), (late, 0)))[:, : len(whole)]
        sides = sides + echo * 10 ** (leak_db / 20)
    return np.asarray(sides, np.float32)


def _spoken(item: Item, speaker: str, n_samples: int) -> Bool:
    found = np.zeros(n_samples, bool)
    for who, start, end in item.turns():
        if who == speaker:
            found[round(start * SAMPLE_RATE_HZ) : round(end * SAMPLE_RATE_HZ)] = True
    return found


if __name__ == "__main__":
    main()

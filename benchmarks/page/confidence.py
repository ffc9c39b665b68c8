"""Are the confidences what they say, and is UNKNOWN said where a guess would have been wrong?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks import tune
from benchmarks.judging import truth
from benchmarks.markdown import percent, table
from benchmarks.page.gathered import Gathered, Heard
from benchmarks.page.plan import Planned
from diarize import assignment, counting
from diarize.metrics.calibration import Calibration, calibration
from diarize.models import load_arrays
from diarize.pipeline import Pipeline
from diarize.plda import Plda
from diarize.records import FRAME_S
from diarize.segmentation import STEP_FRAMES, WINDOW_FRAMES

NOTE = """Expected calibration error over ten bins, weighted by time: of the speech that our turns
give to a speaker with confidence 0.8, 80 % should be that speaker's. UNKNOWN: of the time it was
said, how much a forced guess (the voice that fits best) would have given to the wrong speaker."""


def calibrated(heard: Sequence[Heard]) -> Calibration:
    """The confidences of our turns, pooled."""
    total = Calibration()
    for h in heard:
        item = h.planned.case.item
        total += calibration(truth(item)[0], h.kept.answer.turns, uem=item.scored())
    return total


@dataclass(frozen=True, slots=True)
class Unsure:
    """Seconds that are labelled UNKNOWN, and of these what a guess would have got wrong."""

    unknown_s: float = 0.0
    wrong_s: float = 0.0


def unsure(pipeline: Pipeline, plda: Plda, planned: Planned) -> Unsure:
    """Listen to one recording, and compare what is UNKNOWN with what a guess would have said."""
    prepared = pipeline.prepare(planned.case.wav)
    spoken = truth(planned.case.item)[0]
    case = tune.Case(planned.about.name, spoken, planned.case.item.scored(), prepared)
    voices, path = counting.find_speakers(case.evidence, plda)
    k = path.estimate()
    if k == 0 or not spoken:
        return Unsure()
    labels = path.labels(k)
    guess = assignment.decide(case.evidence, voices, labels, plda).chosen
    said = assignment.assign(case.evidence, voices, labels, plda).labels
    shared = tune.overlap(case)
    matrix = np.zeros((k, shared.shape[2]))
    heard = guess >= 0
    np.add.at(matrix, guess[heard], shared[heard])
    person = np.full(k, -1)
    clusters, people = linear_sum_assignment(-matrix)
    person[clusters] = people
    # Where nobody speaks there is nobody to guess: a false alarm, not a wrong label.
    unknown = (said == k) & shared.any(axis=2)
    # Windows overlap: every second is in WINDOW / STEP of them.
    seconds = case.evidence.active.sum(axis=1) * FRAME_S * STEP_FRAMES / WINDOW_FRAMES
    wrong = unknown & (person[np.maximum(guess, 0)] != shared.argmax(axis=2))
    return Unsure(float(seconds[unknown].sum()), float(seconds[wrong].sum()))


def measure(page: Gathered) -> None:
    """Keep how UNKNOWN fares on the compared recordings."""
    if page.figures.get(page.mine, "unknown") is not None:
        return
    pipeline, plda = Pipeline(threads=page.threads), Plda(load_arrays("plda"))
    found = {}
    for p in page.compared:
        one = unsure(pipeline, plda, p)
        found[p.case.sha256] = [one.unknown_s, one.wrong_s]
    page.figures.put(page.mine, "unknown", found)


def unknown(page: Gathered, heard: Sequence[Heard]) -> Unsure:
    """Pooled, as far as it was measured."""
    kept = page.figures.get(page.mine, "unknown") or {}
    there = [kept[key] for h in heard if (key := h.planned.case.sha256) in kept]
    return Unsure(sum(u for u, _ in there), sum(w for _, w in there))


def section(page: Gathered) -> str:
    own = page.heard.get("ours", [])
    held = [h for h in own if h.planned.about.held]
    parts = {
        "development": [h for h in own if not h.planned.about.held],
        "**held back**": held,
        "held back, real": [h for h in held if not h.planned.about.simulated],
    }
    if len(parts["held back, real"]) == len(held):
        del parts["held back, real"]
    rows, bins = [], []
    for label, heard in parts.items():
        if heard:
            total, doubt = calibrated(heard), unknown(page, heard)
            right = percent(doubt.wrong_s / doubt.unknown_s) if doubt.unknown_s else "–"
            error = "–" if total.error is None else f"{total.error:.3f}"
            rows.append([label, f"{len(heard)}", error, f"{doubt.unknown_s:.0f}", right])
            bins.append([label, *(_bin(b.time_s, b.right_s) for b in total.bins)])
    head = ["recordings", "n", "calibration error", "UNKNOWN s", "a guess is wrong, %"]
    ranges = [f"{i / 10:.1f}–" for i in range(10)]
    return (
        f"{NOTE}\n\n{table(head, rows)}\n\nRight, in %, by confidence (seconds):\n\n"
        f"{table(['recordings', *ranges], bins)}"
    )


def _bin(time_s: float, right_s: float) -> str:
    return f"{100 * right_s / time_s:.0f} ({time_s:.0f})" if time_s >= 1 else "–"

"""Where the tuned constants come from: each on the development sets named, never on reported ones.

    python -m benchmarks.tune count FOLDER|NAME …        # how many: merging, utterances, halves
    python -m benchmarks.tune stretches FOLDER|NAME …    # when one leaves its local speaker
    python -m benchmarks.tune hints FOLDER|NAME …        # told how many: voices beyond the evidence
    python -m benchmarks.tune vad FOLDER|NAME …          # what the VAD adds to the segmentation
    python -m benchmarks.tune step FOLDER|NAME …         # window step: 2.5 s against 5 s
    python -m benchmarks.tune edges FOLDER|NAME …        # where turns begin and end, and overlap
    python -m benchmarks.tune clustering FOLDER|NAME …   # the methods, on one count
    python -m benchmarks.tune confidence FOLDER|NAME …   # fits confidence.py, and its error

DER at collar 0 with overlap scored. The networks run once per recording and state of our code:
their evidence is kept in `--cache` (default .tune/).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import LogisticRegression

from benchmarks import data
from benchmarks.fetching import file_sha256
from benchmarks.workers import ours
from diarize import (
    assignment,
    attribution,
    confidence,
    counting,
    merging,
    segmentation,
    splitting,
    utterances,
)
from diarize.labels import in_order
from diarize.metrics.calibration import calibration
from diarize.metrics.der import diarization_error
from diarize.metrics.speaker_count import speaker_count
from diarize.models import load_arrays
from diarize.pipeline import Pipeline
from diarize.plda import Plda
from diarize.prepared import Evidence, Prepared
from diarize.records import FRAME_S, FRAME_SAMPLES, Hints, Turn

GRID = [(worth, limit) for worth in (0.35, 0.4, 0.5) for limit in (5.0, 6.0, 7.0, 8.0)]
THRESHOLDS = [(0.5, 0.0), (0.5, 0.5), (0.55, 0.5), (0.6, 0.5), (0.6, 0.6), (0.65, 0.6), (0.7, 0.7)]


@dataclass(frozen=True)
class Case:
    """One recording: its set, its truth and what the networks found."""

    group: str
    truth: tuple[Turn, ...]
    uem: list[tuple[float, float]] | None
    prepared: Prepared

    @property
    def evidence(self) -> Evidence:
        return self.prepared.channels[0]


def load(where: list[str], cache: Path) -> list[Case]:
    """The recordings with their evidence, kept under `cache` by our version and their own bytes:
    neither another recording nor another state of the code is taken for it."""
    pipeline, version = Pipeline(), ours().version
    cases = []
    for place, group in zip(where, data.labels(where), strict=True):
        for item in data.load(place):
            kept = cache / version / f"{file_sha256(item.audio)[:20]}.npz"
            if not kept.exists():
                pipeline.prepare(item.audio).save(kept)
            truth = in_order(Turn(start, end, who) for who, start, end in item.turns())
            cases.append(Case(group, truth, item.scored(), Prepared.load(kept)))
    return cases


def judge(title: str, cases: list[Case], told: bool = False, **options: Any) -> None:
    """One line: DER and exact counts per set, and their means; `told` the right number or not."""
    pipeline = Pipeline(**options)
    errors: dict[str, Any] = {}
    exact: dict[str, list[bool]] = {}
    for case in cases:
        there = len({t.speaker for t in case.truth})
        hint = there if told and there else None
        turns = pipeline.attribute(case.prepared, num_speakers=hint).turns
        error = diarization_error(case.truth, turns, uem=case.uem)
        errors[case.group] = errors[case.group] + error if case.group in errors else error
        exact.setdefault(case.group, []).append(speaker_count(case.truth, turns).exact)
    rows = [f"{g} {100 * e.rate:.1f} ({sum(exact[g])}/{len(exact[g])})" for g, e in errors.items()]
    mean = np.mean([e.rate for e in errors.values()])
    right = np.mean([hit for hits in exact.values() for hit in hits])
    print(f"{title:24} DER {100 * mean:5.2f}  exact {100 * right:5.1f} %  | {'  '.join(rows)}")


@contextmanager
def constants(module: Any, **values: Any) -> Iterator[None]:
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def count(cases: list[Case]) -> None:
    for worth, limit in GRID:
        with constants(utterances, WORTH_PER_S=worth, WORTH_LIMIT=limit):
            judge(f"{worth} per s, at most {limit:g}", cases)
    for short_s in (1.0, 30.0, 60.0):
        with constants(utterances, SHORT_S=short_s):
            judge(f"double up to {short_s:g} s", cases)
    for share in (0.5, 0.7, 0.85):
        with constants(counting, SURELY_ALIKE=share):
            judge(f"surely alike {share:g}", cases)
    for limit in (0.0, 20.0, 60.0, 160.0):
        with constants(merging, MOOD_LIMIT=limit):
            judge(f"moods up to {limit:g}", cases)
    for after_s in (50.0, 250.0):
        with constants(merging, MOOD_AFTER_S=after_s):
            judge(f"moods after {after_s:g} s", cases)
    for clean_s in (0.6, 1.0):
        with constants(counting, MIN_CLEAN_S=clean_s):
            judge(f"counted by {clean_s:g} s", cases)
    for evidence in (-3.0, 0.0, 6.0):
        with constants(merging, MERGE_EVIDENCE=evidence):
            judge(f"merged from {evidence:g} on", cases)
    for evidence in (0.0, 6.0, 12.0):
        with constants(merging, BRIEF_EVIDENCE=evidence):
            judge(f"{evidence:g} more for the briefest", cases)
    for total_s in (0.0, 30.0):
        with constants(utterances, LITTLE_S=total_s), constants(merging, LITTLE_S=total_s):
            judge(f"little is up to {total_s:g} s", cases)
    for half_s, piece_s in ((2.0, 1.0), (0.7, 0.5)):
        with constants(splitting, LITTLE_HALF_S=half_s, LITTLE_PIECE_S=piece_s):
            judge(f"halves of {half_s:g} s", cases)


def stretches(cases: list[Case]) -> None:
    for shortest_s in (0.25, 0.35, 0.5, 0.75, 10.0):
        kept = [replace(case, prepared=at_least(case.prepared, shortest_s)) for case in cases]
        judge(f"from {shortest_s} s on", kept)
    for purity in (0.0, 4.0, 8.0, 16.0):
        with constants(assignment, PURITY=purity):
            judge(f"log odds {purity:g}", cases)


def at_least(prepared: Prepared, shortest_s: float) -> Prepared:
    """Without the stretches that are shorter."""
    thinned = []
    for c in prepared.channels:
        kept = (c.stretches[:, 3] - c.stretches[:, 2]) * FRAME_S >= shortest_s
        embeddings = c.stretch_embeddings[kept]
        thinned.append(replace(c, stretches=c.stretches[kept], stretch_embeddings=embeddings))
    return replace(prepared, channels=tuple(thinned))


def hints(cases: list[Case]) -> None:
    judge("not told", cases)
    for evidence in (15.0, 30.0, 60.0):
        with constants(merging, UNSEEN_EVIDENCE=evidence):
            judge(f"unseen evidence {evidence:g}", cases, told=True)
    for clusters in (10, 20, 40):
        with constants(counting, FINE_CLUSTERS=clusters):
            judge(f"{clusters} fine clusters", cases, told=True)


def vad(cases: list[Case]) -> None:
    for least, worth in THRESHOLDS:
        with constants(attribution, LEAST_EXPECTED=least, SPEECH_WORTH=worth):
            judge(f"{least} voices, {round(least - worth, 2)} where Silero is sure", cases)


def edges(cases: list[Case]) -> None:
    for begin, end in ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 1), (3, 2)):
        with constants(attribution, BEGIN_LATE_FRAMES=begin, END_LATE_FRAMES=end):
            judge(f"{begin} and {end} frames later", cases)
    for more in (0.4, 0.45, 0.5, 0.6):
        with constants(segmentation, ANOTHER_FROM=more):
            judge(f"another voice from {more:g} on", cases)


def step(cases: list[Case]) -> None:
    judge("step 2.5 s", cases)
    coarse = [replace(case, prepared=every_other(case.prepared)) for case in cases]
    frames = 2 * segmentation.STEP_FRAMES
    with (
        constants(segmentation, STEP_FRAMES=frames, STEP_SAMPLES=frames * FRAME_SAMPLES),
        constants(utterances, STEP_FRAMES=frames),
        constants(attribution, STEP_FRAMES=frames),
    ):
        judge("step 5 s", coarse)


def every_other(prepared: Prepared) -> Prepared:
    thinned = []
    for c in prepared.channels:
        kept = c.stretches[:, 0] % 2 == 0
        thinned.append(
            replace(
                c,
                activity=c.activity[::2],
                embeddings=c.embeddings[::2],
                stretches=c.stretches[kept] // [2, 1, 1, 1],
                stretch_embeddings=c.stretch_embeddings[kept],
            )
        )
    return replace(prepared, channels=tuple(thinned))


def clustering(cases: list[Case]) -> None:
    for method in ("merge", "vbx", "kmeans", "spectral"):
        judge(method, cases, clustering=method)


def fit_confidence(cases: list[Case]) -> None:
    parts = [part for case in cases if (part := decisions(case)) is not None]
    features, right, seconds = (np.concatenate(column) for column in zip(*parts, strict=True))
    model = LogisticRegression(C=10, max_iter=2000)
    model.fit(features, right, sample_weight=np.minimum(seconds, 2))
    print(f"INTERCEPT = {model.intercept_[0]:.3f}")
    print(f"WEIGHTS = np.array({model.coef_[0].round(3).tolist()})")
    guess = model.predict_proba(features)[:, 1] < assignment.UNKNOWN_BELOW
    print(f"UNKNOWN where a guess would be wrong: {100 * (1 - right[guess].mean()):.0f} %")
    pipeline = Pipeline()
    total: Any = None
    for case in cases:
        turns = pipeline.attribute(case.prepared).turns
        one = calibration(case.truth, turns, uem=case.uem)
        total = one if total is None else total + one
    print(f"expected calibration error of the constants in use: {total.error:.3f}")


def decisions(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Features, whether the choice was right, and seconds, of every active local speaker."""
    plda = Plda(load_arrays("plda"))
    voices, path = counting.find_speakers(case.evidence, plda)
    (k,) = counting.count_speakers([path], Hints())
    if k == 0 or not case.truth:
        return None
    decision = assignment.decide(case.evidence, voices, path.labels(k), plda)
    heard = decision.chosen >= 0
    shared = overlap(case)
    matrix = np.zeros((k, shared.shape[2]))
    np.add.at(matrix, decision.chosen[heard], shared[heard])
    clusters, people = linear_sum_assignment(-matrix)
    person = np.full(k, -1)
    person[clusters] = people
    heard &= shared.any(axis=2)
    right = person[decision.chosen[heard]] == shared[heard].argmax(axis=1)
    features = confidence.features(
        decision.clean_s[heard], decision.own[heard], decision.lead[heard], k
    )
    seconds = case.evidence.active.sum(axis=1)[heard] * FRAME_S
    return features, right, seconds


def true_frames(case: Case) -> np.ndarray:
    """Who speaks by the truth, shape (frames, people)."""
    people = sorted({turn.speaker for turn in case.truth})
    spoken = np.zeros((segmentation.n_frames(case.evidence.n_samples), len(people)), bool)
    offset_s = attribution.FRAME_OFFSET_SAMPLES / 16_000
    for turn in case.truth:
        first, last = ((t - offset_s) / FRAME_S for t in (turn.start, turn.end))
        spoken[max(0, round(first)) : max(0, round(last)), people.index(turn.speaker)] = True
    return spoken


def overlap(case: Case) -> np.ndarray:
    """Frames each local speaker shares with each person of the truth, (windows, 3, people)."""
    active, spoken = case.evidence.active, true_frames(case)
    starts = np.arange(len(active)) * segmentation.STEP_FRAMES
    return np.stack(
        [
            active[i].T.astype(np.int64) @ spoken[start : start + segmentation.WINDOW_FRAMES]
            for i, start in enumerate(starts)
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    subjects = {
        "count": count,
        "stretches": stretches,
        "hints": hints,
        "vad": vad,
        "edges": edges,
        "step": step,
        "clustering": clustering,
        "confidence": fit_confidence,
    }
    parser.add_argument("subject", choices=subjects)
    parser.add_argument("where", nargs="+", help="folders, or names of benchmarks.data")
    parser.add_argument("--cache", type=Path, default=Path(".tune"))
    options = parser.parse_args()
    subjects[options.subject](load(options.where, options.cache))


if __name__ == "__main__":
    main()

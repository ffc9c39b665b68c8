"""Short pieces of speech against voices: how often are they told apart?

    python -m benchmarks.pieces FOLDER|NAME … [--more-frames 0 15] [--cache .tune]

Every piece that is one speaker's alone is compared with each voice of its recording, by all of that
voice's pieces that are heard ten seconds and more away. Prints equal error rates by the length of
the piece, the mean of the sets, with deviations brought up by so many frames
(`diarize.pooling.MORE_FRAMES`). What the networks find is kept, for each such number.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.tune import Case, constants, load, true_frames
from benchmarks.verification import equal_error_rate
from diarize import embedding
from diarize.pooling import MORE_FRAMES
from diarize.records import FRAME_S, Float32
from diarize.segmentation import STEP_FRAMES, STEP_SAMPLES, WINDOW_SAMPLES, clean, runs
from diarize.speakers import plda
from diarize.utterances import evidence_worth

LENGTHS_S = ((0.25, 0.6), (0.6, 1.2), (1.2, 3.1))
PURE, TALKED_OVER = 0.8, 0.1
"""By the truth, more of a piece than this must be of one speaker, and less of two at once."""
ENOUGH_S = 3.0
"""Of speech that a voice must have elsewhere."""
FEWEST = 20
"""Trials of either kind that a set needs for an equal error rate."""
APART = WINDOW_SAMPLES // STEP_SAMPLES
"""Windows that are so far apart share no sound."""
TOTAL_S = 300.0
"""Of speech in a recording, for `utterances.evidence_worth`: none of these is a short one."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What somebody says alone, without a break, in one window."""

    window: int
    speaker: int
    seconds: float
    embedding: Float32


def pieces(case: Case) -> list[Piece]:
    """All that are one speaker's, by the truth."""
    spoken = true_frames(case)
    found = []
    for window, first, last, vector in stretches(case):
        here = spoken[window * STEP_FRAMES :][first:last]
        share = here.mean(axis=0)
        if share.max() > PURE and (here.sum(axis=1) > 1).mean() < TALKED_OVER:
            found.append(Piece(window, int(share.argmax()), len(here) * FRAME_S, vector))
    return found


def stretches(case: Case) -> list[tuple[int, int, int, Float32]]:
    """Window, first frame, last + 1 and embedding: of all that is said alone without a break."""
    evidence = case.evidence
    found = [
        (window, first, last, vector)
        for (window, _, first, last), vector in zip(
            evidence.stretches.tolist(), evidence.stretch_embeddings, strict=True
        )
    ]
    alone = clean(evidence.active)
    whole = alone.any(axis=1)
    whole[evidence.stretches[:, 0], evidence.stretches[:, 1]] = False
    for window, speaker in np.argwhere(whole).tolist():
        unbroken = runs(alone[window, :, speaker])
        if len(unbroken) == 1:
            first, last = unbroken[0].tolist()
            found.append((window, first, last, evidence.embeddings[window, speaker]))
    return found


def trials(case: Case) -> list[tuple[float, bool, float]]:
    """Length of a piece, whether a voice is its own, and the log-likelihood ratio that it is."""
    found = pieces(case)
    if not found:
        return []
    projected = plda().project(np.array([p.embedding for p in found]))
    window, speaker, seconds = (
        np.array([getattr(p, field) for p in found]) for field in ("window", "speaker", "seconds")
    )
    made = []
    for i, piece in enumerate(found):
        away = np.abs(window - piece.window) >= APART
        for voice in np.unique(speaker).tolist():
            others = np.flatnonzero(away & (speaker == voice))
            heard_s = seconds[others].sum() / APART  # so many windows hear a second
            if heard_s < ENOUGH_S:
                continue
            middle = seconds[others] @ projected[others] / seconds[others].sum()
            worth = evidence_worth(np.array([heard_s, piece.seconds]), TOTAL_S)
            total = worth[:, None] * np.stack([middle, projected[i]])
            apart = plda().log_evidence(worth, total).sum()
            together = plda().log_evidence(worth.sum(), total.sum(axis=0))
            made.append((piece.seconds, voice == piece.speaker, float(together - apart)))
    return made


def error_rates(cases: list[Case]) -> list[float | None]:
    """Equal error rate of each of LENGTHS_S, the mean of the sets that have enough trials."""
    sets = defaultdict(list)
    for case in cases:
        sets[case.group].extend(trials(case))
    rates: list[list[float]] = [[] for _ in LENGTHS_S]
    for made in sets.values():
        if not made:
            continue
        seconds, same, score = (np.array(x) for x in zip(*made, strict=True))
        for found, (low, high) in zip(rates, LENGTHS_S, strict=True):
            own = (seconds >= low) & (seconds < high)
            if min((same & own).sum(), (~same & own).sum()) > FEWEST:
                found.append(equal_error_rate(score[own], same[own]))
    return [float(np.mean(found)) if found else None for found in rates]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("where", nargs="+", help="folders, or names of benchmarks.data")
    parser.add_argument("--more-frames", nargs="+", type=float, default=[0.0, MORE_FRAMES])
    parser.add_argument("--cache", type=Path, default=Path(".tune"))
    options = parser.parse_args()
    print("frames more " + "".join(f"{low:8g}-{high:g} s" for low, high in LENGTHS_S))
    for more in options.more_frames:
        with constants(embedding, MORE_FRAMES=more):
            cases = load(options.where, options.cache / f"more-{more:g}")
        rates = ["too few" if r is None else f"{r:.2%}" for r in error_rates(cases)]
        print(f"{more:11g} " + "".join(f"{rate:>12}" for rate in rates))


if __name__ == "__main__":
    main()

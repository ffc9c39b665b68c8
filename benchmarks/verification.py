"""How well a voice engine tells people apart: EER, the threshold, its false accepts and rejects.

    python -m benchmarks.verification --engine resnet34-lm --clips LIBRISPEECH

The trials are of council members in different meetings (`speakerbox-voices`, fetched unless
--sessions names a folder MEETING/SPEAKER/*.wav): a target trial is one person in two meetings, the
others are of any two people, the same meeting included. With --clips, a folder of
SPEAKER-CHAPTER-UTTERANCE.flac, one clip of each reader, also of readers: the first half is
enrolled, the second one tested.

Voices are of the speech in a clip, as `diarize voices` takes them, cut to lengths from 20 s to
1.5 s. The threshold (a wrong name is ten times as bad as none) and what a score means are chosen on
one half of the people and judged on the other, both ways; what the package carries is chosen on
all, with --clips.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.data import fetch
from diarize.audio import Recording
from diarize.models.weights import weights_folder
from diarize.records import SAMPLE_RATE_HZ
from diarize.vad import speech_probabilities, speech_regions
from diarize.voices.engines import SPECS, Engine
from diarize.voices.loading import load_engine
from diarize.voices.scoring import Calibration, Cohort, calibration, score

LONGEST_S = 20.0
SHORTEST_CLIP_S = 3.0
LENGTHS_S = (
    *((LONGEST_S, tested_s) for tested_s in (LONGEST_S, 5.0, 2.0, 1.5)),
    *((both_s, both_s) for both_s in (3.0, 2.0, 1.5)),
)
"""At most so many seconds are enrolled, and tested."""
FALSE_ACCEPT_COST = 10
"""A wrong name is that much worse than none: the threshold minimises FR + 10 FA."""


@dataclass(frozen=True)
class Clip:
    """One piece of one person's speech; `side` 0 is enrolled, 1 is tested, None may be either."""

    speaker: str
    session: str
    side: int | None
    samples: np.ndarray

    def cut(self, seconds: float) -> np.ndarray:
        """The middle `seconds`, or what there is."""
        length = min(len(self.samples), int(seconds * SAMPLE_RATE_HZ))
        first = (len(self.samples) - length) // 2
        return self.samples[first : first + length]


def speech(path: Path) -> np.ndarray:
    with Recording.open(path) as recording:
        regions = speech_regions(speech_probabilities(recording), recording.n_samples)
        pieces = [recording.read(int(start), int(end)) for start, end in regions]
        return np.concatenate([np.zeros(0, np.float32), *pieces])


def session_clips(folder: Path) -> list[Clip]:
    clips = []
    for path in sorted(folder.glob("*/*/*.wav")):
        samples = speech(path)
        if len(samples) >= SHORTEST_CLIP_S * SAMPLE_RATE_HZ:
            clips.append(Clip(path.parts[-2], path.parts[-3], None, samples))
    return clips


def half_clips(folder: Path) -> list[Clip]:
    clips = []
    for path in sorted(folder.glob("*.flac")):
        samples, speaker = speech(path), path.name.split("-")[0]
        middle = len(samples) // 2
        clips.append(Clip(speaker, "a", 0, samples[:middle]))
        clips.append(Clip(speaker, "b", 1, samples[middle:]))
    return clips


def embeddings(clips: list[Clip], engine: Engine, seconds: float, cache: Path | None) -> np.ndarray:
    """(clips, dim); kept in `cache` under a name made of the sound and the engine."""
    key = hashlib.sha256(f"{engine.spec.sha256}{seconds}".encode())
    for clip in clips:
        key.update(clip.samples.tobytes())
    path = cache / f"{engine.spec.name}-{key.hexdigest()[:16]}.npy" if cache else None
    if path and path.exists():
        return np.load(path, allow_pickle=False)
    rows = np.stack([engine.embed(clip.cut(seconds)) for clip in clips])
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, rows)
    return rows


def trials(clips: list[Clip]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index pairs (enrolled, tested) and whether they are one person."""
    pairs = [
        (i, j)
        for (i, a), (j, b) in itertools.product(enumerate(clips), repeat=2)
        if (a.session, a.speaker) != (b.session, b.speaker)
        and a.side in (0, None)
        and b.side in (1, None)
    ]
    enrolled, tested = np.array(pairs).T
    names = np.array([c.speaker for c in clips])
    return enrolled, tested, names[enrolled] == names[tested]


def error_rates(scores: np.ndarray, same: np.ndarray, threshold: float) -> tuple[float, float]:
    """(false accept rate, false reject rate): shares of non-target and of target trials."""
    return float((scores[~same] >= threshold).mean()), float((scores[same] < threshold).mean())


def equal_error_rate(scores: np.ndarray, same: np.ndarray) -> float:
    """The rate where the two rates cross."""
    order = np.argsort(scores, kind="stable")
    rejects = np.cumsum(same[order]) / same.sum()
    accepts = 1 - np.cumsum(~same[order]) / (~same).sum()
    at = int(np.argmin(np.abs(rejects - accepts)))
    return float((rejects[at] + accepts[at]) / 2)


def voices_of(clips: list[Clip], speakers: list[str], rows: np.ndarray) -> np.ndarray:
    """One voice a speaker, the mean of their embeddings: (speakers, dim)."""
    names = np.array([c.speaker for c in clips])
    means = np.stack([rows[names == s].mean(axis=0) for s in speakers])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def split_half(names: list[str], purpose: str = "choose") -> dict[str, int]:
    """People in halves 0 and 1, by the hash of the name: nobody is in both."""
    return {n: hashlib.sha256(f"{purpose} {n}".encode()).digest()[0] % 2 for n in set(names)}


@dataclass(frozen=True)
class Condition:
    """The trials of one set at one pair of lengths. `people` are the two sides' speakers, `lifts`
    how often either side halves, from FULL_S on, in all."""

    name: str
    cosines: np.ndarray
    scores: np.ndarray
    lifts: np.ndarray
    same: np.ndarray
    people: tuple[np.ndarray, np.ndarray]

    def within(self, half: int | None) -> np.ndarray:
        """The trials whose people are both in one half: threshold and figures share nobody."""
        if half is None:
            return np.ones(len(self.same), bool)
        halves = split_half([*self.people[0], *self.people[1]])
        return np.array(
            [halves[a] == half == halves[b] for a, b in zip(*self.people, strict=True)], bool
        )

    def plain(self) -> Condition:
        """As cosines, whatever the lengths."""
        return replace(self, scores=self.cosines, lifts=np.zeros_like(self.lifts))


def conditions(
    name: str, clips: list[Clip], cohort: Cohort | None, engine: Engine, cache: Path | None
) -> list[Condition]:
    first, second, same = trials(clips)
    speakers = np.array([c.speaker for c in clips])
    seconds = np.array([len(c.samples) for c in clips]) / SAMPLE_RATE_HZ
    rows = {s: embeddings(clips, engine, s, cache) for s in {s for pair in LENGTHS_S for s in pair}}
    plain, once = Calibration(0, 0, 1), Calibration(0, 0, 1, drop=1)
    found = []
    for enrolled_s, tested_s in LENGTHS_S:
        sides = rows[enrolled_s], rows[tested_s]
        cosines = score(*sides, plain)[first, second]
        scores = score(*sides, replace(plain, cohort=cohort))[first, second]
        lifts = once.lift(np.minimum(seconds, enrolled_s))[first]
        lifts = lifts + once.lift(np.minimum(seconds, tested_s))[second]
        label = f"{name}, {enrolled_s:g} s and {tested_s:g} s"
        people = (speakers[first], speakers[second])
        found.append(Condition(label, cosines, scores, lifts, same, people))
    return found


def choose(found: list[Condition], half: int | None) -> Calibration:
    """What scores mean, from the trials of one half of the people (None: of all).

    Every condition and either answer counts the same, however many trials it has.
    """
    picked = [(c, c.within(half)) for c in found]
    scores, lifts, same = (
        np.concatenate([getattr(c, field)[m] for c, m in picked])
        for field in ("scores", "lifts", "same")
    )
    weights = np.concatenate(
        [np.where(c.same[m], 1 / c.same[m].sum(), 1 / (~c.same[m]).sum()) for c, m in picked]
    )
    model = LogisticRegression(C=1e6, tol=1e-9, max_iter=10_000)
    model.fit(np.stack([scores, lifts], 1), same, weights * len(weights))
    slope, shift = (float(v) for v in model.coef_[0])
    drop = shift / slope
    raised = scores + drop * lifts
    order = np.argsort(-raised, kind="stable")
    accepted = np.cumsum(np.where(same, 0, weights)[order]) / weights[~same].sum()
    rejected = 1 - np.cumsum(np.where(same, weights, 0)[order]) / weights[same].sum()
    threshold = float(raised[order][np.argmin(rejected + FALSE_ACCEPT_COST * accepted)])
    return Calibration(threshold, -float(model.intercept_[0]) / slope, slope, drop)


def judge(condition: Condition, known: Calibration, half: int | None) -> tuple[float, float]:
    """False accept and false reject rates of one condition, on one half of the people."""
    m = condition.within(half)
    scores = condition.scores + known.drop * condition.lifts
    return error_rates(scores[m], condition.same[m], known.threshold)


def report(found: list[Condition], shipped: Calibration) -> None:
    """The calibration from everybody, and what it costs people it was not chosen on."""
    chosen = [choose(found, half) for half in (None, 0, 1)]
    cosines = [choose([c.plain() for c in found], half) for half in (None, 0, 1)]
    print(f"  chosen on everybody: {rounded(chosen[0])}; of cosines: {cosines[0].threshold:.2f}")
    print(f"  on either half of the people: {rounded(chosen[1])}, {rounded(chosen[2])}")
    print(f"  {'':29}    trials            on others      as shipped     cosines, on others")
    print(f"  {'enrolled and tested, at most':29} same  others    EER{'     FA     FR' * 3}")
    for c in found:
        raised = c.scores + chosen[0].drop * c.lifts
        figures = f"{c.same.sum():4} {(~c.same).sum():7}  {equal_error_rate(raised, c.same):6.1%}"
        for accepts, rejects in (
            others(c, chosen),
            judge(c, shipped, None),
            others(c.plain(), cosines),
        ):
            figures += f" {accepts:6.1%} {rejects:6.1%}"
        print(f"  {c.name:29} {figures}")


def others(condition: Condition, chosen: list[Calibration]) -> tuple[float, float]:
    """False accepts and rejects on people that the threshold was not chosen on, both ways."""
    halves = [judge(condition, chosen[1], 1), judge(condition, chosen[2], 0)]
    accepts, rejects = np.mean(halves, axis=0).tolist()
    return accepts, rejects


def rounded(known: Calibration) -> str:
    return (
        f"Calibration({known.threshold:.3f}, {known.midpoint:.3f}, {known.slope:.1f}, "
        f"{known.drop:.3f})"
    )


def readers(
    folder: Path, engine: Engine, cache: Path | None
) -> tuple[list[Clip], Cohort, Cohort, np.ndarray]:
    """Half of the readers, to be tried; the cohort of all; that of the other half; all voices."""
    clips = half_clips(folder)
    speakers = sorted({c.speaker for c in clips})
    voices = voices_of(clips, speakers, embeddings(clips, engine, LONGEST_S, cache))
    # All readers are strangers to the meetings; to one half of themselves the other half is.
    halves = split_half(speakers, "cohort")
    strangers = voices[[halves[s] == 1 for s in speakers]]
    tried = [c for c in clips if halves[c.speaker] == 0]
    return tried, Cohort.of(voices), Cohort.of(strangers), voices


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=Path, help="MEETING/SPEAKER/*.wav")
    parser.add_argument("--clips", type=Path, help="SPEAKER-*.flac, such as LibriSpeech's")
    parser.add_argument("--engine", default="resnet34-lm", choices=SPECS)
    parser.add_argument("--cache", type=Path, help="folder to keep embeddings in between runs")
    parser.add_argument("--plain", action="store_true", help="cosines, no cohort")
    parser.add_argument("--write-cohort", action="store_true", help="ship the readers as cohort")
    options = parser.parse_args()
    if options.write_cohort and not options.clips:
        parser.error("--write-cohort needs the readers of --clips")
    engine, cache = load_engine(options.engine), options.cache
    meetings = session_clips(options.sessions or fetch("speakerbox-voices"))
    near, tried = calibration(engine.spec.sha256).cohort, []
    if options.clips:
        tried, near, far, voices = readers(options.clips, engine, cache)
        if options.write_cohort:
            path = weights_folder() / "engines" / f"{options.engine}.cohort.npy"
            np.save(path, voices.astype(np.float16))
    found = conditions("meetings", meetings, None if options.plain else near, engine, cache)
    if tried:
        found += conditions("readers", tried, None if options.plain else far, engine, cache)
    print(f"{options.engine}: {len(meetings)} clips of meetings, {len(tried)} halves of readings")
    report(found, calibration(engine.spec.sha256))


if __name__ == "__main__":
    main()

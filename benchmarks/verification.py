"""How well a voice engine tells people apart: EER, the threshold, its false accepts and rejects.

    python benchmarks/verification.py --sessions SPEAKERBOX --clips LIBRISPEECH --engine resnet34-lm

SPEAKERBOX is a folder MEETING/SPEAKER/*.wav (`diarized.zip` of PyPI speakerbox 1.2.0, unpacked):
a target trial is one person in two different meetings, the others are of any two people, the same
meeting included. LIBRISPEECH is a folder of SPEAKER-CHAPTER-UTTERANCE.flac, one clip each: its
first half is enrolled, the second one tested.
The enrolled side is whole (20 s at most), the tested side is whole, 5 s or 2 s.
Threshold (a wrong name is ten times as bad as none) and calibration are chosen on one half of the
people and judged on the other, both ways; what the package carries is chosen on all.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from diarize.audio import Recording
from diarize.models.weights import weights_folder
from diarize.records import SAMPLE_RATE_HZ
from diarize.voices.engines import SPECS, Engine
from diarize.voices.loading import load_engine
from diarize.voices.scoring import FULL_S, Calibration, Cohort, score

LONGEST_S = 20
SHORTEST_CLIP_S = 3.0
TESTED_S = (None, 5.0, 2.0)
FALSE_ACCEPT_COST = 10
"""A wrong name is that much worse than none: the threshold minimises FR + 10 FA."""


@dataclass(frozen=True)
class Clip:
    """One piece of one person's speech; `side` 0 is enrolled, 1 is tested, None may be either."""

    speaker: str
    session: str
    side: int | None
    samples: np.ndarray


def read(path: Path) -> np.ndarray:
    with Recording.open(path) as recording:
        return recording.read(0, recording.n_samples)


def session_clips(folder: Path) -> list[Clip]:
    clips = []
    for path in sorted(folder.glob("*/*/*.wav")):
        samples = read(path)
        if len(samples) >= SHORTEST_CLIP_S * SAMPLE_RATE_HZ:
            clips.append(Clip(path.parts[-2], path.parts[-3], None, samples))
    return clips


def half_clips(folder: Path) -> list[Clip]:
    clips = []
    for path in sorted(folder.glob("*.flac")):
        samples, speaker = read(path), path.name.split("-")[0]
        middle = len(samples) // 2
        clips.append(Clip(speaker, "a", 0, samples[:middle]))
        clips.append(Clip(speaker, "b", 1, samples[middle:]))
    return clips


def cut(samples: np.ndarray, seconds: float | None) -> np.ndarray:
    """The middle `seconds`, or what there is up to LONGEST_S."""
    length = min(len(samples), int((seconds or LONGEST_S) * SAMPLE_RATE_HZ))
    first = (len(samples) - length) // 2
    return samples[first : first + length]


def embeddings(clips: list[Clip], engine: Engine, seconds: float | None, cache: Path | None):
    """(clips, dim); kept in `cache` under a name made of the sound and the engine."""
    key = hashlib.sha256(f"{engine.spec.sha256}{seconds}".encode())
    for clip in clips:
        key.update(clip.samples[:4000].tobytes())
    path = cache / f"{engine.spec.name}-{key.hexdigest()[:16]}.npy" if cache else None
    if path and path.exists():
        return np.load(path, allow_pickle=False)
    rows = np.stack([engine.embed(cut(c.samples, seconds)) for c in clips])
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


def equal_error_rate(scores: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """(EER, its threshold), where the two rates cross."""
    order = np.argsort(scores, kind="stable")
    rejects = np.cumsum(same[order]) / same.sum()
    accepts = 1 - np.cumsum(~same[order]) / (~same).sum()
    at = int(np.argmin(np.abs(rejects - accepts)))
    return float((rejects[at] + accepts[at]) / 2), float(scores[order][at])


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
    """The trials of one folder at one tested length. `people` are the two sides' speakers,
    `halvings` how many times the shorter side fits into FULL_S, in powers of two."""

    name: str
    cosines: np.ndarray
    scores: np.ndarray
    halvings: np.ndarray
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


def conditions(
    name: str, clips: list[Clip], cohort: Cohort | None, engine: Engine, cache: Path | None
) -> list[Condition]:
    first, second, same = trials(clips)
    used, column = np.unique(second, return_inverse=True)
    speakers = np.array([c.speaker for c in clips])
    seconds = np.array([len(c.samples) for c in clips]) / SAMPLE_RATE_HZ
    whole = embeddings(clips, engine, None, cache)
    plain = Calibration(0, 0, 1)
    found = []
    for length in TESTED_S:
        tested = embeddings([clips[i] for i in used], engine, length, cache)
        cosines = score(whole, tested, plain)[first, column]
        scores = score(whole, tested, replace(plain, cohort=cohort))[first, column]
        shorter = np.minimum(seconds[first], np.minimum(seconds[second], length or LONGEST_S))
        halvings = np.maximum(0, np.log2(FULL_S / shorter))
        label = f"{name}, {f'{length:.0f} s' if length else 'whole'}"
        people = (speakers[first], speakers[second])
        found.append(Condition(label, cosines, scores, halvings, same, people))
    return found


def choose(found: list[Condition], half: int | None) -> Calibration:
    """What scores mean, from the trials of one half of the people (None: of all).

    Every condition and either answer counts the same, however many trials it has.
    """
    picked = [(c, c.within(half)) for c in found]
    scores, halvings, same = (
        np.concatenate([getattr(c, field)[m] for c, m in picked])
        for field in ("scores", "halvings", "same")
    )
    weights = np.concatenate(
        [np.where(c.same[m], 1 / c.same[m].sum(), 1 / (~c.same[m]).sum()) for c, m in picked]
    )
    model = LogisticRegression(C=1e6, max_iter=1000)
    model.fit(np.stack([scores, halvings], 1), same, weights * len(weights))
    slope, shift = (float(v) for v in model.coef_[0])
    drop = shift / slope
    shifted = scores + drop * halvings
    order = np.argsort(-shifted, kind="stable")
    accepted = np.cumsum(np.where(same, 0, weights)[order]) / weights[~same].sum()
    rejected = 1 - np.cumsum(np.where(same, weights, 0)[order]) / weights[same].sum()
    threshold = float(shifted[order][np.argmin(rejected + FALSE_ACCEPT_COST * accepted)])
    return Calibration(threshold, -float(model.intercept_[0]) / slope, slope, drop)


def judge(condition: Condition, known: Calibration, half: int | None) -> tuple[float, float]:
    """False accept and false reject rates of one condition, on one half of the people."""
    m = condition.within(half)
    scores = condition.scores + known.drop * condition.halvings
    return error_rates(scores[m], condition.same[m], known.threshold)


def report(found: list[Condition]) -> None:
    """The calibration from everybody, and what it costs people it was not chosen on."""
    everybody, first, second = (choose(found, half) for half in (None, 0, 1))
    print(f"  chosen on everybody: {rounded(everybody)}")
    print(f"  on either half of the people: {rounded(first)}, {rounded(second)}")
    print(f"  {'':18}  same  different  EER (of plain cosines)  FA and FR chosen on all  on others")
    for c in found:
        eer, plain = (equal_error_rate(s, c.same)[0] for s in (c.scores, c.cosines))
        known = judge(c, everybody, None)
        others = np.mean([judge(c, first, 1), judge(c, second, 0)], axis=0)
        print(
            f"  {c.name:18} {c.same.sum():5} {(~c.same).sum():10}  {eer:6.2%} {f'({plain:.2%})':>9}"
            f"  {known[0]:16.2%} {known[1]:6.2%}  {others[0]:13.2%} {others[1]:6.2%}"
        )


def rounded(known: Calibration) -> str:
    return (
        f"Calibration({known.threshold:.3f}, {known.midpoint:.3f}, {known.slope:.1f}, "
        f"{known.drop:.3f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=Path, required=True, help="MEETING/SPEAKER/*.wav")
    parser.add_argument("--clips", type=Path, required=True, help="SPEAKER-*.flac")
    parser.add_argument("--engine", default="resnet34-lm", choices=SPECS)
    parser.add_argument("--cache", type=Path, help="folder to keep embeddings in between runs")
    parser.add_argument("--plain", action="store_true", help="plain cosines, no cohort")
    parser.add_argument("--write-cohort", action="store_true", help="ship the readers as cohort")
    options = parser.parse_args()
    engine = load_engine(options.engine)
    read_voices, meetings = half_clips(options.clips), session_clips(options.sessions)
    speakers = sorted({c.speaker for c in read_voices})
    voices = voices_of(read_voices, speakers, embeddings(read_voices, engine, None, options.cache))
    if options.write_cohort:
        path = weights_folder() / "engines" / f"{options.engine}.cohort.npy"
        np.save(path, voices.astype(np.float16))
    # All readers are strangers to the meetings; to one half of themselves the other half is.
    halves = split_half(speakers, "cohort")
    strangers = voices[[halves[s] == 1 for s in speakers]]
    tried = [c for c in read_voices if halves[c.speaker] == 0]
    near, far = (None, None) if options.plain else (Cohort.of(voices), Cohort.of(strangers))
    found = conditions("speakerbox", meetings, near, engine, options.cache)
    found += conditions("LibriSpeech", tried, far, engine, options.cache)
    print(f"{options.engine}: {len(meetings)} clips of meetings, {len(tried)} halves of readings")
    report(found)


if __name__ == "__main__":
    main()

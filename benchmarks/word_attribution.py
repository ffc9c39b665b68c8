"""Words given to the wrong speaker: by which rule, on whose turns, and why.

    python -m benchmarks.word_attribution FOLDER… [--words FILE] [--jitter 0.2] [--list]

A FOLDER holds recordings with RTTM and STM or SegLST (`benchmarks.data.load`). Words come from our
recogniser along our turns (with --words FILE kept there, for this state of our code). They are
given to speakers by `diarize.alignment`, by WhisperX's rule and by largest overlap, on our turns
and on the true ones, every edge of which may be moved by a random amount of up to the jitter. Wrong
words are told apart:

- overlap: several people speak there, in truth: undecidable;
- ours: our turns (or the moved ones) have the right speaker there, the rule chose another;
- change: within 0.3 s of where a true turn begins or ends;
- short: in a true turn of less than a second, missed by the turns;
- turns: the turns have the wrong speaker; unknown: given to nobody.

Where every word's time is known (SegLST), it says how far ours are off. Last come all folders
pooled.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import whisperx_rule
from benchmarks.data import Item, load
from benchmarks.fetching import file_sha256
from benchmarks.judging import truth
from benchmarks.workers import ours
from diarize.alignment import align
from diarize.formats import seglst
from diarize.metrics.cpwer import cp_word_error
from diarize.metrics.edit_distance import WordErrors, align_words
from diarize.metrics.normalise import normalise
from diarize.metrics.timeline import best_mapping
from diarize.metrics.wer import words_in_order
from diarize.pipeline import Pipeline
from diarize.records import UNKNOWN, Turn, Utterance, Word

Turns = Sequence[Turn]
Rule = Callable[[Sequence[Word], Turns, Turns], tuple[Utterance, ...]]
NEAR_S = 0.3
SAME_S = 2.0
"""Words of one text that lie further apart are two, not one at the wrong time."""
SHORT_S = 1.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What we make of one recording: words, and turns as they overlap and one at a time."""

    words: list[Word]
    turns: list[Turn]
    exclusive: list[Turn]


def hold_floor(turns: Turns) -> list[Turn]:
    """Exclusive turns: who speaks keeps the floor to the end; what lies within is left out."""
    held: list[Turn] = []
    for turn in sorted(turns, key=lambda t: (t.start, -t.end)):
        start = max(turn.start, held[-1].end) if held else turn.start
        if turn.end > start:
            held.append(replace(turn, start=start))
    return held


def largest_overlap(words: Sequence[Word], turns: Turns, exclusive: Turns) -> tuple[Utterance, ...]:
    """The plain rule: each word by itself to the exclusive turn that it overlaps most."""
    said = []
    for w in words:
        overlap = [min(w.end, t.end) - max(w.start, t.start) for t in exclusive]
        speaker = exclusive[int(np.argmax(overlap))].speaker if overlap else UNKNOWN
        said.append(Utterance(speaker, w.start, w.end, w.text, (w,)))
    return tuple(said)


RULES: dict[str, Rule] = {
    "align": align,
    "whisperx": lambda words, turns, _: whisperx_rule.assign(words, turns),
    "largest overlap": largest_overlap,
}


def jittered(turns: Turns, jitter_s: float, generator: np.random.Generator) -> list[Turn]:
    """Both edges of every turn moved by up to `jitter_s`; no turn becomes empty."""
    moved = []
    for t in turns:
        start, end = np.array([t.start, t.end]) + generator.uniform(-jitter_s, jitter_s, 2)
        moved.append(replace(t, start=max(0.0, float(start)), end=float(max(end, start + 0.05))))
    return sorted(moved, key=lambda t: t.start)


def listen(pipeline: Pipeline, item: Item) -> Heard:
    """Our words and turns of one recording."""
    result = pipeline(item.audio)
    words = [w for u in result.utterances for w in u.words]
    words.sort(key=lambda w: (w.start, w.end))
    return Heard(words, list(result.turns), list(result.exclusive))


def hear(
    pipeline: Pipeline, version: str, items: dict[str, Item], file: Path | None
) -> dict[str, Heard]:
    """Our words and turns of all `items`. What `file` has, by version and the recording's bytes, is
    taken from there; the rest is put there."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else {}
    heard = {}
    for key, item in items.items():
        known_by = f"{version} {file_sha256(item.audio)}"
        if known_by not in kept:
            kept[known_by] = asdict(listen(pipeline, item))
        heard[key] = _heard(kept[known_by])
    if file:
        file.write_text(json.dumps(kept), encoding="utf-8")
    return heard


def wrong_words(
    said: Sequence[Utterance], held: Turns, found: Sequence[Utterance], turns: Turns
) -> tuple[int, list[tuple[Word, str]]]:
    """How many recognised words have a counterpart, and those under the wrong speaker, with why.

    Args:
        said: what was said by whom. held: by the true turns.
        found: what was recognised, and to whom `turns` and a rule gave it.
    """
    spoken = words_in_order(said, normalise)
    heard = [(text, u.speaker, w) for u in found for w in u.words for text in _texts(w)]
    heard.sort(key=lambda h: h[2].start + h[2].end)
    pairs = align_words([text for text, _ in spoken], [text for text, _, _ in heard]).pairs.tolist()
    people = sorted({speaker for _, speaker in spoken})
    labels = sorted({speaker for _, speaker, _ in heard} - {UNKNOWN})
    together = np.zeros((len(people), len(labels)), np.int64)
    for r, h in pairs:
        if heard[h][1] != UNKNOWN:
            together[people.index(spoken[r][1]), labels.index(heard[h][1])] += 1
    label_of = {people[r]: labels[h] for r, h in best_mapping(together)}
    wrong = []
    for r, h in pairs:
        _, label, word = heard[h]
        right = label_of.get(spoken[r][1])
        if label != right or right is None:
            wrong.append((word, _why(word, label, spoken[r][1], right, held, turns)))
    return len(pairs), wrong


def _texts(word: Word) -> list[str]:
    return normalise(word.text).split()


def _why(word: Word, label: str, person: str, right: str | None, held: Turns, turns: Turns) -> str:
    at = (word.start + word.end) / 2
    if label == UNKNOWN:
        return "unknown"
    if len({t.speaker for t in held if t.start - 0.1 <= at <= t.end + 0.1}) > 1:
        return "overlap"
    if any(t.speaker == right and t.start <= at <= t.end for t in turns):
        return "ours"
    if any(min(abs(at - t.start), abs(at - t.end)) < NEAR_S for t in held):
        return "change"
    own = [t.duration for t in held if t.speaker == person and t.start <= at <= t.end]
    return "short" if own and max(own) < SHORT_S else "turns"


def measure(items: dict[str, Item], heard: dict[str, Heard], jitter_s: float, show: bool) -> None:
    """Print one line per kind of turns and rule."""
    generator = np.random.default_rng(0)
    moved = {n: jittered(truth(item)[0], jitter_s, generator) for n, item in items.items()}
    for whose in ("ours", "true"):
        for name, rule in RULES.items():
            aligned, reasons, errors, cp = 0, Counter[str](), WordErrors(), WordErrors()
            for key, item in items.items():
                held, said = truth(item)
                assert said is not None
                ours = heard[key]
                turns, exclusive = ours.turns, ours.exclusive
                if whose == "true":
                    turns, exclusive = moved[key], hold_floor(moved[key])
                found = rule(ours.words, turns, exclusive)
                n, wrong = wrong_words(said, held, found, turns)
                aligned += n
                reasons.update(why for _, why in wrong)
                rate = cp_word_error(said, found, normaliser=normalise)
                cp += rate.errors
                spoken = [text for text, _ in words_in_order(said, normalise)]
                texts = [text for w in ours.words for text in _texts(w)]
                errors += align_words(spoken, texts).errors
                if show and name == "align":
                    for word, why in wrong:
                        print(f"  {item.name} {word.start:7.2f} {word.text} ({whose}): {why}")
            _print(f"{whose} turns, {name}", aligned, reasons, errors, cp)


def measure_times(items: dict[str, Item], heard: dict[str, Heard]) -> None:
    """Print how far words are from where they were placed, where that is known."""
    off_s: list[tuple[float, float]] = []
    for key, item in items.items():
        if item.seglst is None:
            continue
        placed = seglst.read(item.seglst.read_text(encoding="utf-8"))[item.name]
        true, ours = (
            sorted((w.start + w.end, t[0], w) for w in words if len(t := _texts(w)) == 1)
            for words in ([Word(u.text, u.start, u.end) for u in placed], heard[key].words)
        )
        for r, h in align_words([t for _, t, _ in true], [t for _, t, _ in ours]).pairs.tolist():
            (at, said, word), (ours_at, told, own) = true[r], ours[h]
            if said == told and abs(ours_at - at) < 2 * SAME_S:
                off_s.append((own.start - word.start, own.end - word.end))
    if off_s:
        off = np.array(off_s)
        begin_s, end_s = np.abs(off).mean(axis=0)
        far = int((np.abs(off.mean(axis=1)) > NEAR_S).sum())
        print(
            f"times of {len(off)} words: begin off by {begin_s:.3f} s, end by {end_s:.3f} s,"
            f" {far} by more than {NEAR_S} s"
        )


def _print(
    name: str, aligned: int, reasons: Counter[str], errors: WordErrors, cp: WordErrors
) -> None:
    wrong = reasons.total()
    decidable = wrong - reasons["overlap"]
    kinds = ", ".join(f"{n} {why}" for why, n in reasons.most_common())
    print(
        f"{name:28} WER {100 * (errors.rate or 0):5.2f} %  cpWER {100 * (cp.rate or 0):5.2f} %"
        f"  wrong {100 * wrong / max(aligned, 1):5.2f} %,"
        f" decidable {100 * decidable / max(aligned, 1):5.2f} %  ({kinds})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--model", default="base")
    parser.add_argument("--language", default="en")
    parser.add_argument("--words", type=Path, help="keep what we make of the recordings here")
    parser.add_argument("--list", action="store_true", help="every word that align gets wrong")
    options = parser.parse_args()
    pipeline = Pipeline(model=options.model, language=options.language)
    version = ours(words=True, model=options.model, language=options.language).version
    every: dict[str, Item] = {}
    heard: dict[str, Heard] = {}
    for folder in options.folders:
        items = {f"{folder}/{i.name}": i for i in load(folder) if truth(i)[1] is not None}
        heard |= hear(pipeline, version, items, options.words)
        print(folder)
        measure(items, heard, options.jitter, options.list)
        every |= items
    measure_times(every, heard)
    if len(options.folders) > 1:
        print("all of these")
        measure(every, heard, options.jitter, show=False)


def _heard(kept: dict[str, list[dict[str, object]]]) -> Heard:
    return Heard(
        [Word(**w) for w in kept["words"]],  # type: ignore[arg-type]
        [Turn(**t) for t in kept["turns"]],  # type: ignore[arg-type]
        [Turn(**t) for t in kept["exclusive"]],  # type: ignore[arg-type]
    )


if __name__ == "__main__":
    main()

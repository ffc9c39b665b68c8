"""Words given to the wrong speaker: `diarize.alignment` against the largest overlap in time.

    python -m benchmarks.word_attribution FOLDER [--jitter 0 0.1 0.2 0.3] [--seeds 5]

FOLDER holds recordings with RTTM and STM (`benchmarks.data.load`). Words come from our recogniser
(once per recording, kept with --words FILE); turns are the true ones, every edge moved by a random
amount of up to the jitter, so that only the rule is compared and not the diarization.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from benchmarks.data import Item, load
from diarize.alignment import align
from diarize.audio import Recording
from diarize.formats import rttm, stm
from diarize.metrics.cpwer import cp_word_error
from diarize.metrics.edit_distance import WordErrors
from diarize.metrics.normalise import normalise
from diarize.metrics.wder import WordDiarizationErrors, word_diarization_error
from diarize.records import UNKNOWN, Turn, Utterance, Word
from diarize.transcription import Transcriber
from diarize.vad import speech_probabilities, speech_regions

Rule = Callable[[list[Word], list[Turn], list[Turn]], tuple[Utterance, ...]]


def hold_floor(turns: list[Turn] | tuple[Turn, ...]) -> list[Turn]:
    """Exclusive turns: who speaks keeps the floor to the end; what lies within is left out."""
    held: list[Turn] = []
    for turn in sorted(turns, key=lambda t: (t.start, -t.end)):
        start = max(turn.start, held[-1].end) if held else turn.start
        if turn.end > start:
            held.append(replace(turn, start=start))
    return held


def largest_overlap(
    words: list[Word], turns: list[Turn], exclusive: list[Turn]
) -> tuple[Utterance, ...]:
    """The plain rule: each word by itself to the exclusive turn that it overlaps most."""
    said = []
    for w in words:
        overlap = [min(w.end, t.end) - max(w.start, t.start) for t in exclusive]
        speaker = exclusive[int(np.argmax(overlap))].speaker if overlap else UNKNOWN
        said.append(Utterance(speaker, w.start, w.end, w.text, (w,)))
    return tuple(said)


def jittered(turns: list[Turn], jitter_s: float, generator: np.random.Generator) -> list[Turn]:
    """Both edges of every turn moved by up to `jitter_s`; no turn becomes empty."""
    moved = []
    for t in turns:
        start, end = np.array([t.start, t.end]) + generator.uniform(-jitter_s, jitter_s, 2)
        moved.append(replace(t, start=max(0.0, float(start)), end=float(max(end, start + 0.05))))
    return sorted(moved, key=lambda t: t.start)


def recognise(items: list[Item], model: str, language: str) -> dict[str, list[Word]]:
    """Words of every recording."""
    transcriber = Transcriber(model, language=language)
    words = {}
    for item in items:
        turns = hold_floor(_turns(item))
        with Recording.open(item.audio) as recording:
            speech = speech_regions(speech_probabilities(recording), recording.n_samples)
            words[item.name] = list(transcriber(recording, speech, turns).words)
    return words


def _turns(item: Item) -> list[Turn]:
    return list(rttm.read(item.rttm.read_text()).get(item.name, ()))


def measure(items: list[Item], words: dict[str, list[Word]], jitter_s: float, seeds: int) -> None:
    """Print one line per rule: WDER and cpWER, pooled over recordings and seeds."""
    rules: dict[str, Rule] = {"largest overlap": largest_overlap, "align": align}
    for name, rule in rules.items():
        wrong, cp = WordDiarizationErrors(), WordErrors()
        for seed in range(seeds if jitter_s else 1):
            generator = np.random.default_rng(seed)
            for item in items:
                assert item.stm is not None
                reference = stm.read(item.stm.read_text()).get(item.name, ())
                turns = jittered(_turns(item), jitter_s, generator)
                found = rule(words[item.name], turns, hold_floor(turns))
                wrong += word_diarization_error(reference, found, normaliser=normalise)
                cp += cp_word_error(reference, found, normaliser=normalise).errors
        print(
            f"jitter {jitter_s:.1f} s  {name:16} WDER {100 * (wrong.rate or 0):5.2f} %"
            f"  cpWER {100 * (cp.rate or 0):5.2f} %  UNKNOWN {wrong.unknown}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jitter", nargs="+", type=float, default=[0.0, 0.1, 0.2, 0.3])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", default="base")
    parser.add_argument("--language", default="en")
    parser.add_argument("--words", type=Path, help="keep the recognised words here")
    options = parser.parse_args()
    items = [item for item in load(options.folder) if item.stm is not None]
    if options.words and options.words.exists():
        kept = json.loads(options.words.read_text())
        words = {name: [Word(**w) for w in found] for name, found in kept.items()}
    else:
        words = recognise(items, options.model, options.language)
        if options.words:
            kept = {name: [asdict(w) for w in found] for name, found in words.items()}
            options.words.write_text(json.dumps(kept))
    for jitter_s in options.jitter:
        measure(items, words, jitter_s, options.seeds)


if __name__ == "__main__":
    main()

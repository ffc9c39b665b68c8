"""Simulated conversations from the command line: ``python -m benchmarks.simulate --help``.

One set by its parameters, or the sets of a recipe file (``--recipe benchmarks/simulated.toml``).
The same seed and the same voices give the same bytes. Voices, noise and timelines that are not
named are those on board (``simulator/material``: 40 voices that nothing was tuned on).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmarks.simulator.conversation import Conversation, Timeline, simulate, write
from benchmarks.simulator.recipe import Recipe, first_of, read_recipes
from benchmarks.simulator.turns import read_timeline
from benchmarks.simulator.voices import AUDIO_SUFFIXES, Voice, load_voices

MATERIAL = Path(__file__).parent / "simulator" / "material"
FIELDS = {
    "name": "name",
    "count": "count",
    "speakers": "speakers",
    "minutes": "minutes",
    "style": "style",
    "copy": "copy_timelines",
    "dominant": "dominant",
    "room": "room",
    "snr": "snr_db",
    "telephone": "telephone",
    "levels": "level_sd_db",
    "variation": "variation",
}
"""Option → field of the recipe it is for."""
DRAWN = ("speakers", "style", "dominant")
"""What shapes turns that are drawn, and not those that are copied."""
NUMBER = r"(-?(?:\d+\.?\d*|\.\d+))"


def main(arguments: list[str] | None = None) -> int:
    """Write the sets asked for; 0 when all were written, 2 with one sentence when one cannot be."""
    options = _parser().parse_args(arguments)
    try:
        recipes = _recipes(options)
        if options.seed < 0:
            raise ValueError(f"--seed is {options.seed}: use a whole number from 0 up")
        voices = _voices(options.voices, options.part)
        noises = _noises(options.noise)
        timelines = _timelines(options.timelines)
        if not any(phrase.text for voice in voices for phrase in voice.phrases):
            _say(
                "no words: these voices have no text (python -m benchmarks.kokoro_voices makes "
                "voices that have)"
            )
        for recipe in recipes:
            folder = options.out / recipe.name if options.recipe else options.out
            for index in range(recipe.count):
                made = simulate(recipe, index, options.seed, voices, noises, timelines)
                write(made, folder, recipe.join_s)
                print(folder / f"{made.name}.flac", flush=True)
                _count_speakers(recipe, index, made)
    except (ValueError, OSError) as fault:
        _say(f"simulate: {fault}")
        return 2
    return 0


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _count_speakers(recipe: Recipe, index: int, made: Conversation) -> None:
    """Say so where somebody who was asked for found no time to speak."""
    asked, spoke = recipe.speakers_of(index), len({p.speaker for p in made.placed})
    if recipe.copy_timelines is None and spoke < asked:
        _say(f"simulate: only {spoke} of {asked} speak in {made.name}: longer minutes have more")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=__doc__)
    add = parser.add_argument
    add(
        "--voices",
        type=Path,
        help="folder of clips, speaker before the first '-' (default: the held-back ones on board)",
    )
    add("--noise", type=Path, default=MATERIAL / "noise", help="folder of background recordings")
    add(
        "--timelines",
        type=Path,
        default=MATERIAL / "timelines",
        help="folder of RTTM to copy turn-taking from",
    )
    add("--out", type=Path, required=True)
    add("--seed", type=int, default=1)
    add(
        "--part",
        choices=("dev", "held", "all"),
        default="all",
        help="of the voices: the first two thirds, the last third, or all (default)",
    )
    add("--recipe", type=Path, help="TOML of sets, instead of the options for one set")
    add("--sets", nargs="*", help="only these sets of the recipe file")
    _add_one_set(parser.add_argument_group("one set"))
    return parser


def _add_one_set(group: argparse._ArgumentGroup) -> None:
    """Options without a default here: that of the recipe holds, and who gave one is known."""

    def add(name: str, **settings: Any) -> None:
        group.add_argument(name, default=argparse.SUPPRESS, **settings)

    add("--name", help="default: sim")
    add("--count", type=int, help="of recordings; default: 10")
    add("--speakers", help="N or LOW-HIGH; default: 2-8")
    add("--minutes", help="M or LOW-HIGH; default: 5")
    add("--style", choices=("meeting", "broadcast", "telephone"), help="default: meeting")
    add("--copy", metavar="PREFIX", help="copy turns from the timelines of this name ('' any)")
    add("--dominant", type=float, help="share of the floor one speaker has")
    add("--room", choices=("none", "near", "far", "any"), help="default: none")
    add(
        "--snr",
        metavar="DB",
        help="background noise below speech, N or LOW-HIGH; below zero: --snr=-5, --snr=-5:5; "
        "with --telephone, in what that lets through",
    )
    add("--telephone", action="store_true", help="300-3400 Hz, 8 kHz, mu-law")
    add("--levels", type=float, help="spread of the speakers' levels (sd, dB); default: 2.5")
    add("--variation", type=float, help="how much a voice's phrases are varied; default: 1")


def _recipes(options: argparse.Namespace) -> list[Recipe]:
    given = {name: getattr(options, name) for name in FIELDS if hasattr(options, name)}
    if options.recipe is not None:
        if given:
            raise ValueError(f"--recipe says what its sets are: leave out {_named(given)}")
        return _chosen(options.recipe, options.sets)
    if options.sets is not None:
        raise ValueError("--sets chooses from a recipe file: name that with --recipe")
    lost = [name for name in DRAWN if name in given]
    if "copy" in given and lost:
        raise ValueError(f"--copy takes turns from real timelines: leave out {_named(lost)}")
    for name in {"speakers", "minutes", "snr"} & given.keys():
        given[name] = _range(name, given[name])
    try:
        return [Recipe(**{"name": "sim", "count": 10, **{FIELDS[k]: v for k, v in given.items()}})]
    except ValidationError as fault:
        field, reason = first_of(fault)
        option = next(name for name in FIELDS if FIELDS[name] == field)
        raise ValueError(f"--{option} {reason}") from fault


def _named(options: Sequence[str] | dict[str, Any]) -> str:
    return ", ".join(f"--{name}" for name in options)


def _chosen(file: Path, wanted: list[str] | None) -> list[Recipe]:
    found = read_recipes(file)
    unknown = set(wanted or ()) - {r.name for r in found}
    if unknown:
        raise ValueError(f"{file} has no set {', '.join(sorted(unknown))}")
    return [r for r in found if not wanted or r.name in wanted]


def _range(option: str, text: str) -> tuple[float, float]:
    """N, LOW-HIGH or, where one is below zero, LOW:HIGH. What it may be, the recipe knows."""
    found = re.fullmatch(rf"{NUMBER}(?:[-:]{NUMBER})?", text)
    if found is None:
        raise ValueError(f"--{option} is {text!r}: use a number, or two as in 2-8")
    low, high = (float(end) if "." in end else int(end) for end in (found[1], found[2] or found[1]))
    return low, high


def _voices(folder: Path | None, part: str) -> list[Voice]:
    """Those on board are a held-back part already: it is not split again."""
    if folder is not None:
        return load_voices(folder, part)
    if part == "dev":
        raise ValueError("the voices on board are all held back: name others with --voices")
    return load_voices(MATERIAL / "voices")


def _noises(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in AUDIO_SUFFIXES]


def _timelines(folder: Path) -> dict[str, Timeline]:
    return {p.stem: read_timeline(p) for p in sorted(folder.rglob("*.rttm"))}


if __name__ == "__main__":
    sys.exit(main())

"""Simulated conversations from the command line: ``python -m benchmarks.simulate --help``.

One set by its parameters, or the sets of a recipe file (``--recipe benchmarks/simulated.toml``).
The same seed and the same voices give the same bytes. Voices, noise and timelines that are not
named are those on board (``simulator/material``: 40 voices that nothing was tuned on).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.simulator.conversation import Timeline, simulate, write
from benchmarks.simulator.recipe import Recipe, read_recipes
from benchmarks.simulator.turns import read_timeline
from benchmarks.simulator.voices import AUDIO_SUFFIXES, Voice, load_voices

MATERIAL = Path(__file__).parent / "simulator" / "material"


def main(arguments: list[str] | None = None) -> int:
    """Write the sets asked for; 0 when all were written, 2 with one sentence when one cannot be."""
    options = _parser().parse_args(arguments)
    try:
        recipes = _recipes(options)
        voices = _voices(options.voices, options.part)
        noises = _noises(options.noise)
        timelines = _timelines(options.timelines)
        for recipe in recipes:
            folder = options.out / recipe.name if options.recipe else options.out
            for index in range(recipe.count):
                made = simulate(recipe, index, options.seed, voices, noises, timelines)
                write(made, folder, recipe.join_s)
                print(folder / f"{made.name}.flac", flush=True)
    except (ValueError, OSError) as fault:
        print(f"simulate: {fault}", file=sys.stderr)
        return 2
    return 0


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
    add("--part", choices=("dev", "held", "all"), default="all", help="which third of the voices")
    add("--recipe", type=Path, help="TOML of sets, instead of the options below")
    add("--sets", nargs="*", help="only these sets of the recipe file")
    add("--name", default="sim")
    add("--count", type=int, default=10)
    add("--speakers", default="2-8", help="N or LOW-HIGH")
    add("--minutes", default="5", help="M or LOW-HIGH")
    add("--style", choices=("meeting", "broadcast", "telephone"), default="meeting")
    add("--copy", metavar="PREFIX", help="copy turns from the timelines of this name ('' any)")
    add("--dominant", type=float, help="share of the floor one speaker has")
    add("--room", choices=("none", "near", "far", "any"), default="none")
    add("--snr", metavar="DB", help="background noise below speech, N or LOW-HIGH")
    add("--telephone", action="store_true", help="300-3400 Hz, 8 kHz, mu-law")
    add("--levels", type=float, default=2.5, help="spread of the speakers' levels (sd, dB)")
    add("--variation", type=float, default=1.0, help="how much a voice's phrases are varied")
    return parser


def _recipes(options: argparse.Namespace) -> list[Recipe]:
    if options.recipe is not None:
        found = read_recipes(options.recipe)
        wanted = options.sets or [r.name for r in found]
        unknown = set(wanted) - {r.name for r in found}
        if unknown:
            raise ValueError(f"{options.recipe} has no set {', '.join(sorted(unknown))}")
        return [r for r in found if r.name in wanted]
    low, high = _range(options.speakers)
    made = Recipe(
        name=options.name,
        count=options.count,
        speakers=(int(low), int(high)),
        minutes=_range(options.minutes),
        style=options.style,
        copy_timelines=options.copy,
        dominant=options.dominant,
        room=options.room,
        snr_db=None if options.snr is None else _range(options.snr),
        telephone=options.telephone,
        level_sd_db=options.levels,
        variation=options.variation,
    )
    return [made]


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    return float(low), float(high or low)


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

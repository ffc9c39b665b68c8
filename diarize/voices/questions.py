"""The questions of ``diarize voices``: whose voice, the same one, where, which belong together."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from diarize.audio import Recording
from diarize.cli.console import complain, emit, say
from diarize.errors import AudioError
from diarize.formats.documents import dump
from diarize.pipeline import Pipeline
from diarize.records import UNKNOWN
from diarize.voices.engines import DEFAULT_ENGINE, Engine
from diarize.voices.enrolment import voice_of_clip
from diarize.voices.errors import VoiceError
from diarize.voices.group import group_clips
from diarize.voices.index import VoiceIndex
from diarize.voices.loading import load_engine
from diarize.voices.options import EngineOption, JsonOption, StoreOption, open_store
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import calibration, compare, confidence, shown
from diarize.voices.search import Finding, find_voice
from diarize.voices.transcripts import speaker_voices

Clip = Annotated[
    Path, typer.Argument(metavar="CLIP", readable=False, help="A recording of one person.")
]
T = TypeVar("T")


def identify(
    clip: Clip,
    top: Annotated[int, typer.Option("--top", min=1, help="How many candidates to show.")] = 5,
    store: StoreOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
    json: JsonOption = False,
) -> None:
    """Whose voice is this? UNKNOWN where nobody is near enough.

    \b
    diarize voices identify clip.wav
    diarize voices identify clip.wav --top 3 --json
    """
    with open_store(store) as voices:
        voice = voice_of_clip(clip, load_engine(engine))
        matches = VoiceIndex(voices).search(
            voice.embedding, voice.model_sha256, seconds=voice.duration_s, top_k=top
        )
    name = matches[0].person.name if matches and matches[0].known else UNKNOWN
    if json:
        found = [
            {"id": m.person.id, "name": m.person.name, "score": shown(m.score)}
            | {"confidence": m.confidence, "known": m.known}
            for m in matches
        ]
        emit(dump({"name": name, "matches": found}))
        return
    emit(f"{name}\n")
    for m in matches:
        mark = "" if m.known else "  (not near enough)"
        say(f"  {m.person.name}  {shown(m.score):.3f}  {m.confidence:.0%}{mark}")


def verify(
    first: Clip,
    second: Annotated[
        str, typer.Argument(metavar="OTHER", help="Another clip, or the name of somebody known.")
    ],
    threshold: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="The score from which they are; by default the engine's."),
    ] = None,
    store: StoreOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
) -> None:
    """Are these one person? Exit code 0: yes, 1: no.

    \b
    diarize voices verify clip.wav Ana
    diarize voices verify clip.wav other.wav
    """
    loaded = load_engine(engine)
    one, others = voice_of_clip(first, loaded), _voice(second, loaded, store)
    known = calibration(loaded.spec.sha256)
    best = float(compare([one], others, known).max())
    same = best >= (known.threshold if threshold is None else threshold)
    emit(
        f"{'the same person' if same else 'different people'}: score {shown(best):.3f}, "
        f"probability {confidence(best, known):.0%}\n"
    )
    raise typer.Exit(0 if same else 1)


def search(
    voice: Annotated[
        str, typer.Argument(metavar="VOICE", help="A clip, or the name of somebody known.")
    ],
    recordings: Annotated[
        list[Path], typer.Argument(metavar="FILE", readable=False, help="Where to look.")
    ],
    store: StoreOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
    json: JsonOption = False,
) -> None:
    """Where in these recordings does this voice speak?

    Prints recording, start and end in seconds, score and probability of each stretch. Somebody who
    says less than 1.5 s alone is not found. Exit code 1: some recordings could not be read.

    \b
    diarize voices search Ana a.wav b.wav
    diarize voices search clip.wav a.wav --json
    """
    loaded = load_engine(engine)
    wanted, known = _voice(voice, loaded, store), calibration(loaded.spec.sha256)
    pipeline = Pipeline()

    def look(path: Path) -> tuple[Finding, ...]:
        with Recording.open(path) as recording:
            result = pipeline.turns(recording)
            speakers = speaker_voices(recording, result, loaded)
        return find_voice(wanted, result, speakers, known, str(path))

    answers = _of_each(recordings, look)
    found = [finding for _, findings in answers for finding in findings]
    if json:
        emit(dump([asdict(f) for f in found]))
    else:
        for f in found:
            times = f"{f.start:.2f}\t{f.end:.2f}"
            emit(f"{f.recording}\t{times}\t{f.score:.3f}\t{f.confidence:.0%}\n")
    raise typer.Exit(1 if len(answers) < len(recordings) else 0)


def group(
    clips: Annotated[
        list[Path],
        typer.Argument(metavar="CLIP", readable=False, help="Recordings of one person each."),
    ],
    engine: EngineOption = DEFAULT_ENGINE,
    json: JsonOption = False,
) -> None:
    """Which of these clips are the same person?

    Prints a number for the person and the clip. Exit code 1: some clips could not be used.

    \b
    diarize voices group a.wav b.wav c.wav
    """
    loaded = load_engine(engine)
    heard = _of_each(clips, lambda clip: voice_of_clip(clip, loaded))
    groups = group_clips([voice for _, voice in heard], calibration(loaded.spec.sha256))
    found: dict[int, list[str]] = {}
    for (clip, _), number in zip(heard, groups.tolist(), strict=True):
        found.setdefault(number, []).append(str(clip))
    if json:
        emit(dump(list(found.values())))
    else:
        for number, members in enumerate(found.values(), start=1):
            emit("".join(f"{number}\t{member}\n" for member in members))
    raise typer.Exit(1 if len(heard) < len(clips) else 0)


def _of_each(files: list[Path], ask: Callable[[Path], T]) -> list[tuple[Path, T]]:
    """What each file answers; one that cannot be read or used is told and left out."""
    answers = []
    for file in files:
        try:
            answers.append((file, ask(file)))
        except (AudioError, VoiceError) as error:
            complain(error)
    return answers


def _voice(clip_or_name: str, engine: Engine, store: Path | None) -> list[Voiceprint]:
    """The voice of a clip, if there is such a file, else those of a person in the store."""
    if os.path.isfile(clip_or_name):
        return [voice_of_clip(clip_or_name, engine)]
    with open_store(store) as voices:
        kept = voices.voiceprints(clip_or_name)
    own = [v for v in kept if v.model_sha256 == engine.spec.sha256]
    if not own:
        models = ", ".join(sorted({v.model for v in kept}))
        raise VoiceError(f"{clip_or_name} was enrolled with {models}, not {engine.spec.name}")
    return own

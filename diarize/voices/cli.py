"""``diarize voices …``: the memory of voices on the command line."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from diarize.audio import Recording
from diarize.formats import json as result_json
from diarize.formats.documents import dump
from diarize.formats.files import write_atomic
from diarize.records import UNKNOWN
from diarize.vad import speech_probabilities, speech_regions
from diarize.voices.engines import DEFAULT_ENGINE, Engine
from diarize.voices.enrolment import enrol_speakers, voice_of_clip
from diarize.voices.errors import VoiceError
from diarize.voices.exchange import export_voices, import_voices
from diarize.voices.group import group_clips
from diarize.voices.index import VoiceIndex
from diarize.voices.loading import load_engine
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import calibration, confidence, score
from diarize.voices.search import WINDOW_S, Segments, embed_speech, find_voice
from diarize.voices.store import VoiceStore, default_store_path

app = typer.Typer(no_args_is_help=True, help="Voices remembered by name.")

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="The voice store; by default your own.")
]
EngineOption = Annotated[
    str, typer.Option("--engine", help="resnet34-lm, campplus, ecapa or ge2e.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Clip = Annotated[Path, typer.Argument(help="A recording of one person.")]
Name = Annotated[str, typer.Argument(help="A person's name, or id.")]


def _open(store: Path | None, *, create: bool = False) -> VoiceStore:
    return VoiceStore(store or default_store_path(), create=create)


@app.command("list")
def list_people(store: StoreOption = None, json: JsonOption = False) -> None:
    """Who is known, with how many voiceprints."""
    with _open(store) as voices:
        people = voices.people()
    if json:
        typer.echo(dump([asdict(p) for p in people]), nl=False)
        return
    table = Table("name", "voiceprints", "since", "labels", box=None)
    for person in people:
        labels = ", ".join(f"{k}={v}" for k, v in sorted(person.labels.items()))
        table.add_row(person.name, str(person.voiceprints), person.created_at[:10], labels)
    Console().print(table)


@app.command()
def enrol(
    source: Annotated[Path, typer.Argument(help="A result (.json), or a clip of one person.")],
    names: Annotated[
        list[str], typer.Argument(help="A=Ana B=Ben for a result, the person's name for a clip.")
    ],
    audio: Annotated[
        Path | None, typer.Option("--audio", help="The recording that the result is of.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="key=value, kept with the person.")
    ] = None,
    store: StoreOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
) -> None:
    """Remember a voice: from a clip, or speakers of a result by name."""
    if source.suffix.lower() != ".json":
        if len(names) != 1:
            raise VoiceError("a clip is of one person: give one name")
        labels = pairs(label or [])
        voice = voice_of_clip(source, load_engine(engine))
        with _open(store, create=True) as voices:
            person = voices.enrol(names[0], voice, labels)
        typer.echo(f"{person.name}: {person.voiceprints} voiceprints")
        return
    if audio is None:
        raise VoiceError(f"{source} holds no sound: add --audio with the recording it is of")
    result = result_json.read(source.read_text(encoding="utf-8"), str(source))
    with _open(store, create=True) as voices:
        known = enrol_speakers(voices, load_engine(engine), result, audio, pairs(names))
    for speaker, person in known.items():
        typer.echo(f"{speaker} is {person.name}: {person.voiceprints} voiceprints")


@app.command()
def identify(
    clip: Clip,
    top: Annotated[int, typer.Option("--top", min=1, help="How many candidates to show.")] = 5,
    store: StoreOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
    json: JsonOption = False,
) -> None:
    """Whose voice is this? UNKNOWN where nobody is near enough."""
    with _open(store) as voices:
        voice = voice_of_clip(clip, load_engine(engine))
        known = calibration(voice.model_sha256).at(voice.duration_s)
        matches = VoiceIndex(voices).search(
            voice.embedding, voice.model_sha256, top_k=top, known=known
        )
    name = matches[0].person.name if matches and matches[0].known else UNKNOWN
    if json:
        found = [
            {"id": m.person.id, "name": m.person.name, "score": m.score}
            | {"confidence": m.confidence, "known": m.known}
            for m in matches
        ]
        typer.echo(dump({"name": name, "matches": found}), nl=False)
        return
    typer.echo(name)
    for m in matches:
        mark = "" if m.known else "  (not near enough)"
        typer.echo(f"  {m.person.name}  {m.score:.3f}  {m.confidence:.0%}{mark}", err=True)


@app.command()
def verify(
    first: Clip,
    second: Annotated[str, typer.Argument(help="Another clip, or the name of somebody known.")],
    threshold: Annotated[float | None, typer.Option("--threshold", min=-1, max=1)] = None,
    store: StoreOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
) -> None:
    """Are these one person? Exit code 0: yes, 1: no."""
    loaded = load_engine(engine)
    one, others = voice_of_clip(first, loaded), _voice(second, loaded, store)
    known = calibration(loaded.spec.sha256)
    scores = score(one.embedding, np.stack([v.embedding for v in others]), known)
    known = known.at(min(one.duration_s, others[int(scores.argmax())].duration_s))
    best = float(scores.max())
    same = best >= (known.threshold if threshold is None else threshold)
    typer.echo(
        f"{'the same person' if same else 'different people'}: score {best:.3f}, "
        f"probability {confidence(best, known):.0%}"
    )
    raise typer.Exit(0 if same else 1)


@app.command()
def rename(name: Name, new: Annotated[str, typer.Argument()], store: StoreOption = None) -> None:
    """Give a person another name."""
    with _open(store) as voices:
        typer.echo(voices.rename(name, new).name)


@app.command()
def forget(name: Name, store: StoreOption = None) -> None:
    """Delete a person with everything that is kept of them."""
    with _open(store) as voices:
        person = voices.forget(name)
    typer.echo(f"{person.name} is forgotten")


@app.command()
def scrub(store: StoreOption = None) -> None:
    """Empty the store's log after a `forget` that another program was in the way of."""
    with _open(store) as voices:
        voices.scrub()


@app.command("export")
def export_(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file.")] = None,
    store: StoreOption = None,
) -> None:
    """Everybody as JSON, to standard output or a file."""
    with _open(store) as voices:
        text = export_voices(voices)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_atomic(output, text)


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="A file of `export`, or - for standard input.")],
    store: StoreOption = None,
) -> None:
    """Add people from an export; nothing is added twice."""
    text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    with _open(store, create=True) as voices:
        people, voiceprints = import_voices(voices, text, source)
    typer.echo(f"{people} new people, {voiceprints} new voiceprints")


@app.command()
def search(
    voice: Annotated[str, typer.Argument(help="A clip, or the name of somebody known.")],
    recordings: Annotated[list[Path], typer.Argument(help="Where to look.")],
    store: StoreOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
    json: JsonOption = False,
) -> None:
    """Where in these recordings does this voice speak?"""
    loaded = load_engine(engine)
    wanted = np.stack([v.embedding for v in _voice(voice, loaded, store)])
    segments = {str(path): _segments(path, loaded) for path in recordings}
    found = find_voice(wanted, segments, calibration(loaded.spec.sha256).at(WINDOW_S))
    if json:
        typer.echo(dump([asdict(f) for f in found]), nl=False)
        return
    for f in found:
        typer.echo(f"{f.recording}\t{f.start:.2f}\t{f.end:.2f}\t{f.score:.3f}\t{f.confidence:.0%}")


@app.command()
def group(
    clips: Annotated[list[Path], typer.Argument(help="Clips of one person each.")],
    engine: EngineOption = DEFAULT_ENGINE,
    json: JsonOption = False,
) -> None:
    """Which of these clips are the same person?"""
    loaded = load_engine(engine)
    voices = [voice_of_clip(clip, loaded) for clip in clips]
    known = calibration(loaded.spec.sha256).at(float(np.median([v.duration_s for v in voices])))
    groups = group_clips(np.stack([v.embedding for v in voices]), known)
    found = [
        [str(c) for c, g in zip(clips, groups, strict=True) if g == number]
        for number in range(int(groups.max()) + 1)
    ]
    if json:
        typer.echo(dump(found), nl=False)
        return
    for number, members in enumerate(found, start=1):
        for member in members:
            typer.echo(f"{number}\t{member}")


def _voice(clip_or_name: str, engine: Engine, store: Path | None) -> list[Voiceprint]:
    """The voice of a clip, if there is such a file, else those of a person in the store."""
    if Path(clip_or_name).is_file():
        return [voice_of_clip(clip_or_name, engine)]
    with _open(store) as voices:
        kept = voices.voiceprints(clip_or_name)
    own = [v for v in kept if v.model_sha256 == engine.spec.sha256]
    if not own:
        models = ", ".join(sorted({v.model for v in kept}))
        raise VoiceError(f"{clip_or_name} was enrolled with {models}, not {engine.spec.name}")
    return own


def _segments(path: Path, engine: Engine) -> Segments:
    with Recording.open(path) as recording:
        regions = speech_regions(speech_probabilities(recording), recording.n_samples)
        return embed_speech(recording, [(int(a), int(b)) for a, b in regions], engine)


def pairs(texts: list[str], example: str = "A=Ana") -> dict[str, str]:
    """Texts such as A=Ana by what is before the equals sign.

    Raises:
        VoiceError: another form, or the same key twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise VoiceError(f"{text!r} is not of the form {example}")
        if key in found:
            raise VoiceError(f"{key!r} is given twice")
        found[key] = value
    return found

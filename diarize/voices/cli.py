"""``diarize voices …``: the memory of voices on the command line."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from diarize.cli.console import emit, readable, table
from diarize.formats import json as result_json
from diarize.formats.documents import dump
from diarize.formats.files import write_atomic
from diarize.voices.engines import DEFAULT_ENGINE
from diarize.voices.enrolment import enrol_speakers, voice_of_clip
from diarize.voices.errors import VoiceError
from diarize.voices.exchange import export_voices, import_voices
from diarize.voices.loading import load_engine
from diarize.voices.options import (
    EngineOption,
    JsonOption,
    StoreOption,
    open_store,
    pairs,
    read_text,
)
from diarize.voices.questions import group, identify, search, verify

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Voices remembered by name, as vectors and no sound, in one file on this machine.

\b
diarize voices enrol ana.wav Ana               a voice from a clip of one person
diarize transcribe a.wav -f json               … or from a transcript, by its letters:
diarize voices enrol a.json A=Ana B=Ben --audio a.wav
diarize transcribe b.wav --voices default      the names come out by themselves
""",
)


Name = Annotated[str, typer.Argument(metavar="NAME", help="A person's name, or id.")]


@app.command("list")
def list_people(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One person: each voiceprint.")
    ] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Who is known, and by which voiceprints.

    \b
    diarize voices list
    diarize voices list Ana --store team.db
    """
    if name is not None:
        _list_voiceprints(name, store, json)
        return
    with open_store(store) as voices:
        people = voices.people()
    if json:
        emit(dump([asdict(p) for p in people]))
        return
    rows = [("NAME", "VOICEPRINTS", "SINCE", "LABELS")]
    for person in people:
        labels = ", ".join(f"{k}={v}" for k, v in sorted(person.labels.items()))
        count, since = str(person.voiceprints), person.created_at[:10]
        rows.append((person.name, count, since, readable(labels)))
    emit(table(rows))


def _list_voiceprints(name: str, store: Path | None, json: bool) -> None:
    """Where one person's voiceprints come from; the vectors are for `export`."""
    with open_store(store) as voices:
        kept = voices.voiceprints(name)
    if json:
        fields = ("source", "duration_s", "created_at", "model", "model_sha256")
        emit(dump([{f: getattr(v, f) for f in fields} for v in kept]))
        return
    rows = [("SOURCE", "SECONDS", "DATE", "MODEL", "SHA-256")]
    for v in kept:
        date, hash_ = v.created_at[:10], v.model_sha256[:12]
        rows.append((readable(v.source), f"{v.duration_s:.1f}", date, v.model, hash_))
    emit(table(rows))


@app.command()
def enrol(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A clip of one person, or a result (.json).")
    ],
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="For a clip: the person's name. For a result: A=Ana for all that A says alone, "
            "0:14=Ana for the line at that time; again for more.",
        ),
    ],
    audio: Annotated[
        Path | None, typer.Option("--audio", help="The recording that the result is of.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="Kept with the person of a clip."),
    ] = None,
    store: StoreOption = None,
    engine: EngineOption = DEFAULT_ENGINE,
) -> None:
    """Remember voices: of a clip, or of a result.

    \b
    diarize voices enrol ana.wav Ana
    diarize voices enrol a.json A=Ana B=Ben --audio a.wav
    diarize voices enrol a.json 0:14=Ana --audio a.wav
    """
    if source.suffix.lower() != ".json":
        if len(names) != 1:
            raise VoiceError("a clip is of one person: give one name")
        labels = pairs(label or [], "team=sales")
        voice = voice_of_clip(source, load_engine(engine))
        with open_store(store, create=True) as voices:
            person = voices.enrol(names[0], voice, labels)
        emit(f"{person.name}: {_voiceprints(person.voiceprints)}\n")
        return
    if audio is None:
        raise VoiceError(f"{source} holds no sound: add --audio with the recording it is of")
    if label:
        raise VoiceError("--label goes with a clip of one person")
    result = result_json.read(read_text(source), str(source))
    with open_store(store, create=True) as voices:
        known = enrol_speakers(voices, load_engine(engine), result, audio, pairs(names))
    for key, person in known.items():
        emit(f"{key} is {person.name}: {_voiceprints(person.voiceprints)}\n")


@app.command()
def rename(
    name: Name, new: Annotated[str, typer.Argument(metavar="NEW")], store: StoreOption = None
) -> None:
    """Give a person another name.

    \b
    diarize voices rename Ana "Ana Lima"
    """
    with open_store(store) as voices:
        emit(f"{voices.rename(name, new).name}\n")


@app.command()
def forget(name: Name, store: StoreOption = None) -> None:
    """Delete a person with everything that is kept of them.

    \b
    diarize voices forget Ana
    """
    with open_store(store) as voices:
        person = voices.forget(name)
    emit(f"{person.name} is forgotten\n")


@app.command()
def scrub(store: StoreOption = None) -> None:
    """Finish a `forget` that another program was in the way of.

    \b
    diarize voices scrub
    """
    with open_store(store) as voices:
        voices.scrub()


@app.command("export")
def export_(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file.")] = None,
    store: StoreOption = None,
) -> None:
    """Everybody as JSON.

    \b
    diarize voices export -o voices.json
    """
    with open_store(store) as voices:
        text = export_voices(voices)
    if output is None:
        emit(text)
    else:
        write_atomic(output, text)


@app.command("import")
def import_(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="Of `export`, or - for standard input.")
    ],
    store: StoreOption = None,
) -> None:
    """Add people from an export; nothing is added twice.

    \b
    diarize voices import voices.json
    """
    text = sys.stdin.read() if source == "-" else read_text(Path(source))
    with open_store(store, create=True) as voices:
        people, voiceprints = import_voices(voices, text, source)
    persons = "1 new person" if people == 1 else f"{people} new people"
    emit(f"{persons}, {_voiceprints(voiceprints, 'new ')}\n")


def _voiceprints(count: int, kind: str = "") -> str:
    return f"{count} {kind}voiceprint{'' if count == 1 else 's'}"


for question in (identify, verify, search, group):
    app.command()(question)

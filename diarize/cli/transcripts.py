"""``diarize transcribe`` and ``diarize turns``."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diarize.cli.console import only_errors, readable, say, written_whole
from diarize.errors import AudioError

if TYPE_CHECKING:
    from diarize.cli.batch import Output, Work
    from diarize.pipeline import Pipeline
    from diarize.records import Hints, ProgressHook, Result
    from diarize.voices.transcripts import KnownVoices


class Clustering(StrEnum):
    merge = "merge"
    vbx = "vbx"
    kmeans = "kmeans"
    spectral = "spectral"


class Channels(StrEnum):
    mix = "mix"
    separate = "separate"


class Labels(StrEnum):
    letters = "letters"
    numbers = "numbers"


Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="Recordings or videos; a folder: all that are in it."),
]
Model = Annotated[str, typer.Option(help="Whisper model: a name, or a folder.")]
Language = Annotated[
    str | None, typer.Option(help="Language code, such as en; without: detected per recording.")
]
Mixed = Annotated[
    bool, typer.Option("--mixed-languages", help="Several languages in one recording.")
]
Number = Annotated[int | None, typer.Option(metavar="N", help="Exactly so many speakers.")]
Least = Annotated[int | None, typer.Option(metavar="N", help="At least so many speakers.")]
Most = Annotated[int | None, typer.Option(metavar="N", help="At most so many speakers.")]
OutputDir = Annotated[
    Path | None,
    typer.Option("--output-dir", "-o", help="Write files here, named after the recordings."),
]
OutputFormat = Annotated[
    list[str] | None,
    typer.Option(
        "--output-format",
        "-f",
        metavar="FORMAT",
        help="txt, json, srt, vtt, tsv, rttm, stm, ctm, seglst, textgrid, audacity, whisperx, "
        "assemblyai, openai, or all; several with commas, or -f again. One format of one file "
        "is printed; otherwise files are written, to the current directory unless -o is given.",
    ),
]
ClusteringOption = Annotated[Clustering, typer.Option(help="How voices are told apart.")]
ChannelsOption = Annotated[
    Channels, typer.Option(help="separate: each channel is a side of its own.")
]
LabelsOption = Annotated[Labels, typer.Option(help="A, B, C… or SPEAKER_00, SPEAKER_01…")]
Voices = Annotated[
    Path | None,
    typer.Option(
        metavar="STORE",
        help="Name the speakers whose voices are in this store (see `diarize voices`); "
        "default: your own.",
    ),
]
KnownSpeaker = Annotated[
    list[str] | None,
    typer.Option(
        "--known-speaker",
        metavar="NAME=CLIP",
        help="Name the speaker who is alone in this recording; again for more.",
    ),
]
EngineOption = Annotated[
    str, typer.Option("--engine", help="What the store's voices were enrolled with.")
]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads; the result is the same.")]
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Leave out recordings whose files are there.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
Bar = Annotated[
    bool | None,
    typer.Option("--progress/--no-progress", help="Progress bar; without: on a terminal."),
]


def transcribe(
    files: Files,
    model: Model = "base",
    language: Language = None,
    mixed_languages: Mixed = False,
    num_speakers: Number = None,
    min_speakers: Least = None,
    max_speakers: Most = None,
    output_dir: OutputDir = None,
    output_format: OutputFormat = None,
    clustering: ClusteringOption = Clustering.merge,
    channels: ChannelsOption = Channels.mix,
    labels: LabelsOption = Labels.letters,
    voices: Voices = None,
    known_speaker: KnownSpeaker = None,
    engine: EngineOption = "resnet34-lm",
    threads: Threads = 2,
    skip_existing: SkipExisting = False,
    quiet: Quiet = False,
    progress: Bar = None,
) -> None:
    """Who said what: a transcript with speakers."""
    from diarize.cli import batch
    from diarize.cli.progress import progress_bar
    from diarize.records import Hints

    if mixed_languages and language:
        raise typer.BadParameter("give --language or --mixed-languages, not both")
    hints = Hints(num_speakers, min_speakers, max_speakers)
    paths, output = batch.plan(files, output_format or [], output_dir, words=True)
    _check_skip(skip_existing, output)
    if quiet:
        only_errors()

    from diarize.models import find_whisper
    from diarize.pipeline import Pipeline

    with progress_bar(False if quiet else progress) as hook_for:
        folder = find_whisper(model, progress=hook_for(model))
    pipeline = Pipeline(
        model=folder,
        language=language and language.lower(),
        mixed_languages=mixed_languages,
        clustering=clustering.value,
        channels=channels.value,
        labels=labels.value,
        threads=threads,
    )

    def work(path: Path, hook: ProgressHook) -> Result:
        if path.suffix.lower() == ".npz":
            raise AudioError(f"{readable(path)} holds voices and no words: use `diarize turns`")
        return pipeline(
            path,
            num_speakers=hints.num_speakers,
            min_speakers=hints.min_speakers,
            max_speakers=hints.max_speakers,
            voices=known,
            progress=hook,
        )

    with _known_voices(pipeline, voices, known_speaker, engine) as known:
        code = batch.run(
            paths,
            output,
            work if known is None or quiet else _telling_names(work),
            bar=progress,
            quiet=quiet,
            skip_existing=skip_existing,
        )
    raise typer.Exit(code)


def turns(
    files: Files,
    num_speakers: Number = None,
    min_speakers: Least = None,
    max_speakers: Most = None,
    output_dir: OutputDir = None,
    output_format: OutputFormat = None,
    clustering: ClusteringOption = Clustering.merge,
    channels: ChannelsOption = Channels.mix,
    labels: LabelsOption = Labels.letters,
    voices: Voices = None,
    known_speaker: KnownSpeaker = None,
    engine: EngineOption = "resnet34-lm",
    threads: Threads = 2,
    save_prepared: Annotated[
        bool,
        typer.Option(
            "--save-prepared",
            help="Keep what was heard as NAME.npz: `diarize turns NAME.npz` with other hints "
            "takes a moment.",
        ),
    ] = False,
    skip_existing: SkipExisting = False,
    quiet: Quiet = False,
    progress: Bar = None,
) -> None:
    """Who spoke when, without words."""
    from diarize.cli import batch
    from diarize.records import Hints

    hints = Hints(num_speakers, min_speakers, max_speakers)
    paths, output = batch.plan(
        files, output_format or [], output_dir, words=False, prepared=save_prepared
    )
    _check_skip(skip_existing, output)
    if quiet:
        only_errors()

    from diarize.pipeline import Pipeline

    pipeline = Pipeline(
        clustering=clustering.value, channels=channels.value, labels=labels.value, threads=threads
    )

    def work(path: Path, hook: ProgressHook) -> Result:
        saved = output.prepared_path(path) if save_prepared else None
        return _turns_of(path, pipeline, hints, hook, saved, known)

    with _known_voices(pipeline, voices, known_speaker, engine) as known:
        code = batch.run(
            paths,
            output,
            work if known is None or quiet else _telling_names(work),
            bar=progress,
            quiet=quiet,
            skip_existing=skip_existing,
        )
    raise typer.Exit(code)


def _turns_of(
    path: Path,
    pipeline: Pipeline,
    hints: Hints,
    hook: ProgressHook,
    saved: Path | None,
    known: KnownVoices | None,
) -> Result:
    """Turns of a recording or of a saved record; `saved`: where to keep the record."""
    from diarize.prepared import Prepared

    is_record = path.suffix.lower() == ".npz"
    if is_record and known:
        raise AudioError(f"{readable(path)} holds no sound to know voices by: name a recording")
    with nullcontext() if is_record else pipeline.open(path, progress=hook) as recording:
        if recording is None:
            prepared = Prepared.load(path)
        else:
            prepared = pipeline.prepare(recording, progress=hook)
        if recording and saved:
            with written_whole(saved) as temporary:
                prepared.save(temporary)
        return pipeline.attribute(
            prepared,
            num_speakers=hints.num_speakers,
            min_speakers=hints.min_speakers,
            max_speakers=hints.max_speakers,
            voices=known,
            recording=recording,
            progress=hook,
        )


def _known_voices(
    pipeline: Pipeline, store: Path | None, clips: list[str] | None, engine: str
) -> AbstractContextManager[KnownVoices | None]:
    """What --voices and --known-speaker name, loaded before any recording is read."""
    if store is None and not clips:
        return nullcontext()
    from diarize.voices.cli import pairs
    from diarize.voices.store import default_store_path

    path = default_store_path() if store == Path("default") else store
    return pipeline.known_voices(path, pairs(clips or [], "Ana=ana.wav"), engine)


def _telling_names(work: Work) -> Work:
    """`work`, after which a line says who was known, with the scores."""

    def told(path: Path, hook: ProgressHook) -> Result:
        result = work(path, hook)
        names = {one.name for one in result.names}
        known = [f"{one.name} (score {one.score:.2f})" for one in result.names]
        unknown = [f"{speaker} is unknown" for speaker in result.speakers if speaker not in names]
        say(f"{readable(path)}: {', '.join(known + unknown) or 'nobody speaks'}")
        return result

    return told


def _check_skip(skip_existing: bool, output: Output) -> None:
    if skip_existing and output.directory is None:
        raise typer.BadParameter("--skip-existing needs files: give --output-dir")

"""``diarize transcribe`` and ``diarize turns``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diarize.cli.console import only_errors, readable, say
from diarize.errors import AudioError

if TYPE_CHECKING:
    from diarize.cli.batch import Output
    from diarize.pipeline import Pipeline
    from diarize.records import ProgressHook, Result
    from diarize.voices.transcripts import KnownVoices

    Listen = Callable[[Path, KnownVoices | None, ProgressHook], Result]
    """From a file, and the voices that are known, to its result."""


class Clustering(StrEnum):
    merge = "merge"
    vbx = "vbx"
    kmeans = "kmeans"
    spectral = "spectral"


class Channels(StrEnum):
    mix = "mix"
    separate = "separate"


class RuntimeName(StrEnum):
    auto = "auto"
    onnxruntime = "onnxruntime"
    openvino = "openvino"


class Labels(StrEnum):
    letters = "letters"
    numbers = "numbers"


Files = Annotated[
    list[Path],
    # Not readable: what is wrong with one is told when it is its turn, and costs that one only.
    typer.Argument(
        metavar="FILE", readable=False, help="Recordings or videos; a folder: all that are in it."
    ),
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
    typer.Option(
        "--output-dir", "-o", readable=False, help="Write files here, named after the recordings."
    ),
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
RuntimeOption = Annotated[
    RuntimeName,
    typer.Option(
        help="What runs the networks; auto: OpenVINO where it is installed and the processor has "
        "AMX (for words, bfloat16 will do). The turns of one differ a little from the other's."
    ),
]
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Leave out recordings whose files are there.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
SavePrepared = Annotated[
    bool,
    typer.Option(
        "--save-prepared",
        help="Keep what was heard as NAME.npz: `diarize turns NAME.npz` with other hints "
        "takes a moment.",
    ),
]
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
    runtime: RuntimeOption = RuntimeName.auto,
    skip_existing: SkipExisting = False,
    quiet: Quiet = False,
    progress: Bar = None,
) -> None:
    """Who said what: a transcript with speakers."""
    if mixed_languages and language:
        raise typer.BadParameter("give --language or --mixed-languages, not both")
    hints = _hints(num_speakers, min_speakers, max_speakers)
    plan = _plan(files, output_format, output_dir, skip_existing, quiet, words=True)

    from diarize.pipeline import Pipeline

    pipeline = Pipeline(
        model=_whisper(model, False if quiet else progress),
        language=language,
        mixed_languages=mixed_languages,
        clustering=clustering.value,
        channels=channels.value,
        labels=labels.value,
        threads=threads,
        runtime=runtime.value,
    )

    def listen(path: Path, known: KnownVoices | None, hook: ProgressHook) -> Result:
        if path.suffix.lower() == ".npz":
            raise AudioError(f"{readable(path)} holds voices and no words: use `diarize turns`")
        return pipeline(path, **hints, voices=known, progress=hook)

    with _known_voices(pipeline, voices, known_speaker, engine) as known:
        raise typer.Exit(_run(listen, known, *plan, skip_existing, quiet, progress))


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
    runtime: RuntimeOption = RuntimeName.auto,
    save_prepared: SavePrepared = False,
    skip_existing: SkipExisting = False,
    quiet: Quiet = False,
    progress: Bar = None,
) -> None:
    """Who spoke when, without words."""
    hints = _hints(num_speakers, min_speakers, max_speakers)
    paths, output = _plan(
        files, output_format, output_dir, skip_existing, quiet, words=False, prepared=save_prepared
    )

    from diarize.pipeline import Pipeline

    pipeline = Pipeline(
        clustering=clustering.value,
        channels=channels.value,
        labels=labels.value,
        threads=threads,
        runtime=runtime.value,
    )

    def listen(path: Path, known: KnownVoices | None, hook: ProgressHook) -> Result:
        if path.suffix.lower() == ".npz":
            if save_prepared:
                raise AudioError(f"{readable(path)} is such a record: leave out --save-prepared")
            return _reconsider(path, pipeline, hints, known, channels)
        if not save_prepared:
            return pipeline.turns(path, **hints, voices=known, progress=hook)
        with pipeline.open(path, progress=hook) as recording:
            prepared = pipeline.prepare(recording, progress=hook)
            prepared.save(output.prepared_path(path))
            return pipeline.attribute(
                prepared, **hints, voices=known, recording=recording, progress=hook
            )

    with _known_voices(pipeline, voices, known_speaker, engine) as known:
        raise typer.Exit(_run(listen, known, paths, output, skip_existing, quiet, progress))


def _reconsider(
    path: Path,
    pipeline: Pipeline,
    hints: dict[str, Any],
    known: KnownVoices | None,
    channels: Channels,
) -> Result:
    """Turns from what `--save-prepared` kept."""
    from diarize.prepared import Prepared

    if known:
        raise AudioError(f"{readable(path)} holds no sound to know voices by: name a recording")
    prepared = Prepared.load(path)
    if channels == Channels.separate and len(prepared.channels) == 1:
        raise AudioError(
            f"{readable(path)} holds one channel, and nothing to keep separate: leave out "
            "--channels separate, or name the recording"
        )
    return pipeline.attribute(prepared, **hints)


def _hints(number: int | None, least: int | None, most: int | None) -> dict[str, Any]:
    """The hints as arguments of a pipeline's calls, checked before anything is read."""
    from diarize.records import Hints

    return asdict(Hints(number, least, most))


def _plan(
    files: list[Path],
    formats: list[str] | None,
    directory: Path | None,
    skip_existing: bool,
    quiet: bool,
    *,
    words: bool,
    prepared: bool = False,
) -> tuple[list[Path], Output]:
    """What to do, checked before any model loads: the recordings, and where results go."""
    from diarize.cli import batch

    paths, output = batch.plan(files, formats or [], directory, words=words, prepared=prepared)
    if skip_existing and output.directory is None:
        raise typer.BadParameter("--skip-existing needs files: give --output-dir")
    if quiet:
        only_errors()
    return paths, output


def _whisper(model: str, bar: bool | None) -> Path:
    """The folder of the Whisper model, fetched if it has to be."""
    from diarize.cli.progress import progress_bar
    from diarize.models import find_whisper

    with progress_bar(bar) as hook_for:
        return find_whisper(model, progress=hook_for(model))


def _known_voices(
    pipeline: Pipeline, store: Path | None, clips: list[str] | None, engine: str
) -> AbstractContextManager[KnownVoices | None]:
    """What --voices and --known-speaker name, loaded before any recording is read."""
    from diarize.voices.engines import DEFAULT_ENGINE

    if store is None and not clips:
        if engine != DEFAULT_ENGINE:
            raise typer.BadParameter("--engine goes with --voices or --known-speaker")
        return nullcontext()
    from diarize.voices.options import pairs
    from diarize.voices.store import default_store_path

    path = default_store_path() if store == Path("default") else store
    return pipeline.known_voices(path, pairs(clips or [], "Ana=ana.wav"), engine)


def _run(
    listen: Listen,
    known: KnownVoices | None,
    paths: list[Path],
    output: Output,
    skip_existing: bool,
    quiet: bool,
    bar: bool | None,
) -> int:
    """Listen to every recording, deliver its result, and say who was known. The exit code."""
    from diarize.cli import batch

    def work(path: Path, hook: ProgressHook) -> Result:
        result = listen(path, known, hook)
        if known and not quiet:
            say(f"{readable(path)}: {_who_is_known(result)}")
        return result

    return batch.run(paths, output, work, bar=bar, quiet=quiet, skip_existing=skip_existing)


def _who_is_known(result: Result) -> str:
    """The speakers by name with their scores, then those whom nobody knows."""
    names = {one.name for one in result.names}
    known = [f"{one.name} (score {one.score:.2f})" for one in result.names]
    unknown = [f"{speaker} is unknown" for speaker in result.speakers if speaker not in names]
    return ", ".join(known + unknown) or "nobody speaks"

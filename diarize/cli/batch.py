"""Many recordings in one call: which they are, where their results go, what became of them."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import get_terminal_size

import typer

from diarize.cli.console import complain, emit, readable, say
from diarize.cli.interrupts import heeding
from diarize.cli.progress import progress_bar
from diarize.errors import AudioError, DiarizeError, ModelError
from diarize.formats import Format, select, txt
from diarize.formats.files import file_stem, output_path, write_result
from diarize.records import ProgressHook, Result

_MEDIA = (
    "3gp aac ac3 aif aifc aiff amr au avi caf flac flv m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg mpg"
    " mts oga ogg ogv opus sph ts w64 wav weba webm wma wmv"
)
MEDIA_SUFFIXES = frozenset(f".{name}" for name in _MEDIA.split())
"""What counts as a recording in a folder. A file that is named is read whatever its suffix."""

Work = Callable[[Path, ProgressHook], Result]


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go: files in `directory`, or standard output where it is None."""

    formats: tuple[Format, ...]
    directory: Path | None
    words: bool
    prepared: bool = False

    def targets(self, recording: Path) -> list[Path]:
        """The files that one recording makes."""
        made = [self.prepared_path(recording)] if self.prepared else []
        if self.directory is not None:
            made += [output_path(recording.stem, self.directory, each) for each in self.formats]
        return made

    def prepared_path(self, recording: Path) -> Path:
        """Where `--save-prepared` puts the record of one recording."""
        return (self.directory or Path()) / f"{file_stem(recording.stem)}.npz"


def find_recordings(paths: Iterable[Path]) -> list[Path]:
    """Files as named, folders as the media files in them by name (not deeper); each once.

    Two names that lead to one file are two recordings: the results are named after the name.
    `os.path` asks without raising: what is wrong with one name is told when it is its turn.

    Raises:
        AudioError: a folder without any, or one that cannot be read.
    """
    found: dict[str, Path] = {}
    for path in paths:
        for file in _media_in(path) if os.path.isdir(path) else [path]:
            found.setdefault(os.path.join(os.path.realpath(file.parent), file.name), file)
    return list(found.values())


def _media_in(folder: Path) -> list[Path]:
    try:
        files = sorted(
            file
            for file in folder.iterdir()
            if file.suffix.lower() in MEDIA_SUFFIXES
            and not file.name.startswith(".")
            and file.is_file()
        )
    except OSError as error:
        raise AudioError(
            f"{readable(folder)} cannot be read ({error.strerror or error}): change its "
            "permissions, or leave it out"
        ) from error
    if not files:
        raise AudioError(
            f"{readable(folder)} holds no recording (a media file by its suffix, such as .wav, "
            ".mp3, .m4a or .mp4; folders within it are not searched): name the files"
        )
    return files


def plan(
    paths: Sequence[Path],
    formats: Sequence[str],
    directory: Path | None,
    *,
    words: bool,
    prepared: bool = False,
) -> tuple[list[Path], Output]:
    """What to do, checked before any model loads.

    Results are files when a directory is given, or when there are several recordings or several
    formats (then in the current directory, as whisper does). One format of one recording, and
    transcripts for reading when no format is named, go to standard output.

    Raises:
        AudioError: as :func:`find_recordings`.
        DiarizeError: unknown formats; two recordings that would write one file, or a result that
            would take the place of a recording; an output folder that cannot be made or written
            to, also when it is the current one.
    """
    names = [name.strip().lower() for given in formats for name in given.split(",")]
    chosen = select(names or ["txt"], words=words)
    files = find_recordings(paths)
    one = len(files) == len(paths) == len(chosen) == 1 and not os.path.isdir(paths[0])
    if directory is None and names and not one:
        directory = Path()
    output = Output(chosen, directory, words, prepared)
    _check_targets(files, output)
    if directory is None:
        emit("")  # a closed standard output is told before hours of work, too
    if directory is not None or prepared:
        _make(directory or Path())
    return files, output


def _make(directory: Path) -> None:
    """Hours of work must not end at a folder that cannot be written to."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file has that name" if os.path.lexists(directory) else error.strerror or error
        raise DiarizeError(
            f"the folder {readable(directory)} cannot be made ({reason}): choose another "
            "--output-dir"
        ) from error
    if not os.access(directory, os.W_OK):
        raise DiarizeError(
            f"the folder {readable(directory)} may not be written to: choose another --output-dir"
        )


def _check_targets(files: Sequence[Path], output: Output) -> None:
    recordings = {os.path.realpath(file) for file in files}
    # Also in a folder where upper and lower case are the same.
    taken: dict[str, Path] = {}
    for file in files:
        for target in output.targets(file):
            if os.path.realpath(target) in recordings:
                raise DiarizeError(
                    f"{readable(target)} is a recording and would be overwritten: "
                    "choose another --output-dir"
                )
            other = taken.setdefault(str(target).casefold(), file)
            if other is not file:
                raise DiarizeError(
                    f"{readable(other)} and {readable(file)} would both be written to "
                    f"{readable(target)}: rename one, or give each its own --output-dir"
                )


def run(
    files: Sequence[Path],
    output: Output,
    work: Work,
    *,
    bar: bool | None,
    quiet: bool,
    skip_existing: bool,
) -> int:
    """Work through the recordings; one that fails does not stop the others. The exit code.

    Raises:
        ModelError: no recording can be worked on.
    """
    failed = done = 0
    with progress_bar(False if quiet else bar) as hook_for:
        for number, file in enumerate(files, start=1):
            targets = output.targets(file)
            if skip_existing and all(map(os.path.exists, targets)):
                _note(f"{readable(file)}: done before, skipped", quiet)
                continue
            label = readable(file.name) + (f" ({number}/{len(files)})" if len(files) > 1 else "")
            try:
                result = replace(work(file, heeding(hook_for(label))), name=file.stem)
                _deliver(result, file, output, heading=len(files) > 1, quiet=quiet)
                done += 1
            except (ModelError, typer.Exit):
                raise
            except KeyboardInterrupt:
                say(f"interrupted at {readable(file)}; what is finished is kept")
                raise
            except DiarizeError as error:
                failed += 1
                complain(error)
            except Exception:
                failed += 1
                say(f"error: {readable(file)} failed in a way it should not; please report this:")
                say(traceback.format_exc())
    if len(files) > 1 and failed:
        say(f"{failed} of {len(files)} recordings failed")
    return 1 if failed else 0


def _deliver(result: Result, file: Path, output: Output, *, heading: bool, quiet: bool) -> None:
    if output.directory is None:
        (only,) = output.formats
        if only.name == "txt" and sys.stdout.isatty():
            text = txt.write(result, get_terminal_size().columns)
        else:
            text = only.write(result)
        emit(f"==> {readable(file)} <==\n{text}\n" if heading else text)
        return
    names = [each.name for each in output.formats]
    written = write_result(result, output.directory, names, words=output.words)
    _note(f"{readable(file)} -> {', '.join(map(readable, written))}", quiet)


def _note(text: str, quiet: bool) -> None:
    if not quiet:
        say(text)

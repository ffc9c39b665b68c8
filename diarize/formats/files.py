"""Results as files: named after the recording, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from diarize.errors import DiarizeError, FormatError
from diarize.formats import Format, select
from diarize.records import Result

STEM_BYTES = 230
"""File systems hold names of 255 bytes; the longest suffix and what comes stay below the rest."""

HASH_CHARACTERS = 8
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\:*?"<>|]')
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def write_result(
    result: Result, directory: Path, formats: Iterable[str], *, words: bool = True
) -> list[Path]:
    """Writes the result in each of `formats` (names, or `all`) and returns the files' paths.

    Everything is rendered before the first file is written. `words`: see :func:`select`. The
    directory is made where it lacks.

    Raises:
        FormatError: an unknown format, or a result that one of the formats cannot hold.
        DiarizeError: a file that cannot be written.
    """
    shown = replace(result, name=_SURROGATES.sub("\ufffd", result.name))
    rendered = [
        (output_path(result.name, directory, each), each.write(shown))
        for each in select(formats, words=words)
    ]
    for path, text in rendered:
        write_atomic(path, text)
    return [path for path, _ in rendered]


def output_path(name: str, directory: Path, output_format: Format) -> Path:
    """Where :func:`write_result` puts the recording called `name` in one format."""
    return Path(directory) / (file_stem(name) + output_format.suffix)


def file_stem(name: str) -> str:
    """`name` as a file name without suffix: one path component of at most STEM_BYTES bytes.

    Separators, control characters and what Windows forbids become `_`. A name that had to be
    changed gets the first digits of its SHA-256, so that two recordings never share a file.
    """
    stem = _FORBIDDEN.sub("_", name)
    if stem == name and stem.strip(". ") and len(stem.encode()) <= STEM_BYTES:
        return stem
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_CHARACTERS]
    room = STEM_BYTES - len(digest) - 1
    kept = stem.encode()[:room].decode("utf-8", "ignore").strip(". ")
    return f"{kept or 'recording'}-{digest}"


def write_atomic(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 so that `path` holds it whole or is left as it was.

    Raises:
        FormatError: text that UTF-8 cannot hold (lone surrogates).
        DiarizeError: see :func:`written_whole`.
    """
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(
            f"{path}: the text holds a character that UTF-8 cannot: {error}"
        ) from error
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; at the end it takes the name in one step.

    What was written is on the disk by then. A process killed in between leaves a hidden file that
    ends in `.tmp`, never half an output. Parent folders are made.

    Raises:
        DiarizeError: the file cannot be written; names it and the reason.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        if os.name == "posix":
            # The new name is on the disk only once the folder is.
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise DiarizeError(f"{path} cannot be written: {error.strerror or error}") from error

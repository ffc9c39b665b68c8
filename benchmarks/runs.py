"""Recordings as everybody gets them, and answers kept by system, version and recording.

Answers are JSON files under ``build/bench``: a page can be made piece by piece, and what has not
changed is not run again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.data import Item
from benchmarks.workers import ROOT, Answer, System
from diarize.audio import Recording
from diarize.records import SAMPLE_RATE_HZ

BUILD = ROOT / "build" / "bench"
BLOCK_SAMPLES = 60 * SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Case:
    """One recording to run: `wav` is 16 kHz, mono, 16 bit; `sha256` is that of its bytes."""

    group: str
    item: Item
    wav: Path
    sha256: str
    duration_s: float


def case(group: str, item: Item, folder: Path = BUILD) -> Case:
    """The recording as 16 kHz mono WAV under `folder`, made unless it is there."""
    source = item.audio.resolve()
    key = hashlib.sha256(f"{source} {source.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    wav = folder / "audio" / f"{item.name}-{key}.wav"
    if not wav.exists():
        wav.parent.mkdir(parents=True, exist_ok=True)
        part = wav.with_suffix(".part")
        with Recording.open(source) as recording:
            write_wav(part, [recording], recording.n_samples)
        part.replace(wav)
    with wav.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return Case(group, item, wav, sha256, soundfile.info(wav).duration)


def write_wav(path: Path, recordings: list[Recording], n_samples: int) -> None:
    """`recordings` one after the other, and again, until there are `n_samples`."""
    with soundfile.SoundFile(path, "w", SAMPLE_RATE_HZ, 1, "PCM_16", format="WAV") as out:
        while out.frames < n_samples:
            for recording in recordings:
                for start in range(0, recording.n_samples, BLOCK_SAMPLES):
                    end = min(start + BLOCK_SAMPLES, recording.n_samples)
                    end = min(end, start + n_samples - out.frames)
                    if end > start:
                        out.write(np.clip(recording.read(start, end), -1, 1))


@dataclass(frozen=True, slots=True)
class Kept:
    """One answer and what surrounded it: the load time of its process, and the wall clock of our
    own run right before it (None for our own)."""

    answer: Answer
    load_s: float
    ours_wall_s: float | None = None
    ours_version: str | None = None


def kind_of(threads: int, words: bool = False, hinted: bool = False) -> str:
    """What was asked, as part of an answer's file name. `hinted`: with the right number."""
    asked = "words" if words else "hinted" if hinted else "turns"
    return f"{asked}-{threads}-threads"


class Results:
    """Answers on disk."""

    def __init__(self, folder: Path = BUILD / "answers") -> None:
        self._folder = folder

    def path(self, system: System, case: Case, kind: str) -> Path:
        """`kind` tells what was asked: turns, words, with hints or not, on how many threads."""
        return self._folder / system.name / system.version / f"{case.sha256[:20]}.{kind}.json"

    def get(self, system: System, case: Case, kind: str) -> Kept | None:
        path = self.path(system, case, kind)
        if not path.exists():
            return None
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Kept(**{**kept, "answer": Answer.from_json(kept["answer"])})

    def put(self, system: System, case: Case, kind: str, kept: Kept) -> None:
        path = self.path(system, case, kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "answer": kept.answer.as_json(),
            "load_s": kept.load_s,
            "ours_wall_s": kept.ours_wall_s,
            "ours_version": kept.ours_version,
        }
        part = path.with_suffix(".part")
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(path)


class Figures:
    """What else was measured of a system, kept by its version."""

    def __init__(self, folder: Path = BUILD / "figures") -> None:
        self._folder = folder

    def get(self, system: System, what: str) -> Any:
        """As it was put; None if it was not."""
        path = self._path(system, what)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def put(self, system: System, what: str, found: Any) -> None:
        path = self._path(system, what)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    def _path(self, system: System, what: str) -> Path:
        return self._folder / f"{system.name}-{system.version}-{what}.json"

"""Systems as worker processes: started, asked about recordings, measured from outside.

A worker answers JSON lines (`benchmarks/peers/adapters/worker.py`). Everybody gets the same 16 kHz
mono WAV, the same processors and the same thread counts in the environment.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from diarize.networks import is_fast
from diarize.records import Turn, Utterance, Word

ROOT = Path(__file__).resolve().parent.parent
ADAPTERS = Path(__file__).with_name("peers") / "adapters"
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


NOT_TURNS = {"server", "cli", "metrics", "voices", "formats"}
NOT_WORDS = {"transcription.py", "decoding.py", "chunking.py", "batching.py", "drafts.py"}
NOT_WORDS |= {"word_times.py", "alignment.py", "words.py", "language.py", "whisper_encoder.py"}
NOT_WORDS |= {"spans.py"}
"""What our turns, and with NOT_WORDS our words, do not depend on."""


class WorkerError(Exception):
    """A system that does not start, dies, or fails on a recording."""


@dataclass(frozen=True, slots=True)
class System:
    """How to start one system.

    version: changes whenever its answers may: what is cached under another one is not used.
    """

    name: str
    version: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system said about one recording, and what it cost.

    stages_s: wall clock by stage, where the system tells; wall_s and cpu_s are of the whole
        (all threads), models loaded. peak_bytes: the most memory held since the process started.
    utterances: None unless words were asked for.
    """

    turns: tuple[Turn, ...]
    stages_s: dict[str, float]
    wall_s: float
    cpu_s: float
    peak_bytes: int
    utterances: tuple[Utterance, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Answer:
        said = kept["utterances"]
        utterances = None
        if said is not None:
            words = [tuple(Word(**w) for w in u["words"]) for u in said]
            utterances = tuple(
                Utterance(**{**u, "words": w}) for u, w in zip(said, words, strict=True)
            )
        turns = tuple(Turn(**t) for t in kept["turns"])
        return cls(**{**kept, "turns": turns, "utterances": utterances})


def ours(
    clustering: str = "merge",
    words: bool = False,
    model: str = "base",
    language: str | None = None,
) -> System:
    """This project. Its version is a hash of the code and networks behind its answers, so that a
    change is seen (without words, a change of what makes words is none, nor is one of comments or
    docstrings), and what runs these."""
    unseen = NOT_TURNS if words else NOT_TURNS | NOT_WORDS
    digest = hashlib.sha256()
    for folder, pattern in (("diarize", "*.py"), ("models", "manifest.toml")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            if not unseen & set(path.relative_to(ROOT / folder).parts):
                digest.update(_code(path) if path.suffix == ".py" else path.read_bytes())
    options = ["--clustering", clustering]
    if words:
        options += ["--words", "--model", model, *(["--language", language] if language else [])]
    runtime = "openvino" if is_fast("auto") else "onnxruntime"
    name = "-".join([digest.hexdigest()[:10], runtime, *(o for o in options if o[0] != "-")])
    return System(
        "ours",
        name,
        (sys.executable, str(ADAPTERS / "ours_worker.py"), *options),
        {"PYTHONPATH": str(ROOT)},
    )


def _code(path: Path) -> bytes:
    """What a module does: its syntax tree without strings that are statements."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            body[:] = [s for s in body if not _is_text(s)]
    return ast.dump(tree).encode()


def _is_text(statement: ast.AST) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def sequential() -> System:
    """faster-whisper's own loop on the same Whisper model, in this environment: words without
    speakers."""
    worker = ADAPTERS / "sequential_worker.py"
    digest = hashlib.sha256(worker.read_bytes() + version("faster-whisper").encode())
    command = (sys.executable, str(worker))
    return System("sequential", digest.hexdigest()[:10], command, {"PYTHONPATH": str(ROOT)})


class Worker:
    """One running system; a context manager.

    Attributes:
        load_s: from starting the process to its being ready, imports and models included.
        loaded_bytes: peak memory at that moment.

    Raises:
        WorkerError: it does not start; its last words are in the message.
    """

    def __init__(self, system: System, threads: int, log: Path) -> None:
        self.system = system
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **system.environment, "BENCH_THREADS": str(threads)}
        environment |= dict.fromkeys(THREAD_VARIABLES, str(threads))
        started_s = time.perf_counter()
        self._process = subprocess.Popen(
            system.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            env=environment,
            text=True,
        )
        self.loaded_bytes: int = self._receive()["peak_bytes"]
        self.load_s = time.perf_counter() - started_s

    def ask(self, audio: Path, num_speakers: int | None = None, words: bool = False) -> Answer:
        """What the system says about a recording. Raises WorkerError."""
        request = {"audio": str(audio), "num_speakers": num_speakers, "words": words}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._death() from None
        found = self._receive()
        if "error" in found:
            raise WorkerError(f"{self.system.name} on {audio.name}: {found['error']}")
        turns = sorted((Turn(*turn) for turn in found["turns"]), key=lambda t: (t.start, t.end))
        said = found["utterances"]
        utterances = None if said is None else tuple(_utterance(u) for u in said)
        costs = {k: found[k] for k in ("stages_s", "wall_s", "cpu_s", "peak_bytes")}
        return Answer(tuple(turns), utterances=utterances, **costs)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # died; whoever asked it has been told so
            self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._death()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _death(self) -> WorkerError:
        code = self._process.wait()
        how = f" of {signal.Signals(-code).name}" if code < 0 else ""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        words = lines[-1] if lines else "without a word"
        return WorkerError(f"{self.system.name} has died{how}: {words} (all of it: {self._log})")


def _utterance(said: dict[str, Any]) -> Utterance:
    words = tuple(
        Word(text, start, end, space_before=space) for text, start, end, space in said["words"]
    )
    return Utterance(said["speaker"], said["start"], said["end"], said["text"], words)

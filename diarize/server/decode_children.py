"""The process that decoding children are forked from, and what a child does (see `decoding`).

    python -m diarize.server.decode_children        standard input is a Unix socket

Every message on the socket carries a connection; a child is forked for it, which reads its task (a
line of JSON) and answers lines ["progress", 0.1], … and at last ["done", {"channels": how many it
has written, "warnings": []}], ["audio", message], ["long", message], ["machine", errno] or
["crash", class]. When the connection closes, so does the child; when the socket does, the process
ends.
"""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import resource
import signal
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from diarize.audio import Recording
from diarize.audio.decode import decode
from diarize.errors import AudioError, TooLongError
from diarize.records import SAMPLE_RATE_HZ
from diarize.server import machine

BLOCK_SAMPLES = 60 * SAMPLE_RATE_HZ
SPARE_DISK_BYTES = 64 << 20


def main() -> None:
    """Fork a child for every connection that is handed over."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    control = socket.socket(fileno=0)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _serve(socket.socket(fileno=descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])


def _serve(connection: socket.socket) -> None:
    """In the child: do the one task."""
    with connection.makefile("rb") as lines:
        task = json.loads(lines.readline())
    threading.Thread(target=_end_with, args=[connection], daemon=True).start()
    kind: str
    content: Any
    try:
        _confine(task)
        kind, content = "done", _decode(task, connection)
    except MemoryError:
        name = task["file_name"]
        kind, content = "audio", f"{name!r} takes too much memory to decode: convert it to FLAC"
    except Exception as error:
        kind, content = _reason(error)
    _tell(connection, kind, content)


def _reason(error: Exception) -> tuple[str, Any]:
    if name := machine.trouble(error):
        return "machine", getattr(errno, name)
    if isinstance(error, TooLongError):
        return "long", str(error)
    if isinstance(error, AudioError):
        return "audio", str(error)
    return "crash", f"{type(error).__name__}: {error}"


def _end_with(connection: socket.socket) -> None:
    """Nobody wants the result any more, or can take it."""
    try:
        while connection.recv(1):
            pass
    except OSError:
        pass
    os._exit(1)


def _tell(connection: socket.socket, kind: str, content: Any) -> None:
    try:
        connection.sendall(json.dumps([kind, content]).encode() + b"\n")
    except ConnectionError:  # the service was killed: as `_end_with` finds a moment later
        os._exit(1)


def _confine(task: dict[str, Any]) -> None:
    """Limits of the kernel on this process; `memory_bytes` come on top of what it holds now."""
    memory = Path("/proc/self/statm")
    if memory.exists():
        now = int(memory.read_text().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, now + task["memory_bytes"])
    _limit(resource.RLIMIT_CPU, int(task["seconds"]) + 1)
    samples_bytes = int(task["max_duration_s"] * SAMPLE_RATE_HZ * 4)
    _limit(resource.RLIMIT_FSIZE, samples_bytes + SPARE_DISK_BYTES)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(what: int, value: int) -> None:
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(what, (value, value))


def _decode(task: dict[str, Any], connection: socket.socket) -> dict[str, Any]:
    """Decode into the target file, one channel after the other; how many, and the warnings."""
    target = Path(task["target"])
    tempfile.tempdir = str(target.parent)
    warnings: list[str] = []
    logger = logging.getLogger("diarize")
    logger.addHandler(_Collector(warnings))
    logger.propagate = False
    longest_s, keep_channels = task["max_duration_s"], task["keep_channels"]
    with _Named(task["path"], task["file_name"]) as file:
        if keep_channels:  # each costs as much as a recording of its own
            longest_s /= _n_channels(file)
            warnings.clear()  # of what is decoded once more
        with Recording.open(
            file,
            keep_channels=keep_channels,
            max_duration_s=longest_s,
            progress=_Reporter(connection),
        ) as recording:
            _write(recording, target)
            return {"channels": recording.n_channels, "warnings": warnings}


def _n_channels(file: _Named) -> int:
    """As many as the first block of sound has."""
    for block, _ in decode(file, repr(file.name), None):
        return len(block)
    return 1


def _write(recording: Recording, target: Path) -> None:
    with open(target, "xb", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
        for channel in range(recording.n_channels):
            for start in range(0, recording.n_samples, BLOCK_SAMPLES):
                stop = min(start + BLOCK_SAMPLES, recording.n_samples)
                block = recording.read(start, stop, channel)
                out.write(block.astype("<f4", copy=False).tobytes())


class _Named(io.BufferedReader):
    """A file that messages call by the name it came with, not the random one it lies under."""

    def __init__(self, path: str, file_name: str) -> None:
        super().__init__(io.FileIO(path, "rb"))
        self._file_name = file_name

    @property
    def name(self) -> str:
        return self._file_name


class _Collector(logging.Handler):
    def __init__(self, warnings: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._warnings = warnings

    def emit(self, record: logging.LogRecord) -> None:
        self._warnings.append(record.getMessage())


class _Reporter:
    """A progress hook that tells about whole percents."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._percent = 0

    def __call__(self, stage: str, fraction: float) -> None:
        if int(fraction * 100) > self._percent:
            self._percent = int(fraction * 100)
            _tell(self._connection, "progress", fraction)


if __name__ == "__main__":
    main()

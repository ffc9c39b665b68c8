"""Uploads are decoded in a child process of their own, under limits on memory, time and disk.

Decoders are where hostile files strike. Children are forked (`decode_children`) from a process
without threads that holds no models, keys or uploads and has the decoder imported already, so that
a child costs milliseconds. What it hands back is raw samples in a file, and a message.

Not :mod:`multiprocessing`'s forkserver: that runs the main module again in every child, and hands
on the environment, keys included.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from diarize.audio import Recording
from diarize.errors import AudioError, TooLongError
from diarize.records import SAMPLE_RATE_HZ, Float32, ProgressHook
from diarize.server.settings import Channels, Settings

POLL_S = 0.2
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")


class Decoder:
    """Decodes files in children.

    Args:
        folder: for decoded samples, 230 MB for an hour, deleted as soon as they are taken over.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def warm(self) -> None:
        """Start the process that children are forked from."""
        with self._lock:
            self._start()

    def close(self) -> None:
        """End it; children that still work end with it."""
        with self._lock:
            if self._control is not None and self._server is not None:
                self._control.close()
                self._server.wait()
                self._control = self._server = None

    def decode(
        self,
        path: Path,
        file_name: str,
        progress: ProgressHook,
        *,
        channels: Channels = "mix",
        max_duration_s: float | None = None,
        warnings: list[str] | None = None,
    ) -> Recording:
        """The sound of the file at `path`, which messages call `file_name`.

        Args:
            progress: called often, as stage "audio"; what it raises ends the child.
            channels: "mix" them into one, or keep them "separate"; a recording of two channels
                then may be half as long.
            warnings: where what is wrong with the file is added.

        Raises:
            AudioError: it cannot be decoded, is too long, or its child died or took too much.
            OSError: the machine is in trouble, as without room for the samples.
        """
        samples_path = self._folder / f"{secrets.token_hex(16)}.f32"
        task = {
            "path": str(path),
            "target": str(samples_path),
            "file_name": file_name,
            "keep_channels": channels == "separate",
            "max_duration_s": max_duration_s or self._settings.max_duration_s,
            "memory_bytes": self._settings.decode_memory_bytes,
            "seconds": self._settings.decode_s,
        }
        try:
            with self._child() as child:  # a child whose connection closes ends itself
                child.sendall(json.dumps(task).encode() + b"\n")
                done = _listen(child, file_name, self._settings.decode_s, progress)
            if warnings is not None:
                warnings += [str(warning) for warning in done["warnings"]]
            samples = _samples(samples_path, int(done["channels"]))
            return Recording.from_array(
                samples, SAMPLE_RATE_HZ, keep_channels=True, name=recording_name(file_name)
            )
        finally:
            samples_path.unlink(missing_ok=True)

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        environment |= {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OPENBLAS_NUM_THREADS": "1",  # a process with threads must not fork
            "OMP_NUM_THREADS": "1",
        }
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "diarize.server.decode_children"],
                stdin=theirs.fileno(),
                env=environment,
                start_new_session=True,  # Ctrl-C is for the service, which then ends it in order
            )

    def _child(self) -> socket.socket:
        """A connection to a new child."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            if self._server is None or self._server.poll() is not None:
                self._start()
            assert self._control is not None
            socket.send_fds(self._control, [b"."], [theirs.fileno()])
        return ours


def recording_name(file_name: str) -> str:
    """What a recording is called whose file is called so."""
    return Path(file_name).stem or "recording"


def _listen(
    child: socket.socket, file_name: str, seconds: float, progress: ProgressHook
) -> dict[str, Any]:
    """What the child says until it is done: how many channels it wrote, and warnings."""
    child.settimeout(POLL_S)
    end, fraction, buffer = time.monotonic() + seconds, 0.0, b""
    while time.monotonic() < end:
        progress("audio", fraction)
        try:
            received = child.recv(1 << 16)
        except TimeoutError:
            continue
        except ConnectionError:
            received = b""
        if not received:
            raise AudioError(f"{file_name!r} broke the decoder: it is damaged, or made to do harm")
        *lines, buffer = (buffer + received).split(b"\n")
        for line in lines:
            kind, content = json.loads(line)
            if kind == "done":
                return dict(content)
            if kind == "progress":
                fraction = content
            else:
                _fail(kind, content)
    raise AudioError(f"{file_name!r} takes longer than {seconds:g} s to decode")


def _fail(kind: str, content: Any) -> None:
    if kind == "long":
        raise TooLongError(content)
    if kind == "audio":
        raise AudioError(content)
    if kind == "machine":
        raise OSError(content, os.strerror(content))
    raise RuntimeError(f"the decoding child crashed: {content}")


def _samples(path: Path, n_channels: int) -> Float32:
    """Shape (channels, samples). Mapped, not read: a long recording need not fit into memory."""
    if path.stat().st_size == 0:
        return np.zeros((n_channels, 0), np.float32)
    mapped: Float32 = np.memmap(path, "<f4", "r").reshape(n_channels, -1)
    return mapped

"""What the operator of a service decides, with the defaults and where they come from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from diarize.errors import DiarizeError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MIB = 1 << 20

Channels = Literal["mix", "separate"]
"""Of a recording: one signal, or each a side of its own (agent, customer)."""


class SettingsError(DiarizeError):
    """Settings with which the service refuses to start."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits, places and keys of one service.

    Attributes:
        data: folder of jobs, results, uploads and named voice stores; made where it lacks.
        voices: the voice store; None: `voices.db` in `data`.
        keys: the API keys; without any the service may listen on loopback only.
        models: Whisper models to load, the first one is the default.
        threads: CPU threads of each network.
        workers: recordings worked on at a time. One already keeps two cores busy.
        max_waiting: requests that may wait for a worker before others are sent away (429).
        max_jobs: jobs that may be queued.
        max_upload_bytes: of one request; an hour of 16-bit mono at 48 kHz has 350 MB.
        max_json_bytes: of one JSON request, whose body has to fit into memory.
        max_duration_s: of one recording.
        max_request_s, max_job_s: of work on one request or job, waiting not counted.
        max_fetch_s: for fetching a clip of a voice from its URL; a job may take `max_job_s` for it.
        max_read_s, max_idle_s: for reading one request's body, and between two pieces of it.
        decode_memory_bytes, decode_s: what the decoding child may use.
        keep_s: how long finished jobs are kept.
        allow_networks: private networks that URLs may point into all the same.
    """

    data: Path
    voices: Path | None = None
    keys: tuple[bytes, ...] = ()
    models: tuple[str, ...] = ("base",)
    threads: int = 2
    workers: int = 1
    max_waiting: int = 16
    max_jobs: int = 100
    max_upload_bytes: int = 1024 * MIB
    max_json_bytes: int = 32 * MIB
    max_duration_s: float = 4 * 3600.0
    max_request_s: float = 1800.0
    max_job_s: float = 6 * 3600.0
    max_fetch_s: float = 60.0
    max_read_s: float = 3600.0
    max_idle_s: float = 30.0
    decode_memory_bytes: int = 1024 * MIB
    decode_s: float = 600.0
    keep_s: float = 30 * 86400.0
    allow_networks: tuple[Network, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.models:
            raise SettingsError("no model to load: give at least one with --model")
        for name in ("threads", "workers", "max_jobs", "max_upload_bytes"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}: it must be at least 1")


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_binding(host: str, keys: tuple[bytes, ...], *, allow_anonymous: bool) -> None:
    """Refuse to be open to the network without a key.

    Raises:
        SettingsError: `host` is not loopback, there is no key, and nobody said that this is meant.
    """
    if not keys and not allow_anonymous and not is_loopback(host):
        raise SettingsError(
            f"listening on {host} without a key would let anybody in: give --api-key-file or "
            "DIARIZE_API_KEYS, listen on 127.0.0.1, or say --allow-anonymous"
        )

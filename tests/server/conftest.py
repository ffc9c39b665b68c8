"""Services that really run: uvicorn on a free port of 127.0.0.1, with the real networks."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn
from fastapi import FastAPI

from diarize.server.app import create_app
from diarize.server.settings import Settings
from tests.server.sounds import SAMPLE

KEY = "k1-grün"
KEYS = (KEY.encode(), b"second")


@dataclass
class Running:
    """A service and a client of it."""

    app: FastAPI
    url: str
    http: httpx.Client

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def send(self, payload: bytes, *, end: bool = False) -> bytes:
        """Raw bytes to the service; all that it answers. `end`: nothing more will come."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as sock:
            try:
                sock.sendall(payload)
                if end:
                    sock.shutdown(socket.SHUT_WR)
            except OSError:  # it has answered and hung up already
                pass
            answer = b""
            try:
                while part := sock.recv(1 << 16):
                    answer += part
            except OSError:
                pass
            return answer


@contextmanager
def service(data: Path, *, ready: bool = True, **settings: Any) -> Iterator[Running]:
    """A service that is ready, or cannot become so; stopped in the end."""
    app = create_app(Settings(data=data, **{"threads": 1, **settings}))
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, access_log=False,
        timeout_graceful_shutdown=10,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        port = wait_for(lambda: _port(server, thread), 30)
        url = f"http://127.0.0.1:{port}"
        headers = {"X-API-Key": settings["keys"][0]} if settings.get("keys") else {}
        with httpx.Client(base_url=url, headers=headers, timeout=120, trust_env=False) as client:
            if ready:
                wait_for(lambda: client.get("/readyz").status_code == 200, 90)
            yield Running(app, url, client)
    finally:
        app.state.service.stop()
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive()


def _port(server: uvicorn.Server, thread: threading.Thread) -> int | None:
    assert thread.is_alive(), "the service died"
    if not server.started:
        return None
    return int(server.servers[0].sockets[0].getsockname()[1])


def wait_for(condition: Callable[[], Any], limit_s: float) -> Any:
    """What `condition` gives once it is true."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not so within {limit_s} s")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The service that most tests share: with keys, and small limits."""
    with service(
        tmp_path_factory.mktemp("service"),
        keys=KEYS,
        max_upload_bytes=8 << 20,
        max_json_bytes=4 << 20,
        max_duration_s=120.0,
    ) as shared:
        yield shared


@pytest.fixture(scope="session")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service without keys, whose queues are short and whose URLs may lead to this machine."""
    with service(
        tmp_path_factory.mktemp("keyless"),
        max_waiting=0,
        max_jobs=2,
        allow_networks=(ipaddress.ip_network("127.0.0.1/32"),),
    ) as shared:
        yield shared


@pytest.fixture(scope="session")
def transcript(running: Running) -> dict[str, Any]:
    """The sample, transcribed by the service once for all."""
    answer = running.http.post(
        "/v1/audio/transcriptions",
        files={"file": ("sample.wav", SAMPLE.read_bytes())},
        data={"model": "base", "response_format": "diarized_json"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found

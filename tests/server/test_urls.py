"""URLs that callers give: nobody's way into the network behind the service."""

from __future__ import annotations

import contextlib
import http.server
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from diarize.server.errors import ServiceError
from diarize.server.limits import Cancel
from diarize.server.service import FETCH_SLOTS
from diarize.server.urls import Fetcher, is_public
from tests.server.conftest import Running, service, wait_for
from tests.server.sounds import DIANE, SHEILA, silence, spoken, text
from tests.server.test_jobs import ended, submit

FORBIDDEN = [
    "127.0.0.1", "127.8.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "192.88.99.1", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::808:808", "2002:7f00:1::", "2002:808:808::1", "2001:0:808:808::1", "fe80::1",
    "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"]


def test_which_addresses_are_public() -> None:
    assert [a for a in FORBIDDEN if is_public(ipaddress.ip_address(a))] == []
    assert [a for a in PUBLIC if not is_public(ipaddress.ip_address(a))] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/a.wav",
        "http://127.0.0.1:22/",
        "http://2130706433/",  # 127.0.0.1 as a number
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1%25lo]/",
        "http://169.254.169.254/latest/meta-data/",
        "ftp://example.org/a.wav",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://",
        "http:///a",
        "http://user:secret@example.org/a.wav",
        "http://example.org:99999/",
        "http://[::1",
        "http://exa mple.org/",
        "http://example.org/\r\nX: y",
        "//example.org/a.wav",
    ],
)
def test_refused(running: Running, url: str) -> None:
    job = running.http.post("/v1/jobs", data={"url": url})
    assert (job.status_code, job.json()["error"]["param"]) == (400, "url"), job.text
    voice = running.http.post("/v1/voice/embed", json={"audio": url})
    assert voice.status_code == 400


def test_every_address_of_a_name_is_checked(tmp_path: Path) -> None:
    for addresses in (["8.8.8.8", "10.0.0.1"], ["10.0.0.1"], []):
        fetcher = Fetcher(1000, resolver=lambda host, port, found=addresses: found)
        with pytest.raises(ServiceError):
            fetcher.check("http://example.org/")


class _Handler(http.server.BaseHTTPRequestHandler):
    """A web server with traps; `seen` are the paths asked for."""

    seen: list[str]
    held: threading.Event

    def do_GET(self) -> None:
        self.seen.append(self.path)
        redirects = {
            "/away": "http://169.254.169.254/latest/meta-data/",
            "/mapped": "http://[::ffff:10.0.0.1]/",
            "/file": "file:///etc/passwd",
            "/loop": "/loop",
            "/once": "/voice.wav",
        }
        if self.path in redirects:
            self.send_response(302)
            self.send_header("Location", redirects[self.path])
            self.end_headers()
        elif self.path == "/voice.wav":
            self._send(spoken(*DIANE))
        elif self.path == "/held":
            self.held.wait(60)
            self._send(spoken(*DIANE))
        elif self.path == "/large":
            self.send_response(200)  # without a length
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the fetcher hangs up
                for _ in range(64):
                    self.wfile.write(b"x" * (1 << 18))
        elif self.path == "/endless":
            self.send_response(200)  # without a length
            self.end_headers()
            self.wfile.write(b"RIFF")
            self.held.wait(60)
        elif self.path == "/short":
            self._send(b"abc", 1000)
        else:
            self.send_error(404)

    def _send(self, content: bytes, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length or len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """A web server on this machine, which the keyless service may ask and others may not."""
    _Handler.seen, _Handler.held = [], threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_url_as_audio(keyless: Running, web: str) -> None:
    body = {"audio1": f"{web}/once", "audio2": f"{web}/voice.wav"}
    answer = keyless.http.post("/v1/voice/verify", json=body)
    assert answer.json()["distance"] == pytest.approx(0, abs=1e-5)


def test_slow_urls_hold_up_nobody_else(keyless: Running, web: str) -> None:
    """This service lets nobody wait for a slot: who finds none is sent away."""
    gate, clip = keyless.app.state.service.fetching, spoken(*SHEILA)

    def embed(audio: str) -> int:
        return keyless.http.post("/v1/voice/embed", json={"audio": audio}).status_code

    with ThreadPoolExecutor(FETCH_SLOTS) as pool:
        slow = [pool.submit(embed, f"{web}/held") for _ in range(FETCH_SLOTS)]
        wait_for(lambda: gate.running == FETCH_SLOTS, 20)
        assert embed(f"{web}/voice.wav") == 429
        assert embed(text(clip)) == 200
        answer = keyless.http.post("/extract-embedding/upload", files={"file": clip})
        assert answer.status_code == 200
        job = keyless.http.post("/v1/jobs", files={"file": clip}, data={"words": "false"})
        assert job.status_code == 202
        _Handler.held.set()
        codes = [each.result() for each in slow]
    assert set(codes) <= {200, 429}  # two at a time are worked on
    assert 200 in codes


def test_a_clip_that_is_not_there_in_time(tmp_path: Path, web: str) -> None:
    network = ipaddress.ip_network("127.0.0.1/32")
    with service(tmp_path, allow_networks=(network,), max_fetch_s=0.0) as running:
        answer = running.http.post("/v1/voice/embed", json={"audio": f"{web}/voice.wav"})
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == (
        "this took longer than the 0 s allowed: send the recording itself instead of a URL"
    )


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/away", "forbidden_url"),
        ("/mapped", "forbidden_url"),
        ("/file", "invalid_url"),
        ("/loop", "url_failed"),
        ("/missing", "url_failed"),
        ("/short", "url_failed"),
    ],
)
def test_every_hop_is_checked(keyless: Running, web: str, path: str, code: str) -> None:
    answer = keyless.http.post("/v1/voice/embed", json={"audio": web + path})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_download_is_cut_off_at_the_limit(web: str, tmp_path: Path) -> None:
    fetcher = Fetcher(1 << 20, (ipaddress.ip_network("127.0.0.1/32"),))
    cancel = Cancel(60)
    cancel.start()
    with pytest.raises(ServiceError) as caught:
        fetcher.fetch(f"{web}/large", tmp_path / "large", cancel)
    assert caught.value.status_code == 413
    assert (tmp_path / "large").stat().st_size <= 1 << 20


def test_a_body_without_a_length_is_not_whole_when_time_is_up(web: str, tmp_path: Path) -> None:
    _Handler.held.clear()
    fetcher = Fetcher(1 << 20, (ipaddress.ip_network("127.0.0.1/32"),))
    cancel = Cancel(0.3)
    cancel.start()
    with pytest.raises(ServiceError) as caught:
        fetcher.fetch(f"{web}/endless", tmp_path / "a", cancel)
    _Handler.held.set()
    assert (caught.value.status_code, caught.value.code) == (413, "too_slow")


def test_time_is_up_within_tls_too(tmp_path: Path) -> None:
    """A server that sends a byte now and then of a handshake that never ends."""
    hung_up = threading.Event()

    def trickle(server: socket.socket) -> None:
        peer, _ = server.accept()
        with peer:
            try:
                peer.sendall(b"\x16\x03\x03\x40\x00")
                for _ in range(200):
                    peer.sendall(b"\x00")
                    time.sleep(0.05)
            except OSError:
                hung_up.set()

    fetcher = Fetcher(1 << 20, (ipaddress.ip_network("127.0.0.1/32"),))
    cancel = Cancel(0.3)
    cancel.start()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=trickle, args=(server,), daemon=True).start()
        with pytest.raises(ServiceError) as caught:
            fetcher.fetch(f"https://127.0.0.1:{server.getsockname()[1]}/", tmp_path / "a", cancel)
        assert hung_up.wait(5)
    assert caught.value.code == "too_slow"


def test_a_slow_url_holds_up_no_other_job(keyless: Running, web: str) -> None:
    _Handler.held.clear()
    http = keyless.http
    slow = http.post("/v1/jobs", data={"url": f"{web}/held", "words": "false"}).json()["id"]
    wait_for(lambda: http.get(f"/v1/jobs/{slow}").json()["stage"] == "fetching", 20)
    assert keyless.app.state.service.heavy.running == 0
    assert ended(http, submit(http, silence(1), words="false")["id"])["state"] == "done"
    assert http.get(f"/v1/jobs/{slow}").json()["state"] == "running"
    _Handler.held.set()
    assert ended(http, slow)["state"] == "done"


def test_the_address_checked_is_the_one_connected_to(web: str, tmp_path: Path) -> None:
    """Rebinding: a name that resolves to something else when asked again is not asked again."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    fetcher = Fetcher(
        1 << 20,
        (ipaddress.ip_network("127.0.0.1/32"),),
        resolver=lambda host, port: next(answers),
    )
    cancel = Cancel(60)
    cancel.start()
    port = web.rpartition(":")[2]
    fetcher.fetch(f"http://rebinding.example:{port}/voice.wav", tmp_path / "a", cancel)
    assert (tmp_path / "a").read_bytes() == spoken(*DIANE)
    assert next(answers) == ["10.0.0.1"]  # was never asked for


def test_this_machine_is_refused_where_nobody_allowed_it(running: Running, web: str) -> None:
    _Handler.seen.clear()
    answer = running.http.post("/v1/voice/embed", json={"audio": f"{web}/voice.wav"})
    assert answer.json()["error"]["code"] == "forbidden_url"
    assert _Handler.seen == []


def test_a_different_voice_by_url(keyless: Running, web: str) -> None:
    body = {"audio1": f"{web}/voice.wav", "audio2": text(spoken(*SHEILA))}
    assert keyless.http.post("/v1/voice/verify", json=body).json()["verified"] is False

"""How much, how long, how many: told while reading, not after."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from diarize.audio import Recording
from diarize.errors import AudioError, TooLongError
from diarize.server import job_events
from diarize.server.decoding import Decoder
from diarize.server.errors import ServiceError
from diarize.server.limits import MAX_IN_FLIGHT, BodyLimit, Cancel, Cancelled, Gate
from diarize.server.settings import Settings
from tests.server.conftest import KEYS, Running, wait_for
from tests.server.sounds import SAMPLE, encoded, silence, spoken
from tests.server.test_jobs import submit

HEAD = (
    b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nX-API-Key: second\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n"
)
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
LIMIT = 8 << 20


def test_declared_too_large(running: Running) -> None:
    answer = running.send(HEAD + b"Content-Length: 99999999999\r\n\r\n" + FILE)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"code":"too_large"' in answer


def test_too_large_without_saying_so(running: Running) -> None:
    """No Content-Length: the body comes in chunks and is counted."""
    block = b"x" * (1 << 16)
    chunk = b"%x\r\n%s\r\n" % (len(block), block)
    body = b"%x\r\n%s\r\n" % (len(FILE), FILE) + chunk * (LIMIT // len(block) + 8)
    answer = running.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 413")


def test_more_than_declared_is_not_read_as_the_file(running: Running) -> None:
    """What goes beyond Content-Length belongs to no request; the service lives on."""
    answer = running.send(
        HEAD + b"Content-Length: %d\r\n\r\n" % len(FILE) + FILE + b"x" * 100_000, end=True
    )
    assert b"HTTP/1.1 200" not in answer
    assert b"HTTP/1.1 500" not in answer
    assert running.http.get("/livez").status_code == 200


def test_less_than_declared(running: Running) -> None:
    answer = running.send(HEAD + b"Content-Length: 5000\r\n\r\n" + FILE, end=True)
    assert b"HTTP/1.1 500" not in answer
    assert running.http.get("/livez").status_code == 200


def test_json_has_a_limit_of_its_own(running: Running) -> None:
    answer = running.http.post("/v1/voice/embed", json={"audio": "A" * (5 << 20)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_json_calls_take_no_large_form(running: Running) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = running.http.post("/v1/convert", content=bytes(5 << 20), headers=form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_the_text_of_a_form_has_a_limit_of_its_own(keyless: Running) -> None:
    fields = {f"field{n}": "x" * (7 << 20) for n in range(5)}
    answer = keyless.http.post("/v1/jobs", data=fields, files={"file": b"x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert "33 MiB" in answer.json()["error"]["message"]


def test_watchers_keep_nobody_out(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_events, "MAX_WATCHERS", MAX_IN_FLIGHT)
    first, second = (submit(running.http, SAMPLE.read_bytes())["id"] for _ in range(2))
    head = f"GET /v1/jobs/{second}/events HTTP/1.1\r\nHost: x\r\nX-API-Key: second\r\n\r\n"
    with ExitStack() as watchers:
        for _ in range(MAX_IN_FLIGHT):
            watcher = watchers.enter_context(
                socket.create_connection(("127.0.0.1", running.port), 20)
            )
            watcher.sendall(head.encode())
            assert watcher.recv(1 << 16).startswith(b"HTTP/1.1 200")
        wait_for(lambda: running.app.state.jobs.watchers == MAX_IN_FLIGHT, 20)
        assert running.http.get(f"/v1/jobs/{second}/events").status_code == 429
        assert running.http.post("/v1/voice/forget", json={"id": "x"}).status_code == 404
        for job in (first, second):
            assert running.http.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    wait_for(lambda: running.app.state.jobs.watchers == 0, 20)
    wait_for(lambda: running.app.state.service.heavy.running == 0, 60)


def test_nothing_is_left_of_refused_uploads(running: Running) -> None:
    assert list(running.app.state.service.scratch.iterdir()) == []


def test_a_body_that_comes_too_slowly(tmp_path: Path) -> None:
    settings = Settings(tmp_path, max_idle_s=0.05)
    told = []

    async def app(scope: object, receive: object, send: object) -> None:
        try:
            while True:
                await receive()  # type: ignore[operator]
        except ServiceError as error:
            told.append(error.status_code)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.01 if not told else 60)
        if receive.count:  # type: ignore[attr-defined]
            await asyncio.sleep(60)
        receive.count += 1  # type: ignore[attr-defined]
        return {"type": "http.request", "body": b"x", "more_body": True}

    receive.count = 0  # type: ignore[attr-defined]

    async def send(message: object) -> None: ...

    chunked = [(b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": chunked}
    asyncio.run(BodyLimit(app, settings)(scope, receive, send))  # type: ignore[arg-type]
    assert told == [408]


def test_the_gate_sends_away_whom_it_cannot_let_wait() -> None:
    async def scene() -> list[str]:
        gate = Gate(slots=1, max_waiting=1)
        log: list[str] = []
        release = asyncio.Event()

        async def visit(name: str, patient: bool = False) -> None:
            try:
                async with gate.enter(patient=patient):
                    log.append(f"{name} in")
                    await release.wait()
            except ServiceError as error:
                wait_s = (error.headers or {}).get("Retry-After")
                log.append(f"{name} {error.status_code} {wait_s}")

        visits = [asyncio.create_task(visit(name)) for name in ("one", "two", "three")]
        visits.append(asyncio.create_task(visit("job", patient=True)))
        await asyncio.sleep(0.01)
        assert (gate.running, gate.waiting) == (1, 1)
        release.set()
        await asyncio.gather(*visits)
        assert (gate.running, gate.waiting) == (0, 0)
        return log

    assert asyncio.run(scene()) == ["one in", "three 429 10", "two in", "job in"]


def test_work_stops_when_it_is_not_wanted_or_takes_too_long() -> None:
    cancel = Cancel(60)
    cancel.start()
    cancel.hook("voices", 0.5)
    assert (cancel.stage, cancel.fraction) == ("voices", 0.5)
    cancel.set()
    with pytest.raises(Cancelled):
        cancel.hook("voices", 0.6)
    late = Cancel(0)
    late.start()
    time.sleep(0.001)
    with pytest.raises(ServiceError) as caught:
        late.check()
    assert (caught.value.status_code, caught.value.code) == (413, "too_slow")


# ------------------------------------------------------------------ the decoding child


def quiet(stage: str, fraction: float) -> None: ...


def test_decoding_gives_what_the_library_gives(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(encoded(spoken((10.7, 12.7)), "flac", "flac"))
    decoder = Decoder(Settings(tmp_path), tmp_path)
    try:
        with decoder.decode(source, "call.flac", quiet) as ours, Recording.open(source) as own:
            assert ours.name == "call"
            assert ours.n_samples == own.n_samples
            assert (ours.read(0, 9000) == own.read(0, 9000)).all()
        assert [p.name for p in tmp_path.iterdir()] == ["a"]
    finally:
        decoder.close()


@pytest.mark.parametrize(
    ("limits", "longest_s", "error", "message"),
    [
        ({"decode_memory_bytes": 1 << 20}, 200, AudioError, "(too much memory|broke the decoder)"),
        ({"decode_s": 0.0}, 200, AudioError, "takes longer than 0 s"),
        ({}, 50, TooLongError, "longer than"),
    ],
)
def test_a_child_has_its_limits(
    tmp_path: Path, limits: dict[str, float], longest_s: float, error: type, message: str
) -> None:
    source = tmp_path / "a"
    source.write_bytes(silence(100))
    decoder = Decoder(Settings(tmp_path, **limits), tmp_path)  # type: ignore[arg-type]
    try:
        with pytest.raises(error, match=rf"'a\.wav'.*{message}"):
            decoder.decode(source, "a.wav", quiet, max_duration_s=longest_s)
    finally:
        decoder.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_child_ends_with_whoever_wants_it(tmp_path: Path) -> None:
    source = tmp_path / "pipe"
    os.mkfifo(source)  # opening it for reading takes forever
    decoder = Decoder(Settings(tmp_path), tmp_path)
    cancel = Cancel(60)
    cancel.start()

    def leave(stage: str, fraction: float) -> None:
        if _children(decoder):
            cancel.set()
        cancel.check()

    try:
        with pytest.raises(Cancelled):
            decoder.decode(source, "a.wav", leave)
        wait_for(lambda: not _children(decoder), 10)
    finally:
        decoder.close()


def _children(decoder: Decoder) -> list[str]:
    assert decoder._server is not None
    pid = decoder._server.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_keys_are_not_in_the_environment_of_children(running: Running) -> None:
    server = running.app.state.service.decoder._server
    environment = Path(f"/proc/{server.pid}/environ").read_bytes()
    assert b"DIARIZE" not in environment
    assert all(key not in environment for key in KEYS)

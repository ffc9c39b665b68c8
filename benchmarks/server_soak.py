"""The service under load, killed in the middle: no job lost, answers equal to serial ones.

    python -m benchmarks.server_soak [--requests 200] [--at-a-time 8] [--recording FILE]

Mixed requests (transcriptions, streams, diarizations, voices, jobs, bad input) go to a
`diarize serve` of its own, first one after the other, then AT-A-TIME at once. When half are
answered the service is killed (-9) and started again on the same data; whoever was cut off asks
again. Prints requests per minute and memory; exits 1 if a job was lost, an answer differs, or
memory grew by more than 25 %.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx

SAMPLE = Path(__file__).parent.parent / "tests" / "data" / "sample.wav"
COMMAND = "import typer; from diarize.server.cli import serve; typer.run(serve)"
VOLATILE = ("processing_time_ms", "id", "created_at")
GROWTH = 1.25
PATIENCE_S = 1800.0


@dataclass
class Server:
    """A service process on a port of its own."""

    data: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = self.data.parent / "log"
        begin = log.stat().st_size if log.exists() else 0
        command = [sys.executable, "-c", COMMAND, "--data", str(self.data)]
        with log.open("ab") as out:
            self.process = subprocess.Popen([*command, "--port", str(self.port)], stderr=out)
        while not self.port:
            time.sleep(0.1)
            for line in log.read_bytes()[begin:].splitlines():
                event = str(json.loads(line)["event"])
                if "running on" in event:
                    self.port = int(event.partition("127.0.0.1:")[2].split()[0])
        wait(lambda: httpx.get(f"{self.url}/readyz").status_code == 200)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Resident memory of the service now, or its highest level so far (VmHWM)."""
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"no {field}")


def wait(condition: Callable[[], bool]) -> None:
    """Until it holds; a service that does not answer yet counts as no."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"not so within {PATIENCE_S} s")


@dataclass
class Client:
    """Asks, and asks again where it is sent away or cut off."""

    server: Server
    recording: bytes
    sent_away: int = 0
    cut_off: int = 0
    jobs: set[str] = field(default_factory=set)

    def ask(self, kind: str) -> str:
        """The answer to one request of a kind, without what differs every time."""
        while True:
            try:
                answer = getattr(self, kind)()
                if answer.status_code not in (429, 503):
                    return f"{answer.status_code} {_stable(answer)}"
                self.sent_away += 1
                time.sleep(float(answer.headers.get("Retry-After", "1")) / 5)
            except httpx.TransportError:
                self.cut_off += 1
                time.sleep(0.5)

    def post(self, path: str, **what: object) -> httpx.Response:
        return httpx.post(self.server.url + path, timeout=PATIENCE_S, **what)  # type: ignore[arg-type]

    def transcription(self) -> httpx.Response:
        return self.post(
            "/v1/audio/transcriptions",
            files={"file": ("a.wav", self.recording)},
            data={"model": "base", "response_format": "diarized_json"},
        )

    def stream(self) -> httpx.Response:
        return self.post(
            "/v1/audio/transcriptions",
            files={"file": ("a.wav", self.recording)},
            data={"model": "base", "response_format": "diarized_json", "stream": "true"},
        )

    def diarization(self) -> httpx.Response:
        return self.post("/v1/audio/diarization", files={"file": ("a.wav", self.recording)})

    def embedding(self) -> httpx.Response:
        encoded = base64.b64encode(self.recording).decode()
        return self.post("/v1/voice/embed", json={"audio": encoded})

    def verify(self) -> httpx.Response:
        encoded = base64.b64encode(self.recording).decode()
        return self.post("/v1/voice/verify", json={"audio1": encoded, "audio2": encoded})

    def no_sound(self) -> httpx.Response:
        return self.post("/extract-embedding/upload", files={"file": ("a.wav", b"no sound")})

    def job(self) -> httpx.Response:
        """Once a job is acknowledged it must end, whatever happens to the service."""
        job = self.post(
            "/v1/jobs", files={"file": ("a.wav", self.recording)}, data={"words": "false"}
        )
        if job.status_code != 202:
            return job
        path = f"{self.server.url}/v1/jobs/{job.json()['id']}"
        self.jobs.add(path)
        wait(lambda: httpx.get(path).json()["state"] in ("done", "failed", "cancelled"))
        while True:
            try:
                return httpx.get(f"{path}/result")
            except httpx.TransportError:
                time.sleep(0.5)


KINDS = (
    *("transcription", "embedding", "job", "no_sound", "diarization", "verify", "job"),
    *("stream", "embedding", "job"),
)


def _stable(answer: httpx.Response) -> str:
    if "event-stream" in answer.headers.get("content-type", ""):  # without its comments
        return "".join(line for line in answer.text.splitlines() if line.startswith("data: "))
    if "json" not in answer.headers.get("content-type", ""):
        return answer.text
    document = answer.json()
    return json.dumps({k: v for k, v in document.items() if k not in VOLATILE})


@contextmanager
def killer(server: Server, done: Callable[[], int], at: int) -> Iterator[None]:
    """Kills the service and starts it again when `at` requests are answered."""

    def watch() -> None:
        while done() < at:
            time.sleep(0.05)
        server.kill()
        server.start()

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    thread.join()


def soak(server: Server, client: Client, requests: int, at_a_time: int) -> bool:
    """Whether all went well; prints the figures."""
    idle_mb = server.memory_mb()
    serial = {kind: client.ask(kind) for kind in dict.fromkeys(KINDS)}
    before_mb = server.memory_mb()
    answered = itertools.count(1)
    count = 0
    wrong: list[str] = []

    def one(kind: str) -> None:
        nonlocal count
        if client.ask(kind) != serial[kind]:
            wrong.append(kind)
        count = next(answered)

    begun = time.monotonic()
    kinds = list(itertools.islice(itertools.cycle(KINDS), requests))
    with killer(server, lambda: count, requests // 2), ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(one, kinds))
    minutes = (time.monotonic() - begun) / 60
    after_mb = server.memory_mb()
    lost = [job for job in client.jobs if httpx.get(job).json().get("state") != "done"]
    print(f"{requests} requests, {at_a_time} at a time: {requests / minutes:.0f} per minute")
    print(
        f"memory: {idle_mb:.0f} MB loaded, {before_mb:.0f} MB after one of each, "
        f"{after_mb:.0f} MB at the end, {server.memory_mb('VmHWM'):.0f} MB at most since the kill"
    )
    print(f"cut off by the kill: {client.cut_off}, told to come back: {client.sent_away}")
    print(f"jobs: {len(client.jobs)}, lost: {len(lost)}; answers that differ: {len(wrong)} {wrong}")
    return not lost and not wrong and after_mb < GROWTH * before_mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--at-a-time", type=int, default=8)
    parser.add_argument("--recording", type=Path, default=SAMPLE)
    options = parser.parse_args()
    os.environ.pop("DIARIZE_API_KEYS", None)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data")
        server.start()
        try:
            client = Client(server, options.recording.read_bytes())
            well = soak(server, client, options.requests, options.at_a_time)
        finally:
            server.kill()
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()

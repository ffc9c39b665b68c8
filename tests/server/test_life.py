"""A service starts, or says why not; told to stop, it does so in order."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from diarize.models.whisper import find_whisper
from diarize.server.app import create_app
from diarize.server.settings import Settings, SettingsError
from tests.server.conftest import Running, service, wait_for
from tests.server.sounds import SAMPLE
from tests.server.test_jobs import SERVE, ended, process, submit


def test_without_its_model_it_lives_but_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIARIZE_OFFLINE", "1")
    with service(tmp_path, ready=False, models=("nobody/nothing",)) as running:
        http = running.http
        wait_for(
            lambda: http.get("/readyz").json()["error"]["code"] == "model_not_available",
            60,
        )
        assert http.get("/livez").json() == {"status": "ok"}
        assert http.get("/health").json()["model_loaded"] is False
        answer = http.post("/v1/audio/diarization", files={"file": SAMPLE.read_bytes()})
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, None)
        assert answer.json()["error"]["message"] == (
            "the models could not be loaded: Whisper model 'nobody/nothing' was not found"
        )


def test_the_command_ends_without_its_model(tmp_path: Path) -> None:
    command = [*SERVE, str(tmp_path), "--model", "nobody/nothing"]
    environment = os.environ | {"DIARIZE_OFFLINE": "1"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    last = ended.stderr[ended.stderr.rindex("}\n") + 2 :]  # after the log
    assert last.startswith("error: the models could not be loaded: Whisper model 'nobody/nothing'")


def test_a_data_folder_has_one_service(running: Running) -> None:
    with pytest.raises(SettingsError, match="another service uses"):
        create_app(Settings(running.app.state.service.settings.data))


def a_file(data: Path) -> None:
    data.write_bytes(b"")


def damaged_rows(data: Path) -> None:
    data.mkdir()
    (data / "jobs.db").write_bytes(b"no database" * 1000)


def damaged_voices(data: Path) -> None:
    data.mkdir()
    (data / "voices.db").write_bytes(b"no database" * 1000)


def newer_rows(data: Path) -> None:
    data.mkdir()
    with closing(sqlite3.connect(data / "jobs.db")) as rows:
        rows.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (a_file, r"data cannot be used \(File exists\): mend it, or give another with --data"),
        (damaged_rows, r"data cannot be used \(file is not a database\)"),
        (damaged_voices, r"voices\.db cannot be used: .*; mend it, or give another with --voices"),
        (newer_rows, "jobs.db is of a newer version: update diarize"),
    ],
)
def test_a_data_folder_that_cannot_be_used(
    tmp_path: Path, prepare: Callable[[Path], None], why: str
) -> None:
    prepare(tmp_path / "data")
    with pytest.raises(SettingsError, match=why):
        create_app(Settings(tmp_path / "data"))


def test_leftovers_in_scratch_go(tmp_path: Path) -> None:
    (tmp_path / "scratch" / "a" / "b").mkdir(parents=True)
    create_app(Settings(tmp_path))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_jobs_wait_for_the_model_that_they_name(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        submit(running.http, SAMPLE.read_bytes(), words="false")  # the others wait for it
        whatever = submit(running.http)["id"]
        named = submit(running.http, model="base")["id"]
    with service(tmp_path, models=(str(find_whisper("base")),)) as running:
        assert ended(running.http, whatever)["state"] == "done"
        failed = ended(running.http, named)
        assert (failed["state"], failed["error"]["code"]) == ("failed", "model_not_served")
        assert failed["error"]["message"].startswith("there is no model 'base' here: choose from")
    with service(tmp_path) as running:
        assert ended(running.http, named)["state"] == "done"


def test_told_to_stop_it_puts_its_job_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with process(data) as (server, http):
        job = submit(http, SAMPLE.read_bytes())["id"]
        with http.stream("GET", f"/v1/jobs/{job}/events") as answer:
            lines = answer.iter_lines()
            next(line for line in lines if '"state": "running"' in line)
            server.send_signal(signal.SIGTERM)
            rest = [line for line in lines if line]  # the stream ends by itself
        assert not any('"state": "failed"' in line for line in rest)
        assert server.wait(60) in (0, -signal.SIGTERM)
    with process(data) as (_, http):
        found = ended(http, job)
        assert found["state"] == "done", found


def test_metrics(running: Running) -> None:
    running.http.get("/v1/models/none-such")
    text = running.http.get("/metrics").text
    count = 'diarize_requests_total{call="GET /v1/models/{model:path}",status="404"}'
    assert any(line.startswith(count) for line in text.splitlines())
    for name in ("process_resident_memory_bytes", "diarize_jobs_queued", "diarize_workers_busy"):
        assert f"\n{name} " in text
    assert "none-such" not in text


def test_made_up_methods_are_not_counted_by_name(running: Running) -> None:
    assert running.http.request("SECRET", "/v1/x").status_code == 404
    text = running.http.get("/metrics").text
    assert "SECRET" not in text
    assert 'diarize_requests_total{call="OTHER other",status="404"}' in text


def test_jobs_that_never_ran_are_counted(running: Running) -> None:
    def cancelled() -> float:
        name = 'diarize_jobs_total{state="cancelled"} '
        lines = running.http.get("/metrics").text.splitlines()
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    before = cancelled()
    first, second, third = (submit(running.http, SAMPLE.read_bytes())["id"] for _ in range(3))
    running.http.post(f"/v1/jobs/{third}/cancel")
    running.http.post(f"/v1/jobs/{third}/cancel")
    running.http.delete(f"/v1/jobs/{second}")
    running.http.post(f"/v1/jobs/{first}/cancel")
    wait_for(lambda: running.app.state.service.heavy.running == 0, 60)
    assert cancelled() == before + 3


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/metrics", "/"])
def test_watchers_may_ask_for_the_head_alone(running: Running, path: str) -> None:
    answer = running.http.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert running.http.put(path).status_code == 405


def test_who_leaves_a_stream_is_no_error(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"model": "base", "stream": "true"}
    files = {"file": SAMPLE.read_bytes()}
    path = "/v1/audio/transcriptions"
    with running.http.stream("POST", path, data=fields, files=files) as answer:
        next(answer.iter_raw())
        wait_for(lambda: running.app.state.service.heavy.running == 1, 60)
    wait_for(lambda: running.app.state.service.heavy.running == 0, 60)
    running.http.get("/livez")  # the loop has gone round
    gc.collect()
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []

"""A service starts, or says why not; told to stop, it does so in order."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from diarize.server.app import create_app
from diarize.server.settings import Settings, SettingsError
from tests.server.conftest import Running, service, wait_for
from tests.server.sounds import SAMPLE
from tests.server.test_jobs import ended, process, submit


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
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_data_folder_has_one_service(running: Running) -> None:
    with pytest.raises(SettingsError, match="another service uses"):
        create_app(Settings(running.app.state.service.settings.data))


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

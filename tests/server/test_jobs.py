"""Jobs: submitted, watched, fetched in any format, cancelled; and a service that dies."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from diarize.formats import FORMATS
from diarize.formats import json as result_json
from diarize.server.errors import ServiceError
from diarize.server.job_runner import JobRunner, ask_as_json
from diarize.server.job_store import JobStore
from diarize.server.limits import Cancel
from diarize.server.service import Service
from diarize.server.settings import Settings
from diarize.server.studio import Ask
from tests.server.conftest import Running, wait_for
from tests.server.sounds import DIALOGUE, DIANE, SAMPLE, data_url, spoken

CLIP = spoken(DIALOGUE)
ENDED = ("done", "failed", "cancelled")


def submit(http: httpx.Client, content: bytes = CLIP, **fields: Any) -> dict[str, Any]:
    answer = http.post("/v1/jobs", files={"file": ("call.wav", content)}, data=fields)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{found['id']}"
    return found


def ended(http: httpx.Client, job: str, limit_s: float = 90) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        view: dict[str, Any] = http.get(f"/v1/jobs/{job}").json()
        return view if view["state"] in ENDED else None

    found: dict[str, Any] = wait_for(look, limit_s)
    return found


@pytest.fixture(scope="module")
def finished(running: Running) -> dict[str, Any]:
    """The seven seconds, done once for all: the last event of its stream."""
    job = submit(running.http)
    with running.http.stream("GET", f"/v1/jobs/{job['id']}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    events = [json.loads(line[6:]) for line in lines]
    assert [e["progress"] for e in events] == sorted(e["progress"] for e in events)
    assert {e["id"] for e in events} == {job["id"]}
    last: dict[str, Any] = events[-1]
    return last


def test_a_job_from_upload_to_result(running: Running, finished: dict[str, Any]) -> None:
    assert (finished["state"], finished["progress"], finished["error"]) == ("done", 1.0, None)
    assert (finished["file_name"], finished["duration"]) == ("call.wav", 7.1)
    path = f"/v1/jobs/{finished['id']}/result"
    result = result_json.read(running.http.get(path).text)
    assert result.name == "call"
    assert len(result.speakers) == 2
    assert "Jersey" in result.text
    for name in FORMATS:
        answer = running.http.get(path, params={"format": name})
        assert answer.status_code == 200
        assert answer.text == FORMATS[name].write(result)
        assert "attachment" in answer.headers["content-disposition"]
    assert running.http.get(path, params={"format": "docx"}).status_code == 400
    folder = running.app.state.service.settings.data / "jobs" / finished["id"]
    assert running.http.get(path).content == (folder / "result.json").read_bytes()
    # The recording itself is not kept.
    assert sorted(p.name for p in folder.iterdir()) == ["result.json", "voices.json"]


def test_a_speaker_is_remembered_and_named_next_time(keyless: Running) -> None:
    http = keyless.http
    first = ended(http, submit(http)["id"])
    path = f"/v1/jobs/{first['id']}"
    result = result_json.read(http.get(f"{path}/result").text)
    diane = next(u.speaker for u in result.utterances if "Jersey" in u.text)
    known = http.get(f"{path}/speakers").json()["speakers"]
    assert {s["speaker"] for s in known} == {"A", "B"}
    nobody = http.post(f"{path}/voices", json={"names": {"Z": "Zoe"}})
    assert nobody.status_code == 400
    answer = http.post(f"{path}/voices", json={"names": {diane: "Diane"}})
    assert answer.json()["remembered"][0]["name"] == "Diane"

    other = spoken((18.7, 21.4), (21.8, 27.0))  # another part of their conversation
    second = ended(http, submit(http, other, words="false")["id"])
    result = result_json.read(http.get(f"/v1/jobs/{second['id']}/result").text)
    assert set(result.speakers) == {"Diane"} | {s for s in result.speakers if len(s) == 1}
    assert len(result.speakers) == 2
    named = http.get(f"/v1/jobs/{second['id']}/speakers").json()["speakers"]
    scores = {s["speaker"]: s["score"] for s in named}
    assert scores.pop("Diane") > 0.5
    assert set(scores.values()) == {None}
    unasked = ended(http, submit(http, other, words="false", identify="false")["id"])
    plain = result_json.read(http.get(f"/v1/jobs/{unasked['id']}/result").text)
    assert "Diane" not in plain.speakers


def test_a_job_that_cannot_be_done(running: Running) -> None:
    job = ended(running.http, submit(running.http, b"no sound")["id"])
    assert (job["state"], job["error"]["code"]) == ("failed", "not_audio")
    answer = running.http.get(f"/v1/jobs/{job['id']}/result")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_failed")


def test_cancel_and_delete(running: Running) -> None:
    http = running.http
    job = submit(http, SAMPLE.read_bytes())["id"]
    assert http.get(f"/v1/jobs/{job}/result").status_code == 409
    assert http.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    wait_for(lambda: running.app.state.service.heavy.running == 0, 60)
    assert http.get(f"/v1/jobs/{job}").json()["state"] == "cancelled"
    assert job in {j["id"] for j in http.get("/v1/jobs").json()["jobs"]}
    assert http.delete(f"/v1/jobs/{job}").status_code == 204
    assert not (running.app.state.service.settings.data / "jobs" / job).exists()
    for method, path in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("DELETE", "")):
        assert http.request(method, f"/v1/jobs/{job}{path}").status_code == 404


def test_older_jobs_page_by_page(running: Running) -> None:
    http = running.http
    jobs = [submit(http, b"no sound")["id"] for _ in range(3)]
    page = http.get("/v1/jobs", params={"before": jobs[2], "limit": 2}).json()["jobs"]
    assert [job["id"] for job in page] == [jobs[1], jobs[0]]
    assert http.get("/v1/jobs", params={"before": "none-such"}).status_code == 404


def test_contradictions_are_refused_at_once(running: Running) -> None:
    for fields in (
        {"min_speakers": "3", "max_speakers": "2"},
        {"language": "klingon"},
        {"url": "http://example.org/a.wav"},  # and a file
        {"known_speaker_names": "Ana"},
    ):
        answer = running.http.post("/v1/jobs", files={"file": CLIP}, data=fields)
        assert answer.status_code == 400, fields
    assert running.http.post("/v1/jobs").status_code == 400


def test_a_full_queue_says_when_to_come_back(keyless: Running) -> None:
    long = SAMPLE.read_bytes()
    jobs, refused = [], None
    for _ in range(6):
        answer = keyless.http.post("/v1/jobs", files={"file": long}, data={"words": "false"})
        if answer.status_code == 429:
            refused = answer
            break
        jobs.append(answer.json()["id"])
    for job in jobs:
        keyless.http.post(f"/v1/jobs/{job}/cancel")
    assert refused is not None
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert 2 <= len(jobs) <= 4  # two queued; one or two more were taken up meanwhile
    wait_for(lambda: keyless.app.state.service.heavy.running == 0, 60)


# ------------------------------------------------------------------ a service that dies

COMMAND = (sys.executable, "-c", "import sys; from diarize.cli import main; sys.exit(main())")
SERVE = (*COMMAND, "serve", "--port", "0", "--threads", "1", "--data")


@contextmanager
def process(
    data: Path, *options: str, within: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """`diarize serve` in a process of its own; `within`: a command that runs it."""
    command = [*within, *SERVE, str(data)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    log = data.parent / "log"
    with log.open("ab") as out:
        begin = out.tell()
        server = subprocess.Popen([*command, *options], stderr=out, env=environment)
    try:
        port = wait_for(lambda: _port(log, begin, server), 60)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            wait_for(lambda: http.get("/readyz").status_code == 200, 90)
            yield server, http
    finally:
        server.kill()
        server.wait()


def _port(log: Path, begin: int, server: subprocess.Popen[bytes]) -> int | None:
    assert server.poll() is None, log.read_text()
    for line in log.read_bytes()[begin:].splitlines():
        event = json.loads(line)["event"]  # every line is JSON
        if "running on" in event:
            return int(event.partition("127.0.0.1:")[2].partition(" ")[0])
    return None


def test_no_job_is_lost_when_the_service_is_killed(
    running: Running, finished: dict[str, Any], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with process(data) as (server, http):
        jobs = [submit(http)["id"] for _ in range(2)]
        wait_for(lambda: http.get(f"/v1/jobs/{jobs[0]}").json()["state"] == "running", 30)
        server.send_signal(signal.SIGKILL)
        server.wait()
    with process(data) as (server, http):
        for job in jobs:
            assert ended(http, job)["state"] == "done"
        texts = [http.get(f"/v1/jobs/{job}/result").text for job in jobs]
        kept = http.get("/v1/jobs").json()["jobs"]
        assert [j["id"] for j in kept] == jobs[::-1]
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) in (0, -signal.SIGTERM)
    # The same bytes as from a service that was not killed.
    whole = running.http.get(f"/v1/jobs/{finished['id']}/result").text
    assert texts == [whole, whole]
    log = (tmp_path / "log").read_text()
    assert "call.wav" not in log
    assert "Diane" not in log
    assert all(json.loads(line)["level"] in ("info", "warning") for line in log.splitlines())


def test_the_store_gives_up_what_kills_it_and_forgets_what_was_never_promised(
    tmp_path: Path,
) -> None:
    store = JobStore(tmp_path)
    job = store.add({"words": True}, "a.wav", max_queued=1, url="http://example.org/a.wav")
    with pytest.raises(ServiceError):
        store.add({}, "b.wav", max_queued=1, url="x")
    (tmp_path / "jobs" / "half").mkdir()
    for state, given_up in (("queued", 0), ("queued", 0), ("failed", 1)):
        claimed = store.claim()
        assert claimed is not None
        store.close()  # killed here
        store = JobStore(tmp_path)
        assert store.recover() == given_up
        found = store.get(job.id)
        assert found is not None
        assert found.state == state
    assert found.error is not None
    assert found.error["code"] == "gave_up"
    assert [p.name for p in (tmp_path / "jobs").iterdir()] == [job.id]
    store.expire(-1)
    assert store.get(job.id) is None
    assert store.claim() is None
    store.close()


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[JobRunner]:
    """The jobs of a service without models and without workers."""
    service, store = Service(Settings(tmp_path)), JobStore(tmp_path)
    yield JobRunner(service, store)
    service.close()
    store.close()


def queue(runner: JobRunner) -> str:
    ask = ask_as_json(Ask(words=False))
    return runner.store.add(ask, "a.wav", max_queued=9, file=io.BytesIO(CLIP)).id


def test_a_job_waits_for_a_voice_store_that_can_be_used(runner: JobRunner) -> None:
    job = queue(runner)
    path = runner.service.settings.data / "voices.db"
    path.write_bytes(b"no database" * 1000)
    runner._next(Cancel(60), fetched=True)
    found = runner.store.get(job)
    assert found is not None
    assert found.error is not None
    assert (found.state, found.error["code"]) == ("failed", "voice_store_unavailable")
    assert found.error["message"].startswith(f"the voice store {path} cannot be used: ")
    assert runner.store.source(job).read_bytes() == CLIP
    runner.store.recover()
    assert runner.store.has_next()


def test_a_job_that_somebody_ends_does_not_crash(
    runner: JobRunner, caplog: pytest.LogCaptureFixture
) -> None:
    for end in (runner.cancel, runner.delete):
        job = queue(runner)
        cancel = Cancel(60)
        claimed = runner._claim(cancel, fetched=True)
        assert claimed is not None
        end(job)
        assert cancel.is_set
        runner._try(claimed, Cancel(60))  # without its recording
        found = runner.store.get(job)
        assert found is None or found.state == "cancelled"
    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_names_are_compared_as_they_are_kept(running: Running, finished: dict[str, Any]) -> None:
    path = f"/v1/jobs/{finished['id']}/voices"
    twice = running.http.post(path, json={"names": {"A": "Ana", "B": "Ana "}})
    assert (twice.status_code, twice.json()["error"]["message"]) == (
        400,
        "two speakers were given one name: merge them first",
    )
    nobody = running.http.post(path, json={"names": {"A": "UNKNOWN"}})
    assert (nobody.status_code, nobody.json()["error"]["param"]) == (400, "names")


def test_references_of_known_speakers(running: Running) -> None:
    job = submit(
        running.http,
        words="false",
        known_speaker_names="Diane",
        known_speaker_references=data_url(spoken(*DIANE)),
    )
    assert ended(running.http, job["id"])["state"] == "done"
    result = result_json.read(running.http.get(f"/v1/jobs/{job['id']}/result").text)
    assert "Diane" in result.speakers

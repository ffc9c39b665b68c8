"""A call with a person on each channel, kept apart by every family that has words or turns."""

from __future__ import annotations

from typing import Any

import numpy as np

from diarize.formats import json as result_json
from tests.server.conftest import Running
from tests.server.sounds import DIANE, RATE_HZ, call, data_url, spoken, wav
from tests.server.test_jobs import ended, submit

TURNS = "/v1/audio/diarization"
WORDS = "/v1/audio/transcriptions"


def said_by(segments: list[dict[str, Any]]) -> dict[str, str]:
    said: dict[str, str] = {}
    for segment in segments:
        said[segment["speaker"]] = said.get(segment["speaker"], "") + segment["text"]
    return said


def test_a_job_keeps_both_sides_apart_and_names_them(running: Running) -> None:
    job = submit(
        running.http,
        call(),
        channels="separate",
        known_speaker_names="Diane",
        known_speaker_references=data_url(spoken(*DIANE)),
    )
    assert ended(running.http, job["id"])["state"] == "done"
    result = result_json.read(running.http.get(f"/v1/jobs/{job['id']}/result").text)
    assert sorted(result.speakers) == ["B", "Diane"]
    for speaker in result.speakers:  # more than half of it while the other one speaks, too
        assert sum(t.duration for t in result.turns if t.speaker == speaker) > 4
    (named,) = result.names  # as `diarize transcribe --known-speaker` shows it
    assert named.name == "Diane"
    assert 0.9 < named.confidence <= 1
    said = said_by([{"speaker": u.speaker, "text": u.text} for u in result.utterances])
    assert "Diane" in said["Diane"]
    assert "Yankee" in said["B"]
    speakers = running.http.get(f"/v1/jobs/{job['id']}/speakers").json()["speakers"]
    assert {s["speaker"]: s["score"] for s in speakers} == {"Diane": named.score, "B": None}


def test_openais_and_speaches_calls_can_keep_them_apart(running: Running) -> None:
    files = {"file": ("call.wav", call())}
    words = running.http.post(
        WORDS,
        files=files,
        data={"model": "base", "response_format": "diarized_json", "channels": "separate"},
    )
    said = said_by(words.json()["segments"])
    assert "Diane" in said["A"]
    assert "Yankee" in said["B"]
    turns = running.http.post(TURNS, files=files, data={"channels": "separate"}).json()
    assert turns["duration"] == 8.5
    assert {s["speaker"] for s in turns["segments"]} == {"A", "B"}
    for path in (TURNS, WORDS, "/v1/jobs"):
        answer = running.http.post(path, files=files, data={"model": "base", "channels": "left"})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "channels"


def test_every_channel_counts_towards_the_limit(running: Running) -> None:
    """120 s are allowed, and two sides of 70 s are as much work as 140."""
    quiet = wav(np.zeros((70 * RATE_HZ, 2), np.float32))
    mixed = running.http.post(TURNS, files={"file": quiet})
    assert mixed.json() == {"duration": 70.0, "segments": []}
    apart = running.http.post(TURNS, files={"file": quiet}, data={"channels": "separate"})
    assert (apart.status_code, apart.json()["error"]["code"]) == (413, "too_long")

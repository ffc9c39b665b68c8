"""OpenAI's calls, with OpenAI's own client where it has one for them."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from starlette.requests import Request
from starlette.types import Message

from diarize.server.limits import Cancel
from diarize.server.openai_stream import events
from diarize.server.service import Service
from diarize.server.settings import Settings
from diarize.server.studio import Outcome
from diarize.words import UtteranceHook
from tests.server.conftest import KEYS, Running, wait_for
from tests.server.sounds import DIALOGUE, DIANE, SAMPLE, SHEILA, data_url, silence, spoken

CALL = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def client(running: Running) -> OpenAI:
    return OpenAI(base_url=f"{running.url}/v1", api_key=KEYS[1].decode(), max_retries=0)


@pytest.fixture(scope="module")
def dialogue() -> tuple[str, bytes]:
    return "dialogue.wav", spoken(DIALOGUE)


def test_diarized_json_says_who_said_what(transcript: dict[str, Any]) -> None:
    assert transcript["task"] == "transcribe"
    assert transcript["duration"] == 30.0
    assert transcript["usage"] == {"type": "duration", "seconds": 30}
    by_speaker: dict[str, str] = {}
    for number, segment in enumerate(transcript["segments"]):
        assert segment["id"] == f"seg_{number}"
        assert segment["type"] == "transcript.text.segment"
        by_speaker[segment["speaker"]] = by_speaker.get(segment["speaker"], "") + segment["text"]
    assert list(by_speaker) == ["A", "B"]
    assert "Diane in New Jersey" in by_speaker["A"]
    assert "Yankee" in by_speaker["B"]


def test_openai_client_names_known_speakers_and_nobody_else(client: OpenAI) -> None:
    stranger = spoken(*SHEILA, speed=1.4)  # is not in the recording
    with SAMPLE.open("rb") as file:
        answer = client.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize",
            file=file,
            response_format="diarized_json",
            chunking_strategy="auto",
            extra_body={
                "known_speaker_names": ["Diane", "Carol"],
                "known_speaker_references": [data_url(spoken(*DIANE)), data_url(stranger)],
            },
        )
    speakers = {segment.speaker for segment in answer.segments}
    assert speakers == {"Diane", "B"}
    assert all("Yankee" not in s.text for s in answer.segments if s.speaker == "Diane")


def test_openai_client_streams(client: OpenAI, dialogue: tuple[str, bytes]) -> None:
    events = list(
        client.audio.transcriptions.create(
            model="whisper-1",
            file=dialogue,
            response_format="diarized_json",
            stream=True,
        )
    )
    kinds = [event.type for event in events]
    assert kinds[-1] == "transcript.text.done"
    assert kinds[:2] == ["transcript.text.delta", "transcript.text.segment"]
    deltas = "".join(e.delta for e in events if e.type == "transcript.text.delta")
    assert deltas == events[-1].text
    assert "Jersey" in deltas
    segments = [e for e in events if e.type == "transcript.text.segment"]
    assert len({s.speaker for s in segments}) == 2
    assert [e.segment_id for e in events if e.type == "transcript.text.delta"] == [
        segment.id for segment in segments
    ]


def test_verbose_json_has_words_and_segments(client: OpenAI, dialogue: tuple[str, bytes]) -> None:
    answer = client.audio.transcriptions.create(
        model="base",
        file=dialogue,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
    )
    assert answer.language == "english"
    assert answer.duration == pytest.approx(7.1, abs=0.01)
    assert answer.segments
    assert answer.words
    assert " ".join(w.word for w in answer.words) == answer.text
    assert all(0 <= w.start <= w.end <= answer.duration for w in answer.words)
    assert all(s.avg_logprob < 0 < s.compression_ratio for s in answer.segments)


def test_models(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == "base"
    assert {"whisper-1", "gpt-4o-transcribe-diarize", "resnet34-lm"} <= set(names)
    assert client.models.retrieve("base").owned_by == "diarize"
    with pytest.raises(NotFoundError):
        client.models.retrieve("gpt-9")


def test_unknown_model(client: OpenAI, dialogue: tuple[str, bytes]) -> None:
    with pytest.raises(NotFoundError, match="no model 'huge' here"):
        client.audio.transcriptions.create(model="huge", file=dialogue)


@pytest.mark.parametrize(
    ("response_format", "expected"),
    [
        ("json", {"text": "", "usage": {"type": "duration", "seconds": 2}}),
        ("text", "\n"),
        ("srt", ""),
        ("vtt", "WEBVTT\n"),
    ],
)
def test_silence_is_a_valid_empty_answer(
    running: Running, response_format: str, expected: object
) -> None:
    answer = running.http.post(
        CALL,
        files={"file": ("silence.wav", silence(2))},
        data={"model": "base", "response_format": response_format},
    )
    assert answer.status_code == 200
    got = answer.json() if response_format == "json" else answer.text
    assert got == expected


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("response_format", {"response_format": "mp3"}),
        ("temperature", {"temperature": "7"}),
        ("language", {"language": "klingon"}),
        ("chunking_strategy", {"chunking_strategy": "maybe"}),
        ("timestamp_granularities", {"timestamp_granularities[]": "word"}),
        ("stream", {"stream": "true", "response_format": "srt"}),
        ("known_speaker_references", {"known_speaker_names[]": "Ana"}),
        (
            "known_speaker_references",
            {"known_speaker_names[]": "Ana", "known_speaker_references[]": "http://x/ana.wav"},
        ),
        (
            "known_speaker_references",
            {
                "known_speaker_names": "Ana",
                "known_speaker_references": data_url(spoken((10.7, 11.5))),
            },
        ),
        (
            "known_speaker_names",
            {"known_speaker_names": ["a"] * 5, "known_speaker_references": ["data:"] * 5},
        ),
        (
            "known_speaker_names",
            {"known_speaker_names": "a\nb", "known_speaker_references": "data:"},
        ),
        (
            "known_speaker_names",
            {"known_speaker_names": "UNKNOWN", "known_speaker_references": "data:"},
        ),
        (
            "known_speaker_names",
            {"known_speaker_names": "a\u2028b", "known_speaker_references": "data:"},
        ),
        (
            "known_speaker_names",
            {"known_speaker_names": ["a", "a "], "known_speaker_references": ["data:"] * 2},
        ),
    ],
)
def test_a_bad_parameter_is_named(running: Running, param: str, fields: dict[str, Any]) -> None:
    answer = running.http.post(
        CALL, files={"file": ("s.wav", silence(1))}, data={"model": "base", **fields}
    )
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"


def test_missing_file(running: Running) -> None:
    answer = running.http.post(CALL, data={"model": "base"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "missing")
    assert answer.json()["error"]["param"] == "file"


def test_a_bad_file_is_told_before_the_stream_begins(client: OpenAI) -> None:
    with pytest.raises(Exception, match="not a sound or video file") as caught:
        client.audio.transcriptions.create(model="base", file=("a.wav", b"no sound"), stream=True)
    assert caught.value.status_code == 415  # type: ignore[attr-defined]


def test_bad_request_is_openais_exception(client: OpenAI, dialogue: tuple[str, bytes]) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.audio.transcriptions.create(model="base", file=dialogue, language="xx")
    assert caught.value.param == "language"


def test_work_ends_when_the_client_leaves_a_stream(running: Running) -> None:
    service = running.app.state.service
    with running.http.stream(
        "POST",
        CALL,
        files={"file": ("sample.wav", SAMPLE.read_bytes())},
        data={"model": "base", "stream": "true"},
    ) as answer:
        assert next(answer.iter_lines()).startswith(": ")
        (cancel,) = wait_for(lambda: list(service._running), 20)
    wait_for(lambda: service.heavy.running == 0, 30)
    assert cancel.is_set
    assert cancel.stage != "transcription"  # it never came that far


def test_work_ends_when_the_client_leaves_an_ordinary_request(running: Running) -> None:
    service = running.app.state.service
    request = running.http.build_request(
        "POST", CALL, files={"file": SAMPLE.read_bytes()}, data={"model": "base"}
    )
    head = b"".join(name + b": " + value + b"\r\n" for name, value in request.headers.raw)
    with socket.create_connection(("127.0.0.1", running.port)) as sock:
        sock.sendall(f"POST {CALL} HTTP/1.1\r\n".encode() + head + b"\r\n" + request.read())
        (cancel,) = wait_for(lambda: list(service._running), 20)
    wait_for(lambda: service.heavy.running == 0, 30)
    assert cancel.is_set
    assert cancel.stage != "transcription"


def test_a_stream_that_crashes_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def work(cancel: Cancel, hook: UtteranceHook) -> Outcome:
        raise RuntimeError("what nobody need know")

    async def receive() -> Message:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def sent() -> bytes:
        request, service = Request({"type": "http"}, receive), Service(Settings(tmp_path))
        stream = events(service, request, work, lambda: None, diarized=False)
        parts = [part async for part in stream]
        service.close()
        return parts[-1]

    last = asyncio.run(sent())
    assert b'"code": "internal_error"' in last
    assert b"nobody need know" not in last
    assert [r.message for r in caplog.records if r.exc_info] == ["a stream crashed"]

"""Recordings, names and headers that break services like this one, sent to one that runs."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from tests.server.conftest import Running
from tests.server.sounds import (
    DIALOGUE,
    DIANE,
    RATE_HZ,
    data_url,
    encoded,
    noise,
    silence,
    spoken,
    video,
    wav,
)

TURNS = "/v1/audio/diarization"
WORDS = "/v1/audio/transcriptions"
SPEECH = spoken(DIALOGUE)


def turns(running: Running, content: bytes, name: str = "a.wav", **fields: Any) -> Any:
    return running.http.post(TURNS, files={"file": (name, content)}, data=fields)


NOT_SOUND = {
    "empty": b"",
    "text": b"Who said what?\n" * 50,
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06",
    "random": np.random.default_rng(1).bytes(5000),
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "protocol": b"file:/etc/passwd",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "video without sound": video(),
}


@pytest.mark.parametrize("kind", NOT_SOUND)
@pytest.mark.parametrize("call", [TURNS, WORDS])
def test_what_is_no_sound_is_told(running: Running, call: str, kind: str) -> None:
    answer = running.http.post(
        call, files={"file": ("meeting.wav", NOT_SOUND[kind])}, data={"model": "diarize"}
        if call == TURNS else {"model": "base"},
    )  # fmt: skip
    assert answer.status_code == 415, answer.text
    error = answer.json()["error"]
    assert error["code"] == "not_audio"
    assert "'meeting.wav'" in error["message"]  # the sender's name for it, not ours


EMPTY = {
    "header only": wav(np.zeros(0, np.float32)),
    "one sample": wav(np.zeros(1, np.float32)),
    "10 ms": wav(np.zeros(160, np.float32)),
    "silence": silence(3),
    "noise": noise(3),
    "DC": wav(np.full(48_000, 0.5, np.float32)),
    "music": wav(0.3 * np.sin(np.arange(48_000) * 2 * np.pi * 440 / RATE_HZ).astype(np.float32)),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_where_nobody_speaks_nothing_is_invented(running: Running, kind: str) -> None:
    answer = turns(running, EMPTY[kind])
    assert answer.status_code == 200, answer.text
    assert answer.json()["segments"] == []
    text = running.http.post(
        WORDS, files={"file": ("a.wav", EMPTY[kind])}, data={"model": "base"}
    ).json()
    assert text["text"] == ""


@pytest.mark.parametrize(
    ("container", "codec"), [("flac", "flac"), ("mp4", "aac"), ("mp3", "mp3"), ("ogg", "libopus")]
)
@pytest.mark.parametrize("share", [0.001, 0.02, 0.5, 0.97])
def test_a_cut_off_file_is_told_or_read_as_far_as_it_goes(
    running: Running, container: str, codec: str, share: float
) -> None:
    whole = encoded(spoken((11.0, 13.0)), container, codec)
    answer = turns(running, whole[: max(1, round(len(whole) * share))])
    assert answer.status_code in (200, 415)
    if answer.status_code == 200:
        assert answer.json()["duration"] <= 2.2


def test_a_header_that_claims_4_gb(running: Running) -> None:
    content = bytearray(silence(1))
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    answer = turns(running, bytes(content))
    assert answer.status_code == 200
    assert answer.json()["duration"] == pytest.approx(1, abs=0.1)


def test_a_small_file_that_is_long(running: Running) -> None:
    small = encoded(silence(130), "ogg", "libopus", 48_000)
    assert len(small) < 200_000
    answer = turns(running, small)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_long")


KINDS_OF_SOUND = [
    (8_000, 1, "WAV", "PCM_16"),
    (8_000, 1, "WAV", "ULAW"),
    (44_100, 2, "WAV", "PCM_24"),
    (96_000, 1, "FLAC", "PCM_24"),
    (192_000, 1, "WAV", "FLOAT"),
    (16_000, 8, "WAV", "PCM_16"),
]


@pytest.mark.parametrize(("rate_hz", "channels", "container", "subtype"), KINDS_OF_SOUND)
def test_times_hold_whatever_the_sound_is_kept_as(
    running: Running, rate_hz: int, channels: int, container: str, subtype: str
) -> None:
    """Two seconds of silence, then speech to the end: it begins and ends where it does."""
    samples, _ = soundfile.read(io.BytesIO(spoken((18.8, 21.4))), dtype="float32")
    samples = np.concatenate([np.zeros(2 * RATE_HZ, np.float32), samples])
    samples = resample_poly(samples, rate_hz // 100, RATE_HZ // 100)
    file = io.BytesIO()
    every = np.repeat(samples[:, None], channels, axis=1)
    soundfile.write(file, every, rate_hz, format=container, subtype=subtype)
    answer = turns(running, file.getvalue()).json()
    assert answer["duration"] == pytest.approx(4.6, abs=0.02)
    assert answer["segments"][0]["start"] == pytest.approx(2.0, abs=0.15)
    assert {s["speaker"] for s in answer["segments"]} == {"A"}


def test_samples_that_are_no_numbers(running: Running) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(SPEECH), dtype="float32")
    samples[::1000] = np.nan
    samples[1::1000] = np.inf
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV", subtype="FLOAT")
    answer = turns(running, file.getvalue())
    assert answer.status_code == 200
    assert np.isfinite([[s["start"], s["end"]] for s in answer.json()["segments"]]).all()


@pytest.mark.parametrize("name", ["Ana Maria", "<v>", "-->", 'a"b', "😀", "x" * 200])
def test_speakers_of_any_name(running: Running, name: str) -> None:
    known = {"known_speaker_names": name, "known_speaker_references": data_url(spoken(DIANE[1]))}
    clip = spoken(DIANE[0])
    named = turns(running, clip, **known).json()
    assert {s["speaker"] for s in named["segments"]} == {name}
    rttm = turns(running, clip, response_format="rttm", **known)
    assert rttm.status_code in (200, 400)
    if rttm.status_code == 200:
        assert all(len(line.split()) == 10 for line in rttm.text.splitlines())


@pytest.mark.parametrize(
    "name",
    ["-i", "$(id).wav", "../../x.wav", "..\\..\\x.wav", "a\nb.wav", "x" * 300 + ".wav", "", "\x00"],
)
def test_files_of_any_name(running: Running, name: str) -> None:
    settings = running.app.state.service.settings
    before = {path for path in settings.data.parent.rglob("*") if "jobs.db" not in path.name}
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.encode("unicode_escape" if "\n" in name or "\x00" in name else "utf-8")
        + b'"\r\n\r\n' + silence(0.1) + b"\r\n--x--\r\n"
    )  # fmt: skip
    answer = running.http.post(
        TURNS, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 200, answer.text
    after = {path for path in settings.data.parent.rglob("*") if "jobs.db" not in path.name}
    assert after == before


def test_four_at_a_time_get_what_one_gets(running: Running) -> None:
    alone = turns(running, SPEECH).text
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: turns(running, SPEECH).text, range(4)))
    assert answers == [alone] * 4


JSON_BODIES = {
    "no JSON": b"{",
    "nested": b"[" * 100_000,
    "an array": b"[]",
    "null": b"null",
    "not UTF-8": b'{"audio": "\xff"}',
    "half a character": b'{"audio": "\\ud800"}',
    "a number": b'{"audio": 1e999}',
    "nothing": b"",
}


@pytest.mark.parametrize("kind", JSON_BODIES)
def test_bodies_that_are_no_request(running: Running, kind: str) -> None:
    answer = running.http.post(
        "/v1/voice/embed", content=JSON_BODIES[kind], headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_json_that_does_not_say_so(running: Running) -> None:
    answer = running.http.post("/v1/voice/embed", content=b'{"audio": "UklGRg=="}')
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == (
        "the body must be JSON: send it with the header Content-Type: application/json"
    )


FORMS = {
    "no boundary": ("multipart/form-data", b"x"),
    "never ends": ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; n"),
    "many fields": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 200 + b"--x--\r\n",
    ),
    "JSON": ("application/json", b"{}"),
    "nothing": ("text/plain", b""),
}


@pytest.mark.parametrize("kind", FORMS)
def test_forms_that_are_none(running: Running, kind: str) -> None:
    content_type, content = FORMS[kind]
    answer = running.http.post(TURNS, content=content, headers={"Content-Type": content_type})
    assert answer.status_code == 400, answer.text


def test_unknown_paths_and_methods(running: Running) -> None:
    missing = running.http.get("/v1/nothing")
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")
    wrong = running.http.put("/v1/models")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert json.loads(running.http.get("/openapi.json").text)["info"]["title"] == "diarize"

"""Voices over HTTP: speaches', LocalAI's and the voice-embedding service's calls."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diarize.server.likeness import compare, nearest
from diarize.server.limits import Cancel
from diarize.server.service import MAX_OPEN_STORES, Service
from diarize.server.settings import Settings
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import FULL_S, calibration
from diarize.voices.store import VoiceStore
from tests.server.conftest import Running
from tests.server.sounds import DIALOGUE, DIANE, data_url, silence, spoken, text

DIANE_ONE, DIANE_TWO = spoken(DIANE[0]), spoken(DIANE[1])
SHEILA_ONE, SHEILA_TWO = spoken((21.8, 24.3)), spoken((24.3, 27.0))
STRANGER = spoken(*DIANE, speed=1.3)


def post(running: Running, call: str, body: dict[str, Any]) -> Any:
    answer = running.http.post(call, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


# ------------------------------------------------------------------ speaches


def test_speaches_embedding(running: Running) -> None:
    answer = running.http.post(
        "/v1/audio/speech/embedding",
        files={"file": ("a.wav", DIANE_ONE)},
        data={"model": "Wespeaker/wespeaker-voxceleb-resnet34-LM"},
    ).json()
    assert answer["object"] == "list"
    assert answer["model"] == "Wespeaker/wespeaker-voxceleb-resnet34-LM"
    samples = round(3.1 * 16_000)
    assert answer["usage"] == {"prompt_tokens": samples, "total_tokens": samples}
    (entry,) = answer["data"]
    assert (entry["object"], entry["index"], len(entry["embedding"])) == ("embedding", 0, 256)
    assert np.linalg.norm(entry["embedding"]) == pytest.approx(1, abs=1e-5)


def test_speaches_diarization(running: Running) -> None:
    files = {"file": ("call.wav", spoken(DIALOGUE))}
    answer = running.http.post("/v1/audio/diarization", files=files, data={"model": "diarize"})
    document = answer.json()
    assert document["duration"] == 7.1
    assert {s["speaker"] for s in document["segments"]} == {"A", "B"}
    assert all(set(s) == {"start", "end", "speaker"} for s in document["segments"])
    rttm = running.http.post(
        "/v1/audio/diarization", files=files, data={"response_format": "rttm"}
    ).text
    assert len(rttm.splitlines()) == len(document["segments"])
    assert all(
        line.startswith("SPEAKER call 1 ") and line.endswith(" <NA> <NA>")
        for line in rttm.splitlines()
    )


def test_hints_are_hard_and_contradictions_refused(running: Running) -> None:
    files = {"file": ("call.wav", spoken(DIALOGUE))}
    call = "/v1/audio/diarization"
    one = running.http.post(call, files=files, data={"num_speakers": "1"}).json()
    assert {s["speaker"] for s in one["segments"]} == {"A"}
    many = running.http.post(call, files=files, data={"min_speakers": "30"})
    assert many.status_code == 200
    for fields in ({"min_speakers": "3", "max_speakers": "2"}, {"num_speakers": "0"}):
        assert running.http.post(call, files=files, data=fields).status_code == 400


# ------------------------------------------------------------------ LocalAI


def test_verify(running: Running) -> None:
    body = {"model": "resnet34-lm", "audio1": text(SHEILA_ONE), "audio2": data_url(SHEILA_TWO)}
    same = post(running, "/v1/voice/verify", body)
    assert same["verified"] is True
    assert same["distance"] < same["threshold"]
    expected = (1 - same["distance"] / same["threshold"]) * 100
    assert same["confidence"] == pytest.approx(expected)
    assert same["model"] == "resnet34-lm"
    assert same["processing_time_ms"] > 0
    other = post(running, "/v1/voice/verify", body | {"audio2": text(DIANE_ONE)})
    assert (other["verified"], other["confidence"]) == (False, 0.0)
    strict = post(running, "/v1/voice/verify", body | {"threshold": 0.01})
    assert (strict["verified"], strict["threshold"]) == (False, 0.01)


def test_verify_allows_for_the_length_of_both(running: Running) -> None:
    service = running.app.state.service
    engine = service.studio.engine
    heard = []
    for clip in (SHEILA_ONE, DIANE_TWO):
        with service.inbox.of_bytes(clip) as path:
            heard.append(service.voice(path, "clip", engine, Cancel(60))[0])
    one, two = heard
    assert max(one.duration_s, two.duration_s) < FULL_S
    known = calibration(engine.spec.sha256).at(one.duration_s).at(two.duration_s)
    body = {"audio1": text(SHEILA_ONE), "audio2": text(DIANE_TWO)}
    answer = post(running, "/v1/voice/verify", body)
    expected = compare(one.embedding, two.embedding, known).threshold
    assert answer["threshold"] == pytest.approx(expected, abs=1e-5)


def test_embed_is_normalised(running: Running) -> None:
    answer = post(running, "/v1/voice/embed", {"model": "resnet34-lm", "audio": text(DIANE_ONE)})
    assert (answer["dim"], len(answer["embedding"]), answer["model"]) == (256, 256, "resnet34-lm")
    assert np.linalg.norm(answer["embedding"]) == pytest.approx(1, abs=1e-5)


def test_register_identify_forget_leaves_nothing(running: Running) -> None:
    store = "friends"
    labels = {"team": "north"}
    diane = post(
        running,
        "/v1/voice/register",
        {"audio": text(DIANE_ONE), "name": "Diane Qvist", "labels": labels, "store": store},
    )
    assert diane["name"] == "Diane Qvist"
    post(
        running,
        "/v1/voice/register",
        {"audio": text(SHEILA_ONE), "name": "Sheila", "store": store},
    )
    call = "/v1/voice/identify"
    found = post(running, call, {"audio": text(DIANE_TWO), "store": store})["matches"]
    assert [m["name"] for m in found] == ["Diane Qvist", "Sheila"]
    assert [m["match"] for m in found] == [True, False]
    assert found[0]["distance"] < found[1]["distance"]
    assert (found[0]["id"], found[0]["labels"]) == (diane["id"], labels)
    # An unknown voice is unknown, whoever is nearest.
    stranger = post(running, call, {"audio": text(STRANGER), "store": store})["matches"]
    assert len(stranger) == 2
    assert not any(m["match"] for m in stranger)
    assert (
        len(post(running, call, {"audio": text(STRANGER), "store": store, "top_k": 1})["matches"])
        == 1
    )

    folder = running.app.state.service.settings.data / "voices"
    assert b"Diane Qvist" in _content(folder)
    forget = running.http.post("/v1/voice/forget", json={"id": diane["id"]})
    assert (forget.status_code, forget.content) == (204, b"")
    assert b"Diane Qvist" not in _content(folder)  # the write-ahead log included
    assert b"Sheila" in _content(folder)
    again = running.http.post("/v1/voice/forget", json={"id": diane["id"]})
    assert again.status_code == 404
    assert running.http.post("/v1/voice/forget", json={"id": "Sheila"}).status_code == 404


def _content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_whom_to_forget_is_found_by_id_past_a_broken_store(running: Running) -> None:
    folder = running.app.state.service.settings.data / "voices"
    body = {"audio": text(DIANE_ONE), "name": "Diane", "store": "good"}
    diane = post(running, "/v1/voice/register", body)
    post(running, "/v1/voice/register", body | {"name": diane["id"]})
    (folder / "a b.db").write_bytes(b"")
    (folder / "broken.db").write_bytes(b"no database" * 1000)
    call = "/v1/voice/forget"
    try:
        assert running.http.post(call, json={"id": diane["id"]}).status_code == 204
        left = VoiceStore(folder / "good.db").people()
        assert [person.name for person in left] == [diane["id"]]
        unsure = running.http.post(call, json={"id": diane["id"]})
        assert unsure.json()["error"]["code"] == "voice_store_unavailable"
    finally:
        (folder / "a b.db").unlink()
        (folder / "broken.db").unlink()
    assert running.http.post(call, json={"id": diane["id"]}).status_code == 404


def test_a_voice_that_is_none_makes_no_store(running: Running) -> None:
    body = {"audio": text(silence(3)), "name": "x", "store": "empty"}
    assert running.http.post("/v1/voice/register", json=body).status_code == 400
    assert not (running.app.state.service.settings.data / "voices" / "empty.db").exists()


def test_few_stores_are_open(tmp_path: Path) -> None:
    service = Service(Settings(tmp_path))
    for number in range(MAX_OPEN_STORES + 3):
        service.voices(f"store{number}", create=True)
    opened = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
    names = {Path(path).name for path in opened if path.startswith(str(tmp_path / "voices"))}
    assert sum(name.endswith(".db") for name in names) == MAX_OPEN_STORES
    assert "store0.db" not in names
    service.close()


def test_a_short_voiceprint_may_be_less_alike(tmp_path: Path) -> None:
    """By how long the enrolled voice is, as on the command line."""
    heard, other = np.eye(256, dtype=np.float32)[:2]
    kept = np.float32(0.6) * heard + np.float32(0.8) * other
    model, sha256 = "campplus", "61d57779292e6e84241364a330f51ad6b2b44db8e3c5ccf0ca574a1934de8a42"
    known = calibration(sha256).at(2.0)
    with VoiceStore(tmp_path / "voices.db") as store:
        for name, seconds in (("Long", 6.0), ("Short", 2.0)):
            store.enrol(name, Voiceprint(model, sha256, kept[:192], duration_s=seconds))
        people = list(store.people())
        found = nearest(heard[:192], sha256, people, store, known, None)
    assert [(person.name, pair.same) for person, pair in found] == [
        ("Short", True),
        ("Long", False),
    ]


def test_stores(running: Running) -> None:
    audio = text(DIANE_ONE)
    unknown = running.http.post("/v1/voice/identify", json={"audio": audio, "store": "nobodys"})
    assert unknown.status_code == 404
    for name in ("../../etc/x", "a b", "x" * 65):
        answer = running.http.post(
            "/v1/voice/register", json={"audio": audio, "name": "x", "store": name}
        )
        assert answer.status_code == 400, name


def test_analyze_is_not_available(running: Running) -> None:
    answer = running.http.post("/v1/voice/analyze", json={"audio": text(DIANE_ONE)})
    assert answer.status_code == 501
    assert answer.json()["error"]["code"] == "not_available"


@pytest.mark.parametrize(
    ("audio", "status"),
    [
        ("", 400),
        ("%%%", 400),
        ("data:audio/wav,plain", 400),
        ("file:///etc/passwd", 400),
        (text(b"no sound at all, just text"), 415),
        (text(silence(3)), 400),
    ],
)
def test_audio_that_is_none(running: Running, audio: str, status: int) -> None:
    answer = running.http.post("/v1/voice/embed", json={"audio": audio})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("name", ["", "UNKNOWN", "a\nb", "x" * 201])
def test_names_that_nobody_can_have(running: Running, name: str) -> None:
    body = {"audio": text(DIANE_ONE), "name": name}
    assert running.http.post("/v1/voice/register", json=body).status_code == 400


def test_an_engine_that_is_not_installed_or_unknown(running: Running) -> None:
    answer = running.http.post("/v1/voice/embed", json={"model": "x", "audio": text(DIANE_ONE)})
    assert (answer.status_code, answer.json()["error"]["param"]) == (404, "model")


# ------------------------------------------------------------------ voice-embedding service


def test_health_needs_no_key(running: Running) -> None:
    answer = running.http.get("/health", headers={"X-API-Key": ""}).json()
    assert set(answer) == {"status", "model_loaded", "version"}
    assert (answer["status"], answer["model_loaded"]) == ("ok", True)


def test_extract_and_compare(running: Running) -> None:
    one = post(running, "/extract-embedding", {"audio_base64": text(DIANE_ONE), "format": "wav"})
    assert one["dimension"] == len(one["embedding"]) == 256
    upload = running.http.post(
        "/extract-embedding/upload", files={"file": ("d.wav", DIANE_ONE)}
    ).json()
    assert upload == one
    sheila = post(running, "/extract-embedding", {"audio_base64": text(SHEILA_ONE)})
    pair = {"embedding1": one["embedding"], "embedding2": sheila["embedding"]}
    different = post(running, "/compare-embeddings", pair)
    assert different["is_same_speaker"] is False
    itself = post(running, "/compare-embeddings", pair | {"embedding2": one["embedding"]})
    assert itself["is_same_speaker"] is True
    assert itself["similarity"] == pytest.approx(1)


@pytest.mark.parametrize("second", [[], [0.0] * 256, [1.0] * 192, [1e300] * 256, ["x"] * 256, None])
def test_embeddings_that_are_none(running: Running, second: object) -> None:
    body = {"embedding1": [1.0] * 256, "embedding2": second}
    assert running.http.post("/compare-embeddings", json=body).status_code == 400


def test_nan_is_no_number(running: Running) -> None:
    numbers = ", ".join(["NaN"] * 256)
    answer = running.http.post(
        "/compare-embeddings",
        content=f'{{"embedding1": [{numbers}], "embedding2": [{numbers}]}}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400

"""Who may call."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from diarize.server.auth import Keys, collect_keys
from diarize.server.settings import SettingsError, check_binding
from tests.server.conftest import KEY, KEYS, Running

CALL = "/v1/models"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY.encode()},
        {"X-API-Key": b"second"},
        {"Authorization": b"Bearer " + KEY.encode()},
        {"Authorization": b"bearer second"},
    ],
)
def test_either_key_either_way(running: Running, headers: dict[str, bytes]) -> None:
    answer = running.http.get(CALL, headers={"X-API-Key": b"", **headers})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "value",
    [b"wrong", b"secon", b"second!", b"k1-gr", b"\xff\xfe", "ключ".encode(), b"k" * 9000],
)
def test_wrong_keys_are_401_never_500(running: Running, value: bytes) -> None:
    for headers in ({"X-API-Key": value}, {"X-API-Key": b"", "Authorization": b"Bearer " + value}):
        answer = running.http.get(CALL, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "authentication_error"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_call_but_health_needs_a_key(running: Running) -> None:
    document = running.http.get("/openapi.json").json()
    open_calls = set()
    for path, methods in document["paths"].items():
        for method in methods:
            answer = running.http.request(
                method, path.replace("{", "").replace("}", ""), headers={"X-API-Key": b""}
            )
            if answer.status_code != 401:
                open_calls.add(path)
    assert open_calls == {"/health", "/livez", "/readyz"}


def test_a_refused_upload_is_not_read(running: Running) -> None:
    head = (
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
    )
    assert running.send(head).startswith(b"HTTP/1.1 401")  # and the connection closed


def test_who_writes_before_reading_is_told(running: Running, keyless: Running) -> None:
    foreign = {"Origin": "https://evil.example"}
    for service, headers, status in ((running, {}, 401), (keyless, foreign, 403)):
        for _ in range(5):
            with closing(HTTPConnection("127.0.0.1", service.port)) as client:
                client.request("POST", "/v1/jobs", bytes(6_000_000), headers)
                assert client.getresponse().status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8000"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "evil.example"}, 403),  # DNS rebinding
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:8000", "Origin": "http://localhost:8000"}, 200),
    ],
)
def test_without_keys_only_this_machine(
    keyless: Running, headers: dict[str, str], status: int
) -> None:
    assert keyless.http.get(CALL, headers=headers).status_code == status


def test_open_to_the_network_needs_a_key() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org", ""):
        with pytest.raises(SettingsError, match="without a key"):
            check_binding(host, (), allow_anonymous=False)
        check_binding(host, (b"key",), allow_anonymous=False)
        check_binding(host, (), allow_anonymous=True)
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        check_binding(host, (), allow_anonymous=False)


def test_keys_come_from_three_places(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# ours\none\n\ntwo \n", encoding="utf-8")
    assert collect_keys(["zero"], file, "three, one") == (b"zero", b"one", b"two", b"three")
    assert collect_keys([], None, None) == ()
    empty = tmp_path / "empty"
    empty.write_text("# none\n")
    for arguments in (
        ([""], None, None),
        ([], empty, None),
        ([], tmp_path / "no", None),
        ([], None, ","),
    ):
        with pytest.raises(SettingsError):
            collect_keys(*arguments)


def test_keys_match_whole_and_as_bytes() -> None:
    keys = Keys(KEYS)
    assert [keys.match(k) for k in (*KEYS, b"", b"secon", b"second ", b"\xff")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
    assert not Keys(())

"""The OpenAPI document: schemathesis makes requests of it and finds no 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.server.conftest import KEYS, Running

EXAMPLES = 10
"""Of each call; `schemathesis run URL/openapi.json` tries as many as one likes."""


def test_no_request_is_answered_500(running: Running) -> None:
    document = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    headers = {"X-API-Key": KEYS[1].decode()}
    tried = 0

    for operation in document.get_all_operations():

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.ok().as_strategy())
        def ask(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            response = case.call(headers=headers, timeout=60)
            # 501 (no such model here) and 503 (stopping) are answers, 500 never is.
            assert response.status_code not in (500, 502, 504), case.as_curl_command()
            if response.status_code >= 400 and response.request.method != "HEAD":
                assert set(response.json()["error"]) == {"code", "message", "param", "type"}

        ask()
    assert tried > 100


def test_every_call_has_an_example_and_tells_its_errors(running: Running) -> None:
    document = running.http.get("/openapi.json").json()
    assert document["security"] == [{"bearer": []}, {"header": []}]
    assert "ErrorBody" in document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            assert "422" not in operation["responses"], path
            if path.startswith("/v1/"):
                assert {"401", "503"} <= set(operation["responses"]), (method, path)
            for kind, content in contents(operation):
                shown = {**content, **schema(document, content)}
                assert {"example", "examples"} & set(shown), (method, path, kind)


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a call takes and gives, but for forms: their fields have examples each."""
    for status, answer in operation["responses"].items():
        yield from ((status, content) for content in answer.get("content", {}).values())
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if kind == "application/json":
            yield "request", content


def schema(document: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content.get("schema", {})
    name = found.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else found

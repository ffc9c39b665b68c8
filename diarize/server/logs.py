"""Structured logs: one JSON object per line, and nothing in it that anybody said or sent.

No audio, no text, no names of files or people, no keys, no URLs, no addresses: calls are logged by
the pattern of their path, errors by their class, the system's name of them (ENOSPC) and where they
arose, without their message.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
import traceback
from datetime import UTC, datetime
from types import TracebackType

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diarize.server import machine
from diarize.server.metrics import Metrics

log = logging.getLogger("diarize.server")

METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")
)


class JsonFormatter(logging.Formatter):
    """A record as JSON; `extra={"fields": {...}}` adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.name != log.name:
            line["logger"] = record.name
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            if name := machine.name_of(record.exc_info[1]):
                line["errno"] = name
            line["at"] = _frames(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


def _frames(trace: TracebackType | None) -> list[str]:
    """Where an error arose, innermost last. Its message might quote what somebody sent."""
    return [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)[-12:]]


def set_up(level: str = "INFO") -> None:
    """Everything the process logs goes to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(level)
    logging.getLogger("uvicorn").setLevel(logging.INFO)  # where it listens, that it stops
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    # Warnings of the library name files: a job keeps them for its owner instead.
    logging.getLogger("diarize").setLevel(logging.ERROR)


class RequestLog:
    """ASGI middleware, the outermost: one line and one observation per request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = _Entry(scope, send)
        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, entry.send)
        finally:
            self._metrics.in_flight.dec()
            self._note(entry)

    def _note(self, entry: _Entry) -> None:
        seconds = time.monotonic() - entry.begun
        method = entry.scope["method"]  # any word that a caller likes
        call = f"{method if method in METHODS else 'OTHER'} {_pattern(entry.scope)}"
        self._metrics.requests.labels(call, str(entry.status)).inc()
        self._metrics.seconds.labels(call).observe(seconds)
        fields = {
            "request": entry.id,
            "call": call,
            "status": entry.status,
            "seconds": round(seconds, 3),
            "bytes_out": entry.bytes_out,
        }
        level = logging.ERROR if entry.status == 500 else logging.INFO
        log.log(level, "request", extra={"fields": fields})


class _Entry:
    """What is noted of one request; adds its id to the answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self._send = send
        self.id = secrets.token_hex(8)
        self.begun = time.monotonic()
        self.status = 499  # the client left before there was an answer
        self.bytes_out = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", []),
                (b"x-request-id", self.id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        else:
            self.bytes_out += len(message.get("body", b""))
        await self._send(message)


def _pattern(scope: Scope) -> str:
    """``/v1/jobs/{id}``, not the path itself: that is whatever somebody typed."""
    return str(getattr(scope.get("route"), "path", None) or "other")

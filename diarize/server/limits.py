"""How much, how many, how long: request bodies, waiting requests, running work."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diarize.records import ProgressHook
from diarize.server.errors import ServiceError, answer, busy
from diarize.server.settings import MIB, Settings

DRAIN_BYTES = 8 * MIB
DRAIN_S = 2.0
"""How much of a refused body is still read, so that its sender gets to see the answer: many clients
read only once they have written all."""

MAX_IN_FLIGHT = 64
"""Requests with a body at a time; beyond that a new one is answered 429 at once. Those without
(a look, a stream of events, a cancel) cost little and are not counted."""


class BodyLimit:
    """ASGI middleware: bodies are counted while they are read, whatever Content-Length says.

    Args:
        upload_paths: of the calls that take files; bodies of all others have to fit into memory.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, upload_paths: Collection[str] = ()
    ) -> None:
        self._app = app
        self._settings = settings
        self._upload_paths = frozenset(upload_paths)
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "0")
        if declared == "0" and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        if self._in_flight >= MAX_IN_FLIGHT:
            await drain(receive)
            await answer(busy(f"{MAX_IN_FLIGHT} requests are under way", 5))(scope, receive, send)
            return
        limit = self._limit_bytes(headers, scope["path"])
        self._in_flight += 1
        try:
            if declared.isascii() and declared.isdigit() and int(declared) > limit:
                await drain(receive)
                await answer(_too_large(limit))(scope, receive, send)
                return
            counted = _Counted(receive, limit, self._settings)
            await self._app(scope, counted, send)
        finally:
            self._in_flight -= 1

    def _limit_bytes(self, headers: Headers, path: str) -> int:
        form = headers.get("content-type", "").lower().startswith("multipart/")
        limit = self._settings.max_upload_bytes
        if form and path in self._upload_paths:
            return limit
        return min(limit, self._settings.max_json_bytes)


class _Counted:
    """`receive` with a limit on bytes and time."""

    def __init__(self, receive: Receive, limit: int, settings: Settings) -> None:
        self._receive = receive
        self._left = limit
        self._limit = limit
        self._settings = settings
        self._end = time.monotonic() + settings.max_read_s
        self._reading = True

    async def __call__(self) -> Message:
        if not self._reading:  # only waits for the client to leave
            return await self._receive()
        patience = min(self._settings.max_idle_s, max(0.0, self._end - time.monotonic()))
        try:
            message = await asyncio.wait_for(self._receive(), patience)
        except TimeoutError:
            raise ServiceError(
                408,
                "timeout",
                "the body of the request came too slowly",
                headers={"Connection": "close"},
            ) from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._reading = bool(message.get("more_body", False))
            if self._left < 0:
                if self._reading:
                    await drain(self._receive)
                raise _too_large(self._limit)
        return message


def _too_large(limit: int) -> ServiceError:
    return ServiceError(
        413,
        "too_large",
        f"the request is larger than the {limit / MIB:g} MiB allowed here: compress the recording "
        "(Opus, MP3) or cut it into parts",
        headers={"Connection": "close"},
    )


async def drain(receive: Receive) -> None:
    """Read on in a body that is refused a little, and throw it away."""
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
    except TimeoutError:
        return


class Gate:
    """A number of slots for work, and a bounded number of requests that wait for one."""

    def __init__(self, slots: int, max_waiting: int) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._max_waiting = max_waiting
        self.waiting = 0
        self.running = 0

    def check_room(self) -> None:
        """Raises:
        ServiceError: 429, too many are waiting.
        """
        if self._slots.locked() and self.waiting >= self._max_waiting:
            raise busy(
                f"{self.waiting} requests are waiting already: come back later, or send the "
                "recording as a job (POST /v1/jobs)",
                10,
            )

    @asynccontextmanager
    async def enter(self, *, patient: bool = False) -> AsyncIterator[None]:
        """Hold a slot. `patient` waits however many others do (jobs, which have their own queue).

        Raises:
            ServiceError: 429, too many are waiting.
        """
        if not patient:
            self.check_room()
            self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            if not patient:
                self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._slots.release()


class Cancelled(Exception):
    """The work is no longer wanted."""


class Cancel:
    """Asked between two steps of work whether to go on: until somebody says no, or time is up.

    Args:
        instead: what its caller can do once `limit_s` is over.
    """

    def __init__(
        self,
        limit_s: float,
        instead: str = "send the recording as a job (POST /v1/jobs), or in parts",
    ) -> None:
        self.limit_s = limit_s
        self._instead = instead
        self._event = threading.Event()
        self._end = float("inf")
        self.started = False
        self.fraction = 0.0
        self.stage = ""

    def start(self) -> None:
        """The clock runs from here."""
        self.started = True
        self._end = time.monotonic() + self.limit_s

    def set(self) -> None:
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    @property
    def left_s(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raises:
        Cancelled: somebody said no.
        ServiceError: 413, the time is up; the same request would be again.
        """
        if self._event.is_set():
            raise Cancelled
        if time.monotonic() > self._end:
            raise ServiceError(
                413,
                "too_slow",
                f"this took longer than the {self.limit_s:g} s allowed: {self._instead}",
            )

    @property
    def hook(self) -> ProgressHook:
        """A progress hook that keeps the place and stops unwanted work."""

        def progress(stage: str, fraction: float) -> None:
            self.stage, self.fraction = stage, fraction
            self.check()

        return progress

"""Who may call: API keys, and on a keyless loopback service nobody but this machine's programs."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from diarize.server.errors import ServiceError, answer
from diarize.server.limits import drain
from diarize.server.settings import SettingsError, is_loopback

OPEN_PATHS = frozenset({"/health", "/livez", "/readyz", "/openapi.json"})
"""Told to anybody: whether the service lives, and how to talk to it. The page is open too, its
calls are not."""

CLOSED_PREFIXES = ("/v1/", "/metrics", "/extract-embedding", "/compare-embeddings")


def collect_keys(
    given: Iterable[str], file: Path | None, variable: str | None
) -> tuple[bytes, ...]:
    """The keys of the command line, of a file (one per line, ``#`` comments) and of
    DIARIZE_API_KEYS (separated by commas), each once.

    Raises:
        SettingsError: an empty key, or a file that cannot be read or holds none.
    """
    keys = list(given)
    if any(not key.strip() for key in keys):
        raise SettingsError("an API key is empty: leave the option out, or give a key")
    if file is not None:
        try:
            lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file}: the keys cannot be read: {error}") from error
        found = [line for line in lines if line and not line.startswith("#")]
        if not found:
            raise SettingsError(f"{file} holds no key: write one per line")
        keys += found
    if variable is not None:
        found = [part for part in variable.split(",") if part.strip()]
        if not found:
            raise SettingsError("DIARIZE_API_KEYS is set but holds no key")
        keys += found
    return tuple(dict.fromkeys(key.strip().encode() for key in keys))


class Keys:
    """Compares keys in constant time: digests of equal length, all of them, every time."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._digests = tuple(hashlib.sha256(key).digest() for key in keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def match(self, key: bytes) -> bool:
        digest = hashlib.sha256(key).digest()
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)


def presented(headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """The keys that a request carries, as bytes: they need not be text."""
    found = []
    for name, value in headers:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            found.append(value[7:].strip())
        elif name == b"x-api-key":
            found.append(value.strip())
    return found


class Guard:
    """ASGI middleware: 401 without a known key; 403 for web pages of other origins.

    A service without keys trusts the machine it runs on. Browsers there also run other people's
    pages: requests that come from one (``Origin``), or under a name that was made to resolve to
    this machine (``Host``; DNS rebinding), are refused.
    """

    def __init__(self, app: ASGIApp, keys: Keys, *, local_only: bool) -> None:
        self._app = app
        self._keys = keys
        self._local_only = local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await drain(receive)
            await answer(refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> ServiceError | None:
        if self._keys:
            if not needs_key(scope["path"]) or any(
                map(self._keys.match, presented(scope["headers"]))
            ):
                return None
            return ServiceError(
                401,
                "invalid_api_key",
                "no valid API key: send one as `Authorization: Bearer …` or `X-API-Key: …`",
                # Of an upload that follows, only a little is read.
                headers={"WWW-Authenticate": "Bearer", "Connection": "close"},
            )
        if self._local_only and not _from_this_machine(Headers(scope=scope)):
            return ServiceError(
                403,
                "foreign_origin",
                "without an API key only programs and pages of this machine may call: "
                "use http://localhost, or start the service with a key",
                headers={"Connection": "close"},
            )
        return None


def needs_key(path: str) -> bool:
    return path not in OPEN_PATHS and path.startswith(CLOSED_PREFIXES)


def _from_this_machine(headers: Headers) -> bool:
    host = headers.get("host", "localhost")
    if not is_loopback(_name(host)):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == host


def _name(host: str) -> str:
    """``Host`` without its port."""
    if host.startswith("["):
        return host.partition("]")[0].strip("[")
    name = host.rpartition(":")[0] or host
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()

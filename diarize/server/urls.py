"""Recordings from the web, without becoming anybody's way into the network behind us (SSRF).

A name is resolved once; all its addresses must be public; the connection goes to the address that
was checked, not to the name again (no rebinding). Redirects are followed by hand and every hop is
checked alike. Proxies of the environment are not used: they would resolve names on their own.
"""

from __future__ import annotations

import errno
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from diarize.server.errors import ServiceError, bad
from diarize.server.limits import Cancel
from diarize.server.settings import MIB, Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]

MAX_HOPS = 5
TIMEOUT_S = 15.0
CHUNK_BYTES = 1 << 18

TUNNELS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local use
        "2002::/16",  # 6to4
        "2001::/32",  # Teredo
        "::/96",  # IPv4-compatible
        "fec0::/10",  # site-local
        "192.88.99.0/24",  # 6to4 relays
        "192.0.0.0/24",  # protocol assignments, NAT64 discovery among them
    )
)
"""Ways to wrap an IPv4 address into one that looks public, and special ranges that `is_global`
counts as public or treats differently from one Python to the next."""


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in tunnel for tunnel in TUNNELS if tunnel.version == address.version):
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
    )


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches recordings.

    Attributes:
        max_bytes: of one recording.
        allow: networks that may be asked although they are not public.
        resolver: from a name and a port to its addresses.
    """

    max_bytes: int
    allow: tuple[Network, ...] = ()
    resolver: Resolver = field(default=resolve)

    def check(self, url: str) -> tuple[SplitResult, str]:
        """The parts of a URL and the address to connect to.

        Raises:
            ServiceError: 400, no http(s) URL, a name that cannot be resolved, or an address that
                is not public.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise bad("url", "this is no valid URL", "invalid_url") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise bad("url", "give an http:// or https:// URL", "invalid_url")
        if parts.username is not None or parts.password is not None:
            raise bad("url", "a URL with a user name or password is not fetched", "invalid_url")
        if not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
            raise bad("url", "the URL holds characters that must be escaped", "invalid_url")
        try:
            found = self.resolver(parts.hostname, port)
            addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
        except (OSError, UnicodeError, ValueError):
            addresses = []
        if not addresses:
            raise bad("url", "the host of the URL was not found", "invalid_url")
        if not all(self._may_ask(address) for address in addresses):
            raise bad(
                "url",
                "the URL leads to an address that is not on the public internet: upload the "
                "recording instead",
                "forbidden_url",
            )
        return parts, str(addresses[0])

    def _may_ask(self, address: Address) -> bool:
        listed = any(address in n for n in self.allow if n.version == address.version)
        return listed or is_public(address)

    def fetch(self, url: str, target: Path, cancel: Cancel) -> None:
        """Write what `url` holds to `target`, which must not exist.

        Raises:
            ServiceError: 400, as `check`, or the other side fails; 413, it is too large.
            Cancelled: no longer wanted.
        """
        for _ in range(MAX_HOPS + 1):
            parts, address = self.check(url)
            with _request(parts, address, cancel) as answer:
                location = answer.getheader("Location")
                if answer.status in (301, 302, 303, 307, 308) and location:
                    url = urljoin(url, location)
                    continue
                if answer.status != 200:
                    raise bad("url", f"the server of the URL answers {answer.status}", "url_failed")
                self._save(answer, target, cancel)
                return
        raise bad("url", f"the URL redirects more than {MAX_HOPS} times", "url_failed")

    def _save(self, answer: http.client.HTTPResponse, target: Path, cancel: Cancel) -> None:
        left = self.max_bytes
        with target.open("xb") as out:
            while chunk := answer.read1(CHUNK_BYTES):
                cancel.check()
                left -= len(chunk)
                if left < 0:
                    raise ServiceError(
                        413,
                        "too_large",
                        f"the recording is larger than the {self.max_bytes / MIB:g} MiB allowed",
                        "url",
                    )
                out.write(chunk)
        cancel.check()  # out of time, a body without a length looks as if it had come to its end
        if answer.length:
            raise bad("url", "the server of the URL broke off", "url_failed")


@contextmanager
def _request(
    parts: SplitResult, address: str, cancel: Cancel
) -> Iterator[http.client.HTTPResponse]:
    """One GET to `address` in the name of the URL's host; ends when the time of `cancel` does."""
    cancel.check()
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        sock: socket.socket = socket.create_connection((address, port), TIMEOUT_S)
        with _until(cancel.left_s, sock):
            if parts.scheme == "https":
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
            connection.sock = sock
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"User-Agent": "diarize", "Accept": "*/*"})
            answer = connection.getresponse()
            cancel.check()
            yield answer
    except (OSError, http.client.HTTPException, ValueError) as error:
        cancel.check()
        raise bad(
            "url", f"the server of the URL could not be read ({type(error).__name__})", "url_failed"
        ) from error
    finally:
        connection.close()


@contextmanager
def _until(limit_s: float, sock: socket.socket) -> Iterator[None]:
    """End a connection once its time is over. Timeouts alone start anew with every byte: a server
    that sends one now and then would never be cut off."""
    # TLS takes the socket over and leaves it empty; a duplicate ends the same connection.
    with sock.dup() as twin:
        end = threading.Timer(min(limit_s, threading.TIMEOUT_MAX), _shut, [twin])
        end.daemon = True
        end.start()
        try:
            yield
        finally:
            end.cancel()
            end.join()


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        if error.errno != errno.ENOTCONN:  # the other side was faster
            raise

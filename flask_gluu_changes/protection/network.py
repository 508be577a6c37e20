"""Sockets whose waits end by one clock for a whole step, however slowly the other side goes on.

The time-outs of httpcore begin anew with each octet, and know nothing of the look-up of a name.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

import httpcore

from .caching import Clock

PIECE = 1024
"""Octets that are written at a time: so few go out at once or not at all."""


class BoundedBackend(httpcore.SyncBackend):
    """Connects within the time-out in all: looking up the name, every address, and TLS."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; none may take the time of those after it."""
        until = self._clock.elapsed() + (timeout or 0)
        addresses = _addresses(host, port, timeout or 0)
        while True:
            seconds = _left(self._clock, until, httpcore.ConnectTimeout) / len(addresses)
            address = addresses.pop(0)
            try:
                stream = super().connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses:
                    raise
            else:
                return BoundedStream(stream, self._clock, until)


class BoundedStream(httpcore.NetworkStream):
    """Sends a request and receives its whole answer within one time-out."""

    def __init__(self, stream: httpcore.NetworkStream, clock: Clock, until: float) -> None:
        self._stream = stream
        self._clock = clock
        self._until = until
        self._is_writing = False

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Shake hands, in what the connection has left of its time."""
        left = _left(self._clock, self._until, httpcore.ConnectTimeout)
        secure = self._stream.start_tls(ssl_context, server_hostname, left)
        return BoundedStream(secure, self._clock, self._until)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send a part of a request; the first one starts the clock."""
        if not self._is_writing:
            self._is_writing, self._until = True, self._clock.elapsed() + (timeout or 0)
        for start in range(0, len(buffer), PIECE):
            left = _left(self._clock, self._until, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + PIECE], left)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive a part of the answer."""
        self._is_writing = False
        return self._stream.read(max_bytes, _left(self._clock, self._until, httpcore.ReadTimeout))

    def close(self) -> None:
        """Close the socket."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """Return what the pool wants to know of the socket."""
        return self._stream.get_extra_info(info)


def _left(clock: Clock, until: float, exceeded: type[httpcore.TimeoutException]) -> float:
    left = until - clock.elapsed()
    if left <= 0:
        raise exceeded
    return left


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """Look up a name in a thread, because the system's resolver has no time-out of ours."""
    if _is_address(host):
        return [host]
    found: Future[list[str]] = Future()
    threading.Thread(target=_look_up, args=(host, port, found), daemon=True).start()
    try:
        return found.result(seconds)
    except TimeoutError as error:
        raise httpcore.ConnectTimeout from error
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError from error


def _look_up(host: str, port: int, found: Future[list[str]]) -> None:
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found.set_result(list(dict.fromkeys(str(info[4][0]) for info in infos)))
    except (OSError, UnicodeError) as error:
        found.set_exception(error)


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False

"""Requests that end, whatever the server does: in time, and with an answer that fits in memory.

httpx limits each wait for an octet, so a server that sends one at a time would never end; and it
unpacks whatever comes.
"""

from __future__ import annotations

import os
import socket
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any, cast
from weakref import WeakSet

import httpx

from .errors import ChangesRefused
from .urls import public_name

MAX_OCTETS = 256 * 2**20
"""The largest answer, unpacked."""

_PART = 2**16
_PACKED = {"gzip", "x-gzip", "deflate"}


class Exchange:
    """Requests of an `httpx.Client`; seconds: the longest that one may take with its answer."""

    def __init__(self, http: httpx.Client, seconds: float) -> None:
        self._http = http
        self._seconds = seconds
        self._lines = _Lines()

    def get(
        self, url: httpx.URL, query: Mapping[str, str], headers: Mapping[str, str], wait: float
    ) -> httpx.Response:
        """Return an answer that was read. Raises what httpx does, and ChangesRefused if too large.

        wait: the seconds that the server may be silent in addition to the read timeout.
        """
        request = self._http.build_request(
            "GET",
            url,
            params=dict(query),
            headers={"Accept": "application/json", "Accept-Encoding": "gzip", **headers},
            timeout=_prolonged(self._http.timeout, wait),
            extensions={"trace": self._lines.note},
        )
        with self._lines.cut_after(self._seconds + wait):
            response = self._http.send(request, stream=True, follow_redirects=False)
            try:
                limit(response, MAX_OCTETS, "; ask for a smaller count").read()
            finally:
                response.close()
                response.stream = httpx.ByteStream(b"")  # the old one holds the answer: a circle
        return response


def limit(response: httpx.Response, octets: int, advice: str = "") -> httpx.Response:
    """Have the reading of an answer end with an error once it is larger than so many octets.

    advice: how its operator can have a smaller one, to follow what is wrong.
    """
    packing = response.headers.pop("Content-Encoding", "identity").strip().lower()
    if packing not in {"", "identity"} | _PACKED:
        raise httpx.DecodingError("not packed as it was asked for", request=response.request)
    response.stream = _Limited(response, octets, advice, packed=packing in _PACKED)
    return response


class _Limited(httpx.SyncByteStream):
    """The octets of an answer, unpacked in small parts."""

    def __init__(self, response: httpx.Response, octets: int, advice: str, *, packed: bool) -> None:
        self._status = response.status_code
        self._stream = cast(httpx.SyncByteStream, response.stream)
        self._octets = octets
        self._refusal = (
            f"the answer of {public_name(response.request.url)} is larger than {octets} octets"
            f"{advice}"
        )
        self._packed = packed

    def __iter__(self) -> Iterator[bytes]:
        left = self._octets
        for part in _unpacked(self._stream) if self._packed else self._stream:
            left -= len(part)
            if left < 0:
                raise ChangesRefused(self._refusal, self._status)
            yield part

    def close(self) -> None:
        self._stream.close()


def _unpacked(stream: httpx.SyncByteStream) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=47)  # gzip or zlib, as the octets say
    try:
        for chunk in stream:
            rest = chunk
            while rest:
                yield unpacker.decompress(rest, _PART)
                rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise httpx.DecodingError("the answer cannot be unpacked") from error


def _prolonged(timeout: httpx.Timeout, wait: float) -> httpx.Timeout:
    read = None if timeout.read is None else timeout.read + wait
    return httpx.Timeout(connect=timeout.connect, read=read, write=timeout.write, pool=timeout.pool)


class _Lines:
    """The connections that requests have opened, to be cut when one of them takes too long."""

    def __init__(self) -> None:
        self._streams: WeakSet[Any] = WeakSet()
        self._young: list[socket.socket] = []
        self._is_over = False

    def note(self, event: str, details: Mapping[str, Any]) -> None:
        """Note a connection that httpcore opens, or on which TLS begins (its extension "trace")."""
        if event.endswith(("connect_tcp.complete", "connect_unix_socket.complete")):
            found = details["return_value"].get_extra_info("socket")
            # TLS takes the stream's socket away as long as the handshake lasts.
            self._young.append(socket.socket(fileno=os.dup(found.fileno())))
        elif not event.endswith("start_tls.complete"):
            return
        self._streams.add(details["return_value"])
        if self._is_over:
            self._cut()

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Cut all connections if the block takes longer: what waits for them fails then."""
        timer = Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._is_over = False
            while self._young:
                self._young.pop().close()

    def _cut(self) -> None:
        self._is_over = True
        for line in list(self._young):
            _shut(line)
        for stream in list(self._streams):
            with suppress(OSError):  # it has been closed
                descriptor = os.dup(stream.get_extra_info("socket").fileno())
                with socket.socket(fileno=descriptor) as line:
                    _shut(line)


def _shut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)

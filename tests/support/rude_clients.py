"""Clients that hold what they get: they wait without need, read slowly, and hang up."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from urllib.parse import urlencode

import httpx

from .apps import OPERATION
from .journal_site import NDJSON
from .processes import HOST

PATIENCE = 20.0
SMALL_BUFFER = 4096
KEPT = 1000
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Raw:
    """One request on a connection of its own, whose answer is read as slowly as one likes."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        self._socket = socket.socket()
        # before the connection is made, or the system has offered more already
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self._socket.settimeout(PATIENCE)
        self._socket.connect((HOST, port))
        headers = {"Host": HOST, **headers}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def status(self) -> int:
        """Read the beginning of the answer."""
        return int(self.read(12)[9:])

    def read(self, octets: int) -> bytes:
        """Read some of it, fewer octets only at its end."""
        got = b""
        while len(got) < octets and (more := self._socket.recv(octets - len(got))):
            got += more
        return got

    def read_stream(self) -> bytes:
        """Read the rest of an answer in chunks; it is whole if it ends with the last one."""
        got = b""
        while not got.endswith(LAST_CHUNK) and (more := self._socket.recv(1 << 16)):
            got = got[-KEPT:] + more
        return got

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self._socket.close()

    def __enter__(self) -> Raw:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()


def token_from_now_on(url: str) -> str:
    """Ask for a delta token."""
    page = json.loads(httpx.get(f"{url}{OPERATION}?deltaToken=latest", timeout=PATIENCE).text)
    return str(page["nextDeltaToken"]["value"])


def long_poll(port: int, token: str, seconds: int = 30, prefix: str = "") -> Raw:
    """Wait for a change."""
    path = f"{prefix}{OPERATION}?{urlencode({'deltaToken': token})}"
    return Raw(port, path, {"Prefer": f"wait={seconds}"})


def stream(port: int, prefix: str = "") -> Raw:
    """Ask for everybody, a line each."""
    return Raw(port, f"{prefix}{OPERATION}?cursor=", {"Accept": NDJSON})


def page(port: int, size: int) -> Raw:
    """Ask for a page of everybody."""
    return Raw(port, f"{OPERATION}?cursor=&count={size}", {})

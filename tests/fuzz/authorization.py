"""A protector alone, without the cost of an application for each example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import httpcore
from flask import Flask
from werkzeug.exceptions import HTTPException

from flask_gluu_changes.protection import Protector
from flask_gluu_changes.protection.caching import Clock
from flask_gluu_changes.protection.http import Answer, HttpClient
from tests.support.scripted_server import Call, ScriptedServer, protection_settings

Respond = Callable[[str], bytes]
"""Gives the octets of an answer to a request for a path."""


def answering(answer: Callable[[Call], Answer]) -> HttpClient:
    """Make a server that answers with JSON as it was read."""
    return ScriptedServer(answer)


class OctetServer(HttpClient):
    """A server whose answers are octets on a connection, which are read as in production."""

    def __init__(self, respond: Respond) -> None:
        super().__init__(connect_seconds=1, read_seconds=1, ca_file="", clock=Clock())
        self._connections = httpcore.ConnectionPool(network_backend=_Network(respond))


class _Network(httpcore.NetworkBackend):
    """A network whose only server is the test's own."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Connect to the server, whoever is asked for."""
        return _Stream(self._respond)


class _Stream(httpcore.NetworkStream):
    """A connection on which requests are answered; what TLS does is left out."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._request = b""
        self._answer: bytes | None = None

    def start_tls(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Go on without."""
        return self

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Take in a part of a request, or the first one of the next."""
        if self._answer is not None:
            self._request, self._answer = b"", None
        self._request += buffer

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Answer; afterwards the connection has ended."""
        if self._answer is None:
            self._answer = self._respond(self._request.split()[1].decode())
        part, self._answer = self._answer[:max_bytes], self._answer[max_bytes:]
        return part

    def close(self) -> None:
        """Nothing is open."""

    def get_extra_info(self, info: str) -> Any:
        """There is nothing to tell."""
        return None


def response(status: int, body: bytes, *headers: bytes) -> bytes:
    """Write an answer as it is on the wire."""
    lines = [b"HTTP/1.1 %d x" % status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def protector(http: HttpClient, **settings: Any) -> Protector:
    """Make a protector that talks to a server of the test's own."""
    with patch(f"{Protector.__module__}.HttpClient", lambda **_: http):
        return Protector(protection_settings(**{"uma_scope": ("read",), **settings}))


def check(app: Flask, guard: Protector, header: bytes) -> int:
    """Ask a protector about a request; give the status of its answer."""
    with app.test_request_context(headers={}) as context:
        environ = context.request.environ
        # a server lets no line break through, whatever else a client sends
        environ["HTTP_AUTHORIZATION"] = header.translate(None, b"\r\n").decode("latin-1")
        try:
            guard.check()
            guard.caller()
        except HTTPException as refused:
            return refused.get_response().status_code
    return 200

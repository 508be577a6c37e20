"""A protector alone, without the cost of an application for each example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from flask import Flask
from werkzeug.exceptions import HTTPException

from flask_gluu_changes.protection import Protector
from flask_gluu_changes.protection import protector as protector_module
from flask_gluu_changes.protection.caching import Clock
from flask_gluu_changes.protection.http import Answer, HttpClient
from tests.support.scripted_server import Call, ScriptedServer, protection_settings

Respond = Callable[[httpx.Request], httpx.Response]


def answering(answer: Callable[[Call], Answer]) -> HttpClient:
    """Make a server that answers with JSON as it was read."""
    return ScriptedServer(answer)


class OctetServer(HttpClient):
    """A server that answers with octets, which are read as in production."""

    def __init__(self, respond: Respond) -> None:
        super().__init__(connect_seconds=1, read_seconds=1, ca_file="", clock=Clock())
        self._scripted = httpx.Client(transport=httpx.MockTransport(respond))

    def _pool(self) -> httpx.Client:
        return self._scripted


def protector(http: HttpClient, **settings: Any) -> Protector:
    """Make a protector that talks to a server of the test's own."""
    before = protector_module.HttpClient
    protector_module.HttpClient = lambda **_: http  # type: ignore[assignment,misc,unused-ignore]
    try:
        return Protector(protection_settings(**{"uma_scope": ("read",), **settings}))
    finally:
        protector_module.HttpClient = before  # type: ignore[misc]


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
            assert refused.response is not None
            return refused.response.status_code
    return 200

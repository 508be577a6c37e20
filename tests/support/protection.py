"""A protected application, the clock of its protection and its authorization server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_smorest import Api
from werkzeug.test import TestResponse

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.protection import Protector
from flask_gluu_changes.protection.caching import Clock
from tests.support.authorization_server import CLIENT_KEY, AuthorizationServer

PATH = "/identity/restv1/scim/UpdatedUsers"
QUERY = "timeStamp=2020-01-01T00:00:00Z&pagesize=10"
PEOPLE = [{"uid": ["ada"], "inum": ["1"], "updatedAt": ["20240101000000.000Z"]}]


class MovedClock(Clock):
    """Real time, moved ahead by as many seconds as a test says; `asleep` moves the wall only."""

    ahead = 0.0
    asleep = 0.0

    def now(self) -> float:
        return super().now() + self.ahead + self.asleep

    def elapsed(self) -> float:
        return super().elapsed() + self.ahead


class Site:
    """A protected application, with the clock of its protection and its authorization server."""

    def __init__(self, server: AuthorizationServer, config: dict[str, Any], host: str) -> None:
        self.server = server
        self.clock = MovedClock()
        self.app = Flask(__name__)
        self.app.config.update(API_TITLE="Host", API_VERSION="1", OPENAPI_VERSION="3.0.3", **config)
        self.protector = Protector.from_config(self.app.config, clock=self.clock)
        self.backend = MemoryBackend(PEOPLE)
        GluuChanges(
            self.app,
            backend=self.backend,
            api=Api(self.app) if host == "api" else None,
            protector=self.protector,
        )

    def get(self, token: str | None = None, **options: Any) -> TestResponse:
        headers = options.pop("headers", {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        options.setdefault("query_string", QUERY)
        options.setdefault("path", PATH)
        return self.app.test_client().open(headers=headers, **options)


MakeSite = Callable[..., Site]


@pytest.fixture(autouse=True)
def _push_request_context() -> None:
    """Switch off pytest-flask's: its `g` would carry a granted token to the next request."""


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    with AuthorizationServer() as server:
        assert isinstance(server, AuthorizationServer)
        yield server
        server.release.set()


@pytest.fixture(params=["bare", "api"])
def host(request: pytest.FixtureRequest) -> str:
    """A bare application, or one with a flask-smorest Api of its own."""
    return str(request.param)


@pytest.fixture
def make_site(server: AuthorizationServer) -> Iterator[MakeSite]:
    sites: list[Site] = []

    def make(mode: str, host: str = "bare", **more: Any) -> Site:
        sites.append(Site(server, settings(server, mode, **more), host))
        return sites[-1]

    yield make
    for site in sites:
        site.protector.close()


def settings(server: AuthorizationServer, mode: str, **more: Any) -> dict[str, Any]:
    """Name the settings of a mode; `more` in lower case and without prefix, None to leave out."""
    common = {
        "protection": mode,
        "issuer": server.issuer,
        "client_id": "rs",
        "client_secret": "rs-secret",
        "issuer_read_timeout": 10,
    }
    by_mode = {"uma": {"uma_scope": "read"}}
    chosen = {**common, **by_mode.get(mode, {}), **more}
    return {f"GLUU_CHANGES_{k.upper()}": v for k, v in chosen.items() if v is not None}


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    """The resource server's private key as a JWK file."""

    path = tmp_path / "key.json"
    path.write_text(json.dumps(CLIENT_KEY.as_dict(private=True)))
    return str(path)

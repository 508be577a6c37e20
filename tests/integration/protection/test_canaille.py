"""The modes `oauth` and `test` against canaille, a real authorization server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask
from flask_smorest import Api

from example_app.authorization import CALLER, DemoAuthorizationServer
from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.protection import Protector
from tests.support.protection import PATH, PEOPLE, QUERY, MovedClock


@pytest.fixture(scope="module")
def canaille() -> Iterator[DemoAuthorizationServer]:
    with DemoAuthorizationServer() as server:
        yield server


class CanailleSite:
    def __init__(self, canaille: DemoAuthorizationServer, host: str, **more: Any) -> None:
        self.clock = MovedClock()
        self.app = Flask(__name__)
        self.app.config.update(API_TITLE="Host", API_VERSION="1", OPENAPI_VERSION="3.0.3")
        self.app.config.update(canaille.settings(), **more)
        self.protector = Protector.from_config(self.app.config, clock=self.clock)
        api = Api(self.app) if host == "api" else None
        GluuChanges(self.app, backend=MemoryBackend(PEOPLE), api=api, protector=self.protector)

    def status(self, token: str | None = None) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.app.test_client().get(f"{PATH}?{QUERY}", headers=headers).status_code


@pytest.fixture(params=["oauth", "test"])
def site(
    request: pytest.FixtureRequest, canaille: DemoAuthorizationServer, host: str
) -> Iterator[CanailleSite]:
    site = CanailleSite(canaille, host, GLUU_CHANGES_PROTECTION=request.param)
    yield site
    site.protector.close()


def credentials(canaille: DemoAuthorizationServer) -> tuple[str, str]:
    return CALLER, canaille.secrets[CALLER]


def revoke(canaille: DemoAuthorizationServer, token: str) -> None:
    answer = requests.post(
        f"{canaille.issuer}/oauth/revoke", {"token": token}, auth=credentials(canaille), timeout=5
    )
    assert answer.status_code == 200


def test_a_token_of_canaille_passes_and_no_other(
    canaille: DemoAuthorizationServer, site: CanailleSite
) -> None:
    assert site.status(canaille.fetch_token()) == 200
    assert site.status() == 401
    assert site.status("unknown") == 401


def test_a_token_revoked_there_is_refused_after_the_cache_time(
    canaille: DemoAuthorizationServer, site: CanailleSite
) -> None:
    token = canaille.fetch_token()
    assert site.status(token) == 200
    revoke(canaille, token)
    assert site.status(token) == 200
    site.clock.ahead = 31
    assert site.status(token) == 401


def test_stopping_and_starting_it_needs_no_restart_of_the_app(
    canaille: DemoAuthorizationServer, site: CanailleSite
) -> None:
    token = canaille.fetch_token()
    canaille.stop()
    try:
        assert [site.status(token) for _ in range(6)] == [503] * 6
    finally:
        canaille.start()
    site.clock.ahead = 6
    assert site.status(token) == 200


def test_the_curl_lines_name_the_way_to_a_token(canaille: DemoAuthorizationServer) -> None:
    lines = canaille.curl_lines("http://127.0.0.1:5000/x")
    assert canaille.secrets[CALLER] in lines
    assert f"{canaille.issuer}/oauth/token" in lines

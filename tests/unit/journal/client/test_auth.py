"""The client proves who it is at a real authorization server, over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.client import (
    ChangesClient,
    ChangesRefused,
    ChangesUnavailable,
    ClientCredentials,
    MemoryTokenStore,
    Uma,
)
from tests.support.apps import OPERATION
from tests.support.authorization_server import AuthorizationServer
from tests.support.journals import Journal
from tests.support.markers import TOKEN_SECRET
from tests.support.serving import Serving

SCOPE = "https://gluu.org/scim/users.read"

Connect = Callable[..., ChangesClient]


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    """An authorization server."""
    with AuthorizationServer() as server:
        assert isinstance(server, AuthorizationServer)
        yield server


@pytest.fixture
def connect(journal: Journal, server: AuthorizationServer) -> Iterator[Connect]:
    """Connect a client to the journal, served in a mode of protection."""
    serving: list[Serving] = []

    def make(mode: str, auth: httpx.Auth, **more: Any) -> ChangesClient:
        app = Flask("protected")
        known = {"issuer": server.issuer, "client_id": "rs", "client_secret": "rs-secret"}
        settings = {"protection": mode, "token_cache_seconds": 0, **known, **more}
        app.config.update({f"GLUU_CHANGES_{n.upper()}": v for n, v in settings.items()})
        app.config.update(SECRET_KEY=TOKEN_SECRET)
        GluuChanges(app, backend=journal.backend)
        serving.append(Serving(app))
        serving[-1].start()
        url = serving[-1].url + OPERATION
        http = httpx.Client(auth=auth, trust_env=False)
        return ChangesClient(url, MemoryTokenStore(), http=http, repetitions=0)

    yield make
    for one in serving:
        one.stop()


def _ids(client: ChangesClient) -> list[str]:
    return [change.id for batch in client.drain() for change in batch.changes]


def test_client_credentials_get_one_token_for_many_requests(
    journal: Journal, server: AuthorizationServer, connect: Connect
) -> None:
    """And another one when it was revoked."""
    journal.put("a", "b")
    auth = ClientCredentials(f"{server.url}/token", "caller", "caller-secret", scope=SCOPE)
    with connect("oauth", auth) as client:
        assert _ids(client) == ["a", "b"]
        assert _ids(client) == []
        assert server.calls["token"] == 1
        server.tokens.clear()
        assert _ids(client) == []
        assert server.calls["token"] == 2


def test_uma_exchanges_a_ticket_for_a_token(
    journal: Journal, server: AuthorizationServer, connect: Connect
) -> None:
    """In Gluu's challenges and in standard ones."""
    journal.put("a")
    for style in ("dual", "standard", "gluu"):
        auth = Uma(f"{server.url}/token", "caller", "caller-secret")
        with connect("uma", auth, uma_scope="read", uma_challenge=style) as client:
            assert _ids(client) == ["a"]
            asked = server.calls["permission"]
            assert _ids(client) == []
            assert server.calls["permission"] == asked


def test_who_is_denied_is_told(server: AuthorizationServer, connect: Connect) -> None:
    """By the authorization server's policy, or because the secret is wrong."""
    server.denies = True
    auth = Uma(f"{server.url}/token", "caller", "caller-secret")
    with connect("uma", auth, uma_scope="read") as client, pytest.raises(ChangesRefused):
        _ids(client)
    wrong = ClientCredentials(f"{server.url}/token", "caller", "wrong", scope=SCOPE)
    with connect("oauth", wrong) as client, pytest.raises(ChangesRefused, match="no token: 401"):
        _ids(client)


def test_a_token_without_the_scope_is_refused(
    server: AuthorizationServer, connect: Connect
) -> None:
    """With the status of the operation."""
    auth = ClientCredentials(f"{server.url}/token", "caller", "caller-secret")
    with connect("oauth", auth) as client, pytest.raises(ChangesRefused) as caught:
        _ids(client)
    assert caught.value.status == 403


def test_an_authorization_server_that_fails_may_recover(
    server: AuthorizationServer, connect: Connect
) -> None:
    """So it is not called a refusal."""
    server.faults["token"] = "500"
    auth = ClientCredentials(f"{server.url}/token", "caller", "caller-secret", scope=SCOPE)
    with connect("oauth", auth) as client, pytest.raises(ChangesUnavailable):
        _ids(client)

"""Mode `uma` against Keycloak, with clients that were written for neither."""

from __future__ import annotations

import pytest
import requests
from requests_oauthlib_uma import UMA2Session

from tests.support.java_client import JavaLikeClient

from .conftest import Serve
from .keycloak import Keycloak
from .realm import (
    CALLER,
    CALLER_SECRET,
    STRANGER,
    STRANGER_SECRET,
    UMA_SCOPE,
)

UMA = {
    "PROTECTION": "uma",
    "UMA_SCOPE": UMA_SCOPE,
    "UMA_RESOURCE_NAME": "Changes of people",
    "PAT_SCOPE": "",
    "INTROSPECTION_AUTH": "client",
}


@pytest.fixture(autouse=True)
def _http_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def url(serve: Serve) -> str:
    """The operation, whose resource is registered by the application itself."""
    return serve(**UMA)


def session(keycloak: Keycloak, client: str, secret: str) -> UMA2Session:
    """An independent UMA client with an access token of its own."""
    token = {"access_token": keycloak.token(client, secret), "token_type": "Bearer"}
    return UMA2Session(client, token=token)


def test_the_challenge_has_a_ticket_of_keycloak(keycloak: Keycloak, url: str) -> None:
    """Without a token: 401, with the realm as the authorization server."""
    answer = requests.get(url, timeout=30)
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("UMA ")
    assert f'as_uri="{keycloak.issuer}"' in challenge
    assert 'ticket="' in challenge


def test_an_independent_client_gets_its_page(keycloak: Keycloak, url: str) -> None:
    """By the ticket, and then with the requesting party token that it got."""
    with session(keycloak, CALLER, CALLER_SECRET) as client:
        for _ in range(2):
            answer = client.get(url)
            assert (answer.status_code, answer.json()["total"]) == (200, 1)


def test_gluus_client_gets_its_page(url: str) -> None:
    """One that reads the header as Gluu's Java client does asks twice, and then once."""
    client = JavaLikeClient(CALLER, CALLER_SECRET)
    assert client.get(url).json()["total"] == 1
    assert client.get(url).json()["total"] == 1
    assert client.asked == 3


def test_who_the_policy_does_not_name_stays_out(keycloak: Keycloak, url: str) -> None:
    """Keycloak gives no requesting party token, and a plain one opens nothing."""
    assert JavaLikeClient(STRANGER, STRANGER_SECRET).get(url).status_code == 401
    plain = keycloak.token(CALLER, CALLER_SECRET)
    answer = requests.get(url, headers={"Authorization": f"Bearer {plain}"}, timeout=30)
    assert answer.status_code == 401


def test_a_second_process_finds_the_resource_of_the_first(keycloak: Keycloak, serve: Serve) -> None:
    """A requesting party token for the one is good for the other."""
    first, second = serve(**UMA), serve(**UMA)
    with session(keycloak, CALLER, CALLER_SECRET) as client:
        assert client.get(first).status_code == 200
        rpt = client.token["access_token"]
    answer = requests.get(second, headers={"Authorization": f"Bearer {rpt}"}, timeout=30)
    assert answer.status_code == 200

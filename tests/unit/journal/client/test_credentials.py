"""Secrets and tokens of a client go where nobody else reads them, and what may pass passes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from flask_gluu_changes.client import (
    ChangesClient,
    ChangesMisconfigured,
    ChangesRefused,
    ChangesUnavailable,
    ClientCredentials,
    MemoryTokenStore,
    Uma,
)
from flask_gluu_changes.errors import ConfigurationError

from .misbehaving import Time, client_of, page
from .misbehaving import time as time

SECRET, TOKEN = "s3cret-word", "t0ken-word"

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize(
    "url",
    ["http://idp.example.org/token", "ftp://idp.example.org", "http://127.0.0.1.evil.test/", "//x"],
)
def test_no_secret_goes_over_a_network_unencrypted(url: str) -> None:
    """A token endpoint and a URL of the operation are refused when the client is made."""
    for kind in (ClientCredentials, Uma):
        with pytest.raises(ChangesMisconfigured, match="https") as caught:
            kind(url, "id", SECRET)
        assert isinstance(caught.value, ConfigurationError)
        assert SECRET not in str(caught.value)
    auth = ClientCredentials("https://idp.test/token", "id", SECRET)
    credentials: list[dict[str, Any]] = [
        {"auth": auth},
        {"auth": ("user", SECRET)},
        {"headers": {"Authorization": f"Bearer {TOKEN}"}},
    ]
    for given_ in credentials:
        with httpx.Client(**given_) as http, pytest.raises(ChangesMisconfigured):
            ChangesClient(url, MemoryTokenStore(), http=http)


def test_a_password_within_a_url_counts_and_is_in_no_message(time: Time) -> None:
    """Unencrypted it is refused, and elsewhere no error repeats it."""
    with httpx.Client() as http, pytest.raises(ChangesMisconfigured) as refused:
        ChangesClient(f"http://user:{SECRET}@people.test/", MemoryTokenStore(), http=http)
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(502)))
    url = f"https://user:{SECRET}@people.test/a?key={TOKEN}"
    client = ChangesClient(url, MemoryTokenStore(), http=http, repetitions=0)
    with pytest.raises(ChangesUnavailable, match=r"https://people\.test/a ") as caught:
        list(client.drain())
    for error in (refused, caught):
        assert not {SECRET, TOKEN} & set(str(error.value).replace("=", ":").split(":"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "a.localhost"])
def test_this_machine_may_be_asked_without_tls(host: str) -> None:
    """Nobody else reads what stays on it."""
    ClientCredentials(f"http://{host}:8080/token", "id", SECRET)


def test_a_token_is_not_sent_to_a_plain_url_by_any_request() -> None:
    """Also where the authentication is used by a client of httpx alone."""
    granted = httpx.Response(200, json={"access_token": TOKEN})
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return granted

    auth = ClientCredentials("https://idp.test/token", "id", SECRET)
    with (
        httpx.Client(transport=httpx.MockTransport(answer), auth=auth) as http,
        pytest.raises(ChangesMisconfigured),
    ):
        http.get("http://people.test/")
    assert asked == ["idp.test"]


PASSING = [
    httpx.Response(503),
    httpx.Response(500),
    httpx.Response(429, headers={"Retry-After": "3"}),
    httpx.Response(502, text="<html>"),
    httpx.Response(200, text="<html>We are back soon.</html>"),
    httpx.Response(200, json={}),
    httpx.Response(200, json=[]),
    httpx.Response(200, json={"access_token": "a\nb"}),
    httpx.Response(200, json={"access_token": ""}),
    httpx.Response(200, text='{"access_token": "a", "expires_in": ' + "9" * 5000 + "}"),
]


@pytest.mark.parametrize("failure", PASSING, ids=range(len(PASSING)))
@pytest.mark.parametrize("kind", [ClientCredentials, Uma])
def test_a_failure_of_the_token_endpoint_may_pass(
    time: Time, kind: type[ClientCredentials | Uma], failure: httpx.Response
) -> None:
    """One is repeated; one that lasts is an error after all repetitions, without any secret."""
    for lasts in (False, True):
        asked: list[str] = []

        def answer(
            request: httpx.Request, lasts: bool = lasts, asked: list[str] = asked
        ) -> httpx.Response:
            if request.url.host == "idp.test":
                asked.append(request.url.host)
                good = httpx.Response(200, json={"access_token": TOKEN})
                return failure if lasts or len(asked) == 1 else good
            if request.headers.get("Authorization") == f"Bearer {TOKEN}":
                return httpx.Response(200, json=page("a", token="t"))
            return httpx.Response(401, headers={"WWW-Authenticate": 'UMA ticket="x"'})

        auth = kind("https://idp.test/token", "id", SECRET)
        client = client_of(answer, time=time, auth=auth, repetitions=2)
        if not lasts:
            assert len(list(client.drain())) == 1
            continue
        with pytest.raises(ChangesUnavailable) as caught:
            list(client.drain())
        assert len(asked) == 3
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("invalid_client", ", it does not accept the client's name and secret"),
        ("invalid_scope", ", the client may not have the scope"),
        ("request_denied", ", its policies deny it to the client"),
        ("own words of the server", ""),
        (["invalid_scope"], ""),
    ],
)
def test_why_there_is_no_token_is_told(time: Time, code: object, why: str) -> None:
    """By the codes of the standards, and by no text of the server's."""
    refusal = httpx.Response(400, json={"error": code, "error_description": SECRET})
    auth = ClientCredentials("https://idp.test/token", "id", SECRET)
    with pytest.raises(ChangesRefused) as caught:
        list(client_of(lambda _: refusal, time=time, auth=auth).drain())
    assert str(caught.value) == f"the authorization server gave no token: 400{why}"


@pytest.mark.parametrize("failing", ["idp.test", "changes.test"])
def test_the_server_that_cannot_be_reached_is_named(time: Time, failing: str) -> None:
    """Which may be the authorization server."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == failing:
            raise httpx.ConnectTimeout("no", request=request)
        return httpx.Response(200, json={"access_token": TOKEN})

    auth = ClientCredentials("https://idp.test/token", "id", SECRET)
    with pytest.raises(ChangesUnavailable, match=f"^https://{failing}/[A-Za-z]+ is not available"):
        list(client_of(answer, time=time, auth=auth).drain())


@pytest.mark.parametrize("lifetime", [0, -1, None, "60", "x", True, 1e400, 10**300, [], 10.5])
def test_any_lifetime_of_a_token_is_lived_with(time: Time, lifetime: object) -> None:
    """One request for a token is enough for a request of changes."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.host == "idp.test":
            body = json.dumps({"access_token": TOKEN, "expires_in": lifetime})
            return httpx.Response(200, text=body)
        return httpx.Response(200, json=page("a", token="t"))

    auth = ClientCredentials("https://idp.test/token", "id", SECRET)
    list(client_of(answer, time=time, auth=auth).drain())
    assert asked == ["idp.test", "changes.test"]

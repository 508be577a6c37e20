"""Mode `oauth` against Keycloak: by introspection and by JWT, with client credentials."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import OPERATION, PUBLIC, Serve
from .keycloak import Keycloak
from .realm import (
    API,
    CALLER,
    CALLER_SECRET,
    SCOPE,
    STRANGER,
    STRANGER_SECRET,
)

WAYS: dict[str, dict[str, Any]] = {
    "introspection": {},
    "jwt": {"TOKEN_VALIDATION": "jwt", "CLIENT_ID": "", "CLIENT_SECRET": ""},
}


@pytest.fixture(params=WAYS)
def url(request: pytest.FixtureRequest, serve: Serve) -> str:
    """The operation, protected in each of the two ways."""
    return serve(PROTECTION="oauth", SCOPE=SCOPE, AUDIENCE=API, **WAYS[request.param])


def ask(url: str, token: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(url, headers=headers, timeout=30)


def test_a_token_with_the_scope_gets_the_page(keycloak: Keycloak, url: str) -> None:
    """Several times, so that what the cache holds is asked as well."""
    token = keycloak.token(CALLER, CALLER_SECRET, scope=SCOPE)
    for _ in range(3):
        answer = ask(url, token)
        assert (answer.status_code, answer.json()["total"]) == (200, 1)


def test_without_a_token_there_is_a_challenge(url: str) -> None:
    """It leads to the metadata, which names the realm's issuer."""
    answer = ask(url)
    assert answer.status_code == 401
    metadata = answer.headers["WWW-Authenticate"].partition('resource_metadata="')[2].rstrip('"')
    here = metadata.replace(PUBLIC, url.removesuffix(OPERATION))
    assert SCOPE in requests.get(here, timeout=30).json()["scopes_supported"]


def test_a_token_that_was_not_made_for_this_api_is_refused(keycloak: Keycloak, url: str) -> None:
    """The audience comes with the scope, which was not asked for here."""
    answer = ask(url, keycloak.token(CALLER, CALLER_SECRET))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_token_without_the_scope_is_forbidden(keycloak: Keycloak, url: str) -> None:
    """It was made for this API, but may do other things there."""
    answer = ask(url, keycloak.token(STRANGER, STRANGER_SECRET))
    assert answer.status_code == 403
    assert f'scope="{SCOPE}"' in answer.headers["WWW-Authenticate"]


def test_mode_test_takes_any_active_token(keycloak: Keycloak, serve: Serve) -> None:
    """Whatever its scopes are."""
    url = serve(PROTECTION="test")
    assert ask(url, keycloak.token(STRANGER, STRANGER_SECRET)).status_code == 200
    assert ask(url, "unknown").status_code == 401


def test_a_token_revoked_there_is_refused(keycloak: Keycloak, serve: Serve) -> None:
    """At once, where nothing is kept."""
    url = serve(PROTECTION="oauth", SCOPE=SCOPE, AUDIENCE=API, TOKEN_CACHE_SECONDS=0)
    token = keycloak.token(CALLER, CALLER_SECRET, scope=SCOPE)
    assert ask(url, token).status_code == 200
    keycloak.revoke(token, CALLER, CALLER_SECRET)
    assert ask(url, token).status_code == 401

"""Where metadata may send this server and its secrets."""

from __future__ import annotations

import pytest

from flask_gluu_changes.protection.discovery import ServerMetadata
from flask_gluu_changes.protection.http import Answer, AuthorizationServerUnavailable
from tests.support.scripted_server import ScriptedServer, StillClock, protection_settings

LOOPBACK = "http://127.0.0.1:8080"
SECURE = "https://as.example"


def endpoint(issuer: str, url: object, configured: str = "") -> str:
    """Find the token endpoint of an issuer whose metadata name a URL."""
    metadata = {"issuer": issuer, "token_endpoint": url}
    server = ScriptedServer(lambda _: Answer(200, metadata))
    settings = protection_settings(issuer=issuer, token_endpoint=configured)
    return ServerMetadata(settings, server, StillClock()).endpoint("token_endpoint")


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        (SECURE, f"{SECURE}/token"),
        (SECURE, "https://elsewhere.example/token"),
        (SECURE, "HTTPS://as.example/token"),
        (LOOPBACK, f"{LOOPBACK}/token"),
        (LOOPBACK, "http://localhost/token"),
        (LOOPBACK, f"{SECURE}/token"),
    ],
)
def test_metadata_lead_to_places_as_safe_as_their_issuer(issuer: str, url: str) -> None:
    """RFC 8414, sections 2 and 6.2."""
    assert endpoint(issuer, url) == url


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        (SECURE, f"{LOOPBACK}/token"),
        (SECURE, "http://localhost/token"),
        (SECURE, "http://[::1]/token"),
        (SECURE, "http://as.example/token"),
        (LOOPBACK, "http://as.example/token"),
        (SECURE, "//127.0.0.1/token"),
        (SECURE, ["https://as.example/token"]),
        (SECURE, None),
    ],
)
def test_an_https_issuer_does_not_lead_to_plain_http(issuer: str, url: object) -> None:
    """Another program on this machine would get the client secret."""
    with pytest.raises(AuthorizationServerUnavailable):
        endpoint(issuer, url)


def test_an_operator_may_name_an_endpoint_on_loopback() -> None:
    """Such as a proxy that brings what it gets to the issuer."""
    assert endpoint(SECURE, None, configured=f"{LOOPBACK}/token") == f"{LOOPBACK}/token"


def test_a_page_that_is_shown_for_any_url_is_no_metadata() -> None:
    """The next place is looked at (RFC 8414, section 5)."""
    metadata = {"issuer": SECURE, "token_endpoint": f"{SECURE}/token"}
    answers = {"/.well-known/openid-configuration": Answer(200, metadata)}
    server = ScriptedServer(lambda call: answers.get(call.path, Answer(200, None)))
    settings = protection_settings(protection="oauth", issuer=SECURE, token_endpoint="")
    found = ServerMetadata(settings, server, StillClock())
    assert found.endpoint("token_endpoint") == f"{SECURE}/token"

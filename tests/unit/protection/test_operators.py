"""What an operator is told: in the log why tokens are refused, and by the doctor what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from click.testing import Result
from flask import Response, jsonify

from flask_gluu_changes.protection.credentials import explained
from flask_gluu_changes.protection.http import Answer
from tests.support.protection import MakeSite, Site

JWT = {"token_validation": "jwt", "audience": "our-api"}
Prepare = Callable[[Site], object]


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "other"}, "its aud does not hold GLUU_CHANGES_AUDIENCE"),
        ({"iss": "https://other.example"}, "its iss is not GLUU_CHANGES_ISSUER, to the letter"),
        ({"exp": 1}, "by its times and this clock, it has expired or is not yet valid"),
        ({"token_type": "N_A"}, "its token_type is not that of a bearer access token"),
    ],
)
@pytest.mark.parametrize("validation", ["introspection", "jwt"])
def test_the_log_says_why_a_token_is_refused_and_which_setting(
    make_site: MakeSite,
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, Any],
    why: str,
    validation: str,
) -> None:
    site = make_site("oauth", token_validation=validation, audience="our-api")
    given = {"aud": "our-api", **claims}
    token = site.server.sign(**given) if validation == "jwt" else site.server.issue(**given)
    answer = site.get(token)
    assert answer.status_code == 401
    assert f"A token was refused: {why}" in caplog.text
    for text in (caplog.text, answer.text):
        assert token not in text
        assert "other" not in text
    assert "aud" not in answer.text


@pytest.mark.parametrize(
    ("header", "claims", "why"),
    [
        ({"typ": "JWT"}, {}, "the typ of its header is not at+jwt"),
        ({"kid": "secret-kid"}, {}, "no key of the issuer has signed it"),
        ({}, {"jti": None}, "of its claims: Missing claim: 'jti'"),
    ],
)
def test_the_log_says_why_a_jwt_is_refused(
    make_site: MakeSite,
    caplog: pytest.LogCaptureFixture,
    header: dict[str, Any],
    claims: dict[str, Any],
    why: str,
) -> None:
    site = make_site("oauth", **JWT)
    assert site.get(site.server.sign(header, **claims)).status_code == 401
    assert f"A token was refused: {why}" in caplog.text
    assert "secret-kid" not in caplog.text


def test_the_log_says_that_the_server_does_not_know_a_token(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    make_site("oauth").get("unknown-token")
    assert "A token was refused: the authorization server does not call it active" in caplog.text
    assert "unknown-token" not in caplog.text


@pytest.mark.parametrize("auth", ["client", "pat"])
def test_a_wrong_secret_is_named(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture, auth: str
) -> None:
    """Not only its status."""
    site = make_site("oauth", client_secret="a-wrong-secret", introspection_auth=auth)
    assert site.get("some").status_code == 503
    said = "status 401, GLUU_CHANGES_CLIENT_ID and its secret or key are refused"
    assert said in caplog.text
    assert "a-wrong-secret" not in caplog.text


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(401, None), "status 401, GLUU_CHANGES_CLIENT_ID and its secret or key are refused"),
        (
            Answer(400, {"error": "invalid_client"}),
            "status 400, GLUU_CHANGES_CLIENT_ID and its secret or key are refused",
        ),
        (
            Answer(400, {"error": "invalid_scope"}),
            "status 400, the client may not have the scope GLUU_CHANGES_PAT_SCOPE",
        ),
        (
            Answer(400, {"error": "unauthorized_client"}),
            "status 400, the client may not use the grant client_credentials",
        ),
        (Answer(400, {"error": "text of the server"}), "status 400"),
        (Answer(403, {"error": ["invalid_client"]}), "status 403"),
        (Answer(200, None), "status 200"),
    ],
)
def test_a_refusal_is_explained_by_settings(answer: Answer, meaning: str) -> None:
    """And holds no text of the server."""
    assert explained(answer) == meaning


def doctor(site: Site) -> Result:
    site.server.requests.clear()
    return site.app.test_cli_runner().invoke(args=["gluu-changes", "doctor"])


@pytest.mark.parametrize(
    ("mode", "more", "lines"),
    [
        ("oauth", {"audience": "a"}, ["the introspection answers this server"]),
        ("oauth", {"introspection_auth": "pat"}, ["the introspection answers this server"]),
        ("oauth", JWT, ["keys of the issuer that tokens may be signed with: 1"]),
        ("uma", {}, ["the UMA resource is not registered yet"]),
    ],
)
def test_the_doctor_asks_the_authorization_server(
    make_site: MakeSite, mode: str, more: dict[str, str], lines: list[str]
) -> None:
    """And registers nothing there."""
    site = make_site(mode, resource="https://api.example/changes", **more)
    done = doctor(site)
    assert done.exit_code == 0, done.output
    for line in (*lines, "are known", "the authorization server's clock differs by"):
        assert line in done.output
    assert not site.server.resources


def test_the_doctor_finds_the_registered_resource(make_site: MakeSite) -> None:
    site = make_site("uma")
    site.get()
    assert "the UMA resource is registered, with the scopes" in doctor(site).output
    known = make_site("uma", uma_resource_id="res-1")
    assert "the UMA resource is registered, with the scopes" in doctor(known).output


def _at(site: Site, seconds: float) -> None:
    """Let the server's clock be wrong."""
    _dated(site, formatdate(time.time() + seconds, usegmt=True))


def _dated(site: Site, text: str) -> None:
    app = site.server.app
    assert app is not None

    @app.after_request
    def tell(response: Response) -> Response:
        response.headers["Date"] = text
        return response


def _view(site: Site, name: str, view: Callable[[], object]) -> None:
    assert site.server.app is not None
    site.server.app.view_functions[name] = view  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("mode", "more", "prepare", "found", "advice"),
    [
        ("oauth", {}, lambda s: s.server.stop(), "cannot be used", "GLUU_CHANGES_ISSUER"),
        (
            "oauth",
            {"client_secret": "wrong"},
            lambda s: None,
            "the introspection refuses this server: status 401",
            "GLUU_CHANGES_CLIENT_ID",
        ),
        (
            "oauth",
            {"client_secret": "wrong", "introspection_auth": "pat"},
            lambda s: None,
            "cannot be used",
            "GLUU_CHANGES_CLIENT_ID and its secret or key",
        ),
        ("oauth", {}, lambda s: _at(s, -120), "s behind this machine's", "NTP"),
        ("oauth", {}, lambda s: _at(s, 120), "s ahead of this machine's", "NTP"),
        ("oauth", JWT, lambda s: s.server.keys.clear(), "no key that tokens", "RS256"),
        ("oauth", JWT, lambda s: _view(s, "jwks", lambda: jsonify({})), "cannot be", "JWKS_URI"),
        ("uma", {"uma_resource_id": "gone"}, lambda s: None, "no such UMA resource", "RESOURCE_ID"),
    ],
)
def test_the_doctor_finds_each_fault(
    make_site: MakeSite,
    mode: str,
    more: dict[str, str],
    prepare: Prepare,
    found: str,
    advice: str,
) -> None:
    site = make_site(mode, **more)
    prepare(site)
    done = doctor(site)
    assert done.exit_code == 1, done.output
    (fault,) = [line for line in done.output.splitlines() if line.startswith("fault ")]
    assert found in fault
    assert advice in done.output.partition(fault)[2].splitlines()[1]


@pytest.mark.parametrize(
    ("prepare", "found"),
    [
        (lambda s: None, "clients are not told where tokens come from (RFC 9728)"),
        (lambda s: None, "tokens that were issued for other services"),
        (lambda s: _at(s, 30), "s ahead of this machine's"),
    ],
)
def test_the_doctor_warns(make_site: MakeSite, prepare: Prepare, found: str) -> None:
    site = make_site("oauth")
    prepare(site)
    done = doctor(site)
    assert done.exit_code == 0
    assert [
        line for line in done.output.splitlines() if line.startswith("warning") and found in line
    ]


def test_the_doctor_says_if_there_is_no_time(make_site: MakeSite) -> None:
    site = make_site("oauth")
    _dated(site, "yesterday")
    assert "does not tell its time" in doctor(site).output

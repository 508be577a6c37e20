"""Every row of the table of status codes, on a bare app and under a host's Api."""

from __future__ import annotations

import base64

import pytest
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.test import TestResponse

from tests.support.protection import MakeSite, Site

SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
SCOPE = "https://gluu.org/scim/users.read"


def challenge(response: TestResponse) -> WWWAuthenticate:
    header = WWWAuthenticate.from_header(response.headers["WWW-Authenticate"])
    assert header is not None
    return header


def assert_scim_error(response: TestResponse, status: int) -> None:
    assert response.status_code == status
    assert response.json is not None
    assert response.json["schemas"] == [SCIM_ERROR]
    assert response.json["status"] == str(status)
    assert response.headers["Cache-Control"] == "no-store"


@pytest.fixture(params=["oauth", "test"])
def site(request: pytest.FixtureRequest, make_site: MakeSite, host: str) -> Site:
    return make_site(request.param, host)


def test_a_good_token_passes(site: Site) -> None:
    assert site.get(site.server.issue()).status_code == 200


def test_the_scheme_is_read_in_any_case(site: Site) -> None:
    token = site.server.issue()
    assert site.get(headers={"Authorization": f"bEARER {token}"}).status_code == 200


def test_no_credentials_get_a_challenge_without_error_code(site: Site) -> None:
    response = site.get()
    assert_scim_error(response, 401)
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="SCIM"')
    assert "error" not in challenge(response).parameters


def test_no_credentials_come_before_bad_arguments(site: Site) -> None:
    assert_scim_error(site.get(query_string="pagesize=x"), 401)
    assert_scim_error(site.get(site.server.issue(), query_string="pagesize=x"), 400)


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", 'Bearer "a"', "Bearer ü", "Bearer ="],
)
def test_malformed_credentials_are_an_invalid_request(site: Site, header: str) -> None:
    response = site.get(headers={"Authorization": header})
    assert_scim_error(response, 400)
    assert challenge(response).parameters["error"] == "invalid_request"


@pytest.mark.parametrize("separator", ["\t", "\v", "\f", "\x1c", "\x85", "\xa0", " \t", "\t "])
def test_nothing_but_blanks_separates_scheme_and_token(site: Site, separator: str) -> None:
    token = site.server.issue()
    environ = {"HTTP_AUTHORIZATION": f"Bearer{separator}{token}"}
    assert_scim_error(site.get(environ_overrides=environ), 400)
    assert site.get(headers={"Authorization": f"Bearer   {token}"}).status_code == 200


@pytest.mark.parametrize("first", ["Bearer one", "Basic eA=="])
def test_two_headers_are_an_invalid_request(site: Site, first: str) -> None:
    response = site.get(headers=[("Authorization", first), ("Authorization", "Bearer two")])
    joined = site.get(headers={"Authorization": f"{first},Bearer two"})
    for answer in (response, joined):
        assert_scim_error(answer, 400)
        assert challenge(answer).parameters["error"] == "invalid_request"


@pytest.mark.parametrize(
    "header", ["Basic " + base64.b64encode(b"rs:rs-secret").decode(), "DPoP token", "Negotiate x"]
)
def test_another_scheme_gets_the_challenge(site: Site, header: str) -> None:
    response = site.get(headers={"Authorization": header})
    assert_scim_error(response, 401)
    assert challenge(response).type == "bearer"
    assert "error" not in challenge(response).parameters


def test_all_dead_tokens_get_one_identical_answer(site: Site) -> None:
    server = site.server
    dead = {
        "unknown": "unknown",
        "expired": server.issue(exp=1),
        "not yet": server.issue(nbf=4_000_000_000),
        "issuer": server.issue(iss="https://other.example"),
        "bound": server.issue(cnf={"x5t#S256": "x"}),
        "dpop": server.issue(token_type="DPoP"),
        "revoked": server.issue(),
        "long": "x" * 8193,
    }
    server.revoke(dead["revoked"])
    answers = {name: site.get(token) for name, token in dead.items()}
    for response in answers.values():
        assert_scim_error(response, 401)
        assert challenge(response).parameters["error"] == "invalid_token"
    assert len({(r.data, r.headers["WWW-Authenticate"]) for r in answers.values()}) == 1


def test_the_wrong_audience_is_a_dead_token(make_site: MakeSite, host: str) -> None:
    site = make_site("oauth", host, audience="our-api")
    assert site.get(site.server.issue(aud=["x", "our-api"])).status_code == 200
    for wrong in ({"aud": "other"}, {"aud": ["our-api", 1]}, {}, {"aud": None}):
        assert_scim_error(site.get(site.server.issue(**wrong)), 401)


def test_a_missing_scope_is_named(make_site: MakeSite, host: str) -> None:
    site = make_site("oauth", host, scope="a b")
    response = site.get(site.server.issue("a"))
    assert_scim_error(response, 403)
    assert challenge(response).parameters["error"] == "insufficient_scope"
    assert challenge(response).parameters["scope"] == "a b"
    assert site.get(site.server.issue("b c a")).status_code == 200


def test_mode_test_needs_no_scope(make_site: MakeSite, host: str) -> None:
    site = make_site("test", host)
    assert site.get(site.server.issue("")).status_code == 200


def test_a_server_that_is_down_refuses_for_now(site: Site) -> None:
    token = site.server.issue()
    site.server.stop()
    response = site.get(token)
    assert_scim_error(response, 503)
    assert int(response.headers["Retry-After"]) > 0
    assert "WWW-Authenticate" not in response.headers


def test_gluus_status_profile_gives_403_for_a_dead_token(make_site: MakeSite, host: str) -> None:
    site = make_site("oauth", host, status_profile="gluu")
    assert_scim_error(site.get("unknown"), 403)
    assert_scim_error(site.get(), 401)


def test_uma_gives_a_fresh_ticket_for_every_lack(make_site: MakeSite, host: str) -> None:
    site = make_site("uma", host)
    lacking = [None, "unknown", site.server.issue("read")]
    tickets = set()
    for token in lacking:
        response = site.get(token)
        assert_scim_error(response, 401)
        header = challenge(response)
        assert header.type == "uma"
        assert header.parameters["realm"] == "SCIM"
        assert header.parameters["as_uri"] == site.server.issuer
        tickets.add(header.parameters["ticket"])
    assert tickets == set(site.server.tickets)
    assert len(tickets) == len(lacking)


def test_uma_takes_another_scheme_for_no_token(make_site: MakeSite, host: str) -> None:
    response = make_site("uma", host).get(headers={"Authorization": "DPoP x"})
    assert_scim_error(response, 401)
    assert challenge(response).type == "uma"


def test_uma_asks_for_no_ticket_for_a_malformed_header(make_site: MakeSite, host: str) -> None:
    site = make_site("uma", host)
    response = site.get(headers={"Authorization": "Bearer a,b"})
    assert_scim_error(response, 400)
    assert challenge(response).parameters["error"] == "invalid_request"
    assert not site.server.tickets


def test_uma_without_a_ticket_warns(make_site: MakeSite, host: str) -> None:
    site = make_site("uma", host)
    site.server.stop()
    for token in (None, "some"):
        response = site.get(token)
        assert_scim_error(response, 403)
        assert response.headers["Warning"] == '199 - "UMA Authorization Server Unreachable"'


def test_bypass_lets_everybody_pass(make_site: MakeSite, host: str) -> None:
    site = make_site("bypass", host, allow_bypass=True)
    assert site.get().status_code == 200
    assert site.get("whatever").status_code == 200

"""What an introspection must say before a token passes."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from flask_gluu_changes.protection.claims import is_time
from tests.support.authorization_server import AuthorizationServer
from tests.support.protection import QUERY, MakeSite, Site

SCOPE = "https://gluu.org/scim/users.read"


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site("oauth")


def asked_with(site: Site, answer: Any, token: str = "planned") -> int:
    site.server.answers[token] = answer
    return site.get(token).status_code


def good(**claims: Any) -> dict[str, Any]:
    return {"active": True, "scope": SCOPE, "exp": time.time() + 60, **claims}


def test_the_least_good_answer_passes(site: Site) -> None:
    assert asked_with(site, {"active": True, "scope": SCOPE}) == 200


@pytest.mark.parametrize("active", ["true", 1, "false", False, None, [True], 1.0])
def test_active_must_be_true_itself(site: Site, active: object) -> None:
    assert asked_with(site, good(active=active)) == 401


@pytest.mark.parametrize("answer", [{}, {"scope": SCOPE}, [], "active", None, [{"active": True}]])
def test_an_answer_without_active_is_none(site: Site, answer: Any) -> None:
    assert asked_with(site, answer) == 503


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1},
        {"exp": "4000000000"},
        {"exp": True},
        {"exp": [4_000_000_000]},
        {"nbf": 4_000_000_000},
        {"nbf": "0"},
        {"iat": "now"},
        {"iss": "https://other.example"},
        {"iss": ["https://other.example"]},
        {"aud": 1},
        {"aud": ["x", None]},
        {"client_id": 1},
        {"sub": {}},
        {"token_type": "DPoP"},
        {"token_type": 1},
        {"cnf": {"jkt": "x"}},
        {"cnf": {}},
        {"scope": 1},
        {"scope": {SCOPE: True}},
        {"scope": [1]},
    ],
    ids=str,
)
def test_a_claim_of_wrong_type_or_value_is_a_dead_token(site: Site, wrong: dict[str, Any]) -> None:
    assert asked_with(site, good(**wrong)) == 401


def test_not_a_number_is_no_time() -> None:
    assert not is_time(math.nan)
    assert not is_time(math.inf)


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        (SCOPE, 200),
        (f"a {SCOPE} b", 200),
        ([SCOPE], 200),
        (["a", SCOPE], 200),
        (None, 403),
        ("", 403),
        ([], 403),
        (f"{SCOPE}write", 403),
        (SCOPE.upper(), 403),
        ("https://gluu.org/scim/users", 403),
    ],
)
def test_scope_is_a_text_or_a_list_and_compared_whole(
    site: Site, scope: object, status: int
) -> None:
    assert asked_with(site, good(scope=scope)) == status


def test_fractions_of_seconds_are_fine(site: Site) -> None:
    assert asked_with(site, good(exp=time.time() + 9.5, nbf=time.time() - 0.5)) == 200


def test_an_expiry_is_noticed_in_a_cached_answer(site: Site) -> None:
    token = site.server.issue(exp=time.time() + 20)
    assert site.get(token).status_code == 200
    site.clock.ahead = 21
    assert site.get(token).status_code == 401


def test_an_expiry_is_noticed_after_the_machine_slept(site: Site) -> None:
    token = site.server.issue(exp=time.time() + 20)
    assert site.get(token).status_code == 200
    site.clock.asleep = 21
    assert site.get(token).status_code == 401


def test_a_token_too_long_is_not_asked_about(site: Site) -> None:
    assert site.get("x" * 8193).status_code == 401
    assert site.server.calls["introspect"] == 0
    assert site.get("x" * 8192).status_code == 401
    assert site.server.calls["introspect"] == 1


def test_this_server_asks_with_its_own_credentials_and_for_access_tokens(site: Site) -> None:
    token = site.server.issue()
    site.get(token)
    name, authorization, form = site.server.requests[-1]
    assert name == "introspect"
    assert authorization.startswith("Basic ")
    assert form == {"token": token, "token_type_hint": "access_token"}


def test_credentials_are_percent_encoded(make_site: MakeSite) -> None:
    site = make_site("oauth", client_id="r:s", client_secret="ü %:+")
    site.server.clients["r:s"] = "ü %:+"
    assert site.get(site.server.issue()).status_code == 200


@pytest.mark.parametrize("mode", ["oauth", "test"])
@pytest.mark.parametrize("auth", ["client", "pat"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_every_way_to_authenticate_works(
    make_site: MakeSite, key_file: str, mode: str, auth: str, method: str
) -> None:
    key = {"client_key": key_file, "client_secret": None} if method == "private_key_jwt" else {}
    site = make_site(mode, client_auth_method=method, introspection_auth=auth, **key)
    assert site.get(site.server.issue()).status_code == 200
    assert site.get("unknown").status_code == 401


def test_a_wrong_secret_closes(make_site: MakeSite) -> None:
    site = make_site("oauth", client_secret="wrong")
    assert site.get(site.server.issue()).status_code == 503


def test_tokens_elsewhere_than_in_the_header_are_ignored(site: Site) -> None:
    token = site.server.issue()
    in_query = site.get(query_string=f"{QUERY}&access_token={token}")
    in_form = site.get(method="POST", data={"access_token": token}, query_string="")
    assert (in_query.status_code, in_form.status_code) == (401, 401)
    assert site.server.calls["introspect"] == 0


def test_a_second_token_in_the_url_is_an_error(site: Site) -> None:
    token = site.server.issue()
    assert site.get(token, query_string=f"{QUERY}&access_token={token}").status_code == 400
    assert site.server.calls["introspect"] == 0


def test_a_token_of_another_issuer_is_not_taken_from_the_cache(make_site: MakeSite) -> None:
    ours = make_site("oauth")
    token = ours.server.issue()
    assert ours.get(token).status_code == 200
    with AuthorizationServer() as other:
        theirs = make_site("oauth", issuer=other.url)
        assert theirs.get(token).status_code == 401

"""Nobody without a good token closes the door for others, or makes us flood the server.

The figures are what the authorization server is asked for so many requests.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpcore
import pytest
from flask import jsonify, request

from flask_gluu_changes.protection import limits
from flask_gluu_changes.protection.http import (
    FAILURE_THRESHOLD,
    HttpClient,
)
from flask_gluu_changes.protection.limits import BURST
from tests.support.protection import MakeSite, Site

REQUESTS = 200
STRANGER = {"REMOTE_ADDR": "192.0.2.66"}


@pytest.fixture(autouse=True)
def slow_refill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a thousand seconds pass for one, or a slow machine is granted more than a fast one."""
    monkeypatch.setattr(limits, "PER_SECOND", limits.PER_SECOND / 1000)


@pytest.fixture(params=["oauth", "test", "uma"])
def site(request: pytest.FixtureRequest, make_site: MakeSite) -> Site:
    """Each mode that asks about tokens."""
    return make_site(request.param)


def flood(site: Site, times: int = REQUESTS, **options: Any) -> Counter[int]:
    """Bring as many tokens that nobody knows, from one address; count the answers."""
    answers = Counter[int]()
    for number in range(times):
        token = f"unknown-{number}"
        answers[site.get(token, environ_base=STRANGER, **options).status_code] += 1
    return answers


def fails_for(site: Site, begin: str) -> None:
    """Let the authorization server fail at the tokens that begin so, and at no others."""
    assert site.server.app is not None
    views: dict[str, Any] = site.server.app.view_functions
    introspect = views["introspect"]
    views["introspect"] = lambda: (
        ("", 500) if request.form["token"].startswith(begin) else introspect()
    )


def test_unknown_tokens_of_one_address_are_asked_about_within_limits(site: Site) -> None:
    answers = flood(site)
    asked = site.server.calls["introspect"] + site.server.calls["permission"]
    assert BURST <= asked <= 2 * BURST
    assert answers[429] == REQUESTS - answers[401] - answers[403]
    assert answers[429] >= REQUESTS - 2 * BURST


def test_too_many_are_told_when_to_come_again(site: Site) -> None:
    flood(site, BURST + 50)
    refused = site.get("one-more", environ_base=STRANGER)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert refused.json is not None
    assert refused.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    site.clock.ahead = 1000
    assert site.get("one-more", environ_base=STRANGER).status_code == 401


def test_a_flood_closes_the_door_for_no_other_address(make_site: MakeSite) -> None:
    site = make_site("oauth")
    flood(site)
    assert site.get(site.server.issue()).status_code == 200


def test_a_flood_closes_the_door_for_no_good_token_of_its_own_address(
    make_site: MakeSite,
) -> None:
    """Such as all addresses, behind a proxy that the application does not know of."""
    site = make_site("oauth", token_cache_seconds=0)
    token = site.server.issue()
    assert site.get(token, environ_base=STRANGER).status_code == 200
    assert flood(site)[429]
    assert site.get(token, environ_base=STRANGER).status_code == 200


def test_good_tokens_are_not_counted(make_site: MakeSite) -> None:
    site = make_site("oauth")
    tokens = [site.server.issue() for _ in range(BURST + 20)]
    answers = {site.get(token, environ_base=STRANGER).status_code for token in tokens}
    assert answers == {200}


def test_tickets_for_nobody_are_limited(make_site: MakeSite) -> None:
    """Each of them is a permission that is registered."""
    site = make_site("uma")
    answers = Counter(site.get(environ_base=STRANGER).status_code for _ in range(REQUESTS))
    assert site.server.calls["permission"] <= BURST + 20
    assert answers[429] >= REQUESTS - BURST - 20
    assert site.get().status_code == 401


def test_requests_without_a_token_ask_nobody(make_site: MakeSite) -> None:
    site = make_site("oauth")
    assert {site.get(environ_base=STRANGER).status_code for _ in range(REQUESTS)} == {401}
    assert not site.server.calls


@pytest.mark.parametrize("times", [FAILURE_THRESHOLD, BURST])
def test_tokens_that_the_server_fails_at_open_no_breaker(site: Site, times: int) -> None:
    fails_for(site, "unknown-")
    flood(site, times)
    assert site.get(site.server.issue()).status_code == (
        401 if site.protector.settings.protection == "uma" else 200
    )
    assert site.server.calls["introspect"] <= times * 1.2 + 2


def test_a_server_that_fails_at_everything_is_soon_left_alone(make_site: MakeSite) -> None:
    site = make_site("oauth")
    site.server.faults["introspect"] = "500"
    flood(site)
    assert site.server.calls["introspect"] == FAILURE_THRESHOLD + 1


def test_a_server_that_is_down_is_nobodys_fault(make_site: MakeSite) -> None:
    """What is not asked costs an address nothing: it gets 503, as everybody does."""
    site = make_site("oauth")
    site.get("unknown")
    site.server.stop()
    assert flood(site) == {503: REQUESTS}


def test_an_open_breaker_is_not_kept_open_by_bad_tokens(make_site: MakeSite) -> None:
    """The one call in five seconds may be theirs."""
    site = make_site("oauth")
    site.server.faults["introspect"] = "500"
    flood(site, 10)
    site.server.faults.clear()
    fails_for(site, "unknown-")
    site.clock.ahead = 6
    flood(site, 1)
    assert site.get(site.server.issue()).status_code == 200


@pytest.mark.parametrize("wrong", ["the metadata", "the PAT", "the keys"])
def test_what_cannot_be_fetched_is_asked_for_once(make_site: MakeSite, wrong: str) -> None:
    """For each anonymous request it would be, while the server refuses or has it not."""
    jwt = {"token_validation": "jwt", "audience": "our-api"}
    sites: dict[str, Callable[[], Site]] = {
        "the metadata": lambda: make_site("oauth"),
        "the PAT": lambda: make_site("uma", client_secret="wrong"),
        "the keys": lambda: make_site("oauth", **jwt),
    }
    site = sites[wrong]()
    app = site.server.app
    assert app is not None
    if wrong == "the metadata":
        for name in ("oauth-authorization-server", "openid-configuration"):
            app.view_functions[name] = lambda: ("", 404)
    if wrong == "the keys":
        app.view_functions["jwks"] = lambda: jsonify({})
    token = site.server.sign() if wrong == "the keys" else "unknown"
    answers = {site.get(token).status_code for _ in range(REQUESTS)}
    assert answers <= {503, 403, 429}
    assert sum(site.server.calls.values()) <= 3


def test_a_pat_is_not_renewed_for_each_token_that_is_answered_with_401(
    make_site: MakeSite,
) -> None:
    site = make_site("oauth", introspection_auth="pat")
    assert site.server.app is not None
    site.server.app.view_functions["introspect"] = lambda: ("", 401)
    flood(site, 40)
    assert site.server.calls["token"] <= 3
    assert site.server.calls["introspect"] <= 42


def test_an_unknown_resource_is_not_looked_for_at_each_request(make_site: MakeSite) -> None:
    """Which lists all resources and looks at each of them."""
    site = make_site("uma")
    site.get()
    assert site.server.app is not None
    refusal = {"error": "invalid_resource_id"}
    site.server.app.view_functions["permission"] = lambda: (jsonify(refusal), 400)
    before = site.server.calls["resources"] + site.server.calls["resource"]
    assert {site.get().status_code for _ in range(40)} == {403}
    asked = site.server.calls["resources"] + site.server.calls["resource"] - before
    assert asked <= 4


def test_a_pool_that_is_used_up_is_no_failure_of_the_server(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site("oauth")
    token = site.server.issue()
    with monkeypatch.context() as patch:
        patch.setattr(HttpClient, "_exchange", _raise(httpcore.PoolTimeout()))
        for number in range(2 * FAILURE_THRESHOLD):
            assert site.get(f"t{number}").status_code == 503
    assert "All connections to the authorization server are in use" in caplog.text
    assert site.get(token).status_code == 200


def test_bad_tokens_leave_connections_to_known_ones(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the server thinks about each of them."""
    monkeypatch.setattr(limits, "PLACES", 2)
    site = make_site("oauth", token_cache_seconds=0, issuer_connect_timeout=0.1)
    token = site.server.issue()
    assert site.get(token).status_code == 200
    inside = threading.Semaphore(0)
    assert site.server.app is not None
    introspect = site.server.app.view_functions["introspect"]

    def slow_for_bad() -> Any:
        if request.form["token"].startswith("unknown"):
            inside.release()
            site.server.release.wait(5)
        return introspect()

    site.server.app.view_functions["introspect"] = slow_for_bad
    threads = [threading.Thread(target=site.get, args=(f"unknown-{n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=5)
    assert site.get("unknown-3").status_code == 503
    assert site.get(token).status_code == 200
    site.server.release.set()
    for thread in threads:
        thread.join(5)


def _raise(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail

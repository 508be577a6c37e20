"""The authorization server fails in every way, and the door stays closed."""

from __future__ import annotations

import pytest

from flask_gluu_changes.protection.caching import FAILURE_SECONDS
from flask_gluu_changes.protection.http import (
    FAILURE_THRESHOLD,
    MAX_BYTES,
    PROBE_SECONDS,
    AuthorizationServerUnavailable,
    CircuitBreaker,
    HttpClient,
)
from tests.support.protection import MakeSite, MovedClock, Site


@pytest.fixture(params=["oauth", "test", "uma"])
def site(request: pytest.FixtureRequest, make_site: MakeSite) -> Site:
    return make_site(request.param, issuer_read_timeout=1)


def closed(site: Site) -> int:
    return 403 if site.protector.settings.protection == "uma" else 503


@pytest.mark.parametrize("fault", ["500", "garbage", "slow"])
def test_every_fault_closes_and_passes_by(site: Site, fault: str) -> None:
    token = site.server.issue()
    site.server.faults["*"] = fault
    assert site.get(token).status_code == closed(site)
    site.server.faults.clear()
    site.clock.ahead = PROBE_SECONDS + 1
    assert site.get(token).status_code == (401 if closed(site) == 403 else 200)


def test_stopping_and_starting_needs_no_restart_of_the_app(site: Site) -> None:
    token = site.server.issue()
    site.get(token)
    site.clock.ahead = 60
    site.server.stop()
    for _ in range(10):
        assert site.get(token).status_code == closed(site)
    site.server.start()
    site.clock.ahead = 60 + PROBE_SECONDS + 1
    assert site.get(token).status_code == (401 if closed(site) == 403 else 200)


@pytest.mark.parametrize("issuer", ["https://other.example", "", "http://127.0.0.1"])
def test_metadata_of_another_issuer_closes(
    site: Site, caplog: pytest.LogCaptureFixture, issuer: str
) -> None:
    site.server.published_issuer = issuer or "x"
    assert site.get(site.server.issue()).status_code == closed(site)
    assert f"is not of the issuer {site.server.issuer}, to the letter: it names" in caplog.text
    assert f"names {issuer or 'x'!r}" in caplog.text
    assert site.server.calls["introspect"] == 0


def test_metadata_that_names_a_plain_http_endpoint_closes(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site("oauth")
    plain = {**site.server.metadata(), "introspection_endpoint": "http://as.example/introspect"}
    monkeypatch.setattr(site.server, "metadata", lambda: plain)
    assert site.get(site.server.issue()).status_code == 503
    assert "no introspection_endpoint, or one that is not https" in caplog.text
    assert "failed at" not in caplog.text


def test_openid_metadata_is_the_second_choice(make_site: MakeSite) -> None:
    site = make_site("oauth")
    site.server.app.view_functions["oauth-authorization-server"] = lambda: ("", 404)  # type: ignore[union-attr]
    assert site.get(site.server.issue()).status_code == 200
    assert site.server.calls["openid-configuration"] == 1


def test_set_endpoints_need_no_discovery(make_site: MakeSite) -> None:
    site = make_site("oauth")
    direct = make_site("oauth", introspection_endpoint=f"{site.server.url}/introspect")
    assert direct.get(site.server.issue()).status_code == 200
    assert site.server.calls["oauth-authorization-server"] == 0


def test_the_app_starts_and_answers_while_the_server_is_down(make_site: MakeSite) -> None:
    site = make_site("oauth")
    site.server.stop()
    assert site.get("token").status_code == 503
    assert site.get().status_code == 401


def test_a_redirect_is_not_followed(make_site: MakeSite) -> None:
    site = make_site("oauth")
    there = f"{site.server.url}/jwks"
    site.server.app.view_functions["introspect"] = lambda: ("", 302, {"Location": there})  # type: ignore[union-attr]
    assert site.get("token").status_code == 503
    assert site.server.calls["jwks"] == 0


def test_no_proxy_is_taken_from_the_environment(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site = make_site("oauth")
    assert site.get(site.server.issue()).status_code == 200


def test_after_five_failures_calls_are_saved(make_site: MakeSite) -> None:
    site = make_site("oauth")
    site.server.faults["introspect"] = "500"
    asked = FAILURE_THRESHOLD + 1  # and the server failed at a text of our own
    for number in range(20):
        assert site.get(f"token-{number}").status_code == 503
    assert site.server.calls["introspect"] == asked
    site.clock.ahead = PROBE_SECONDS + 1
    assert site.get("token").status_code == 503
    assert site.server.calls["introspect"] == asked + 2


def test_what_cannot_be_fetched_is_not_fetched_for_each_request(make_site: MakeSite) -> None:
    site = make_site("oauth")
    site.server.faults["*"] = "500"
    for number in range(20):
        assert site.get(f"token-{number}").status_code == 503
    assert sum(site.server.calls.values()) == 1
    site.clock.ahead = FAILURE_SECONDS
    site.server.faults.clear()
    assert site.get(site.server.issue()).status_code == 200


def test_one_probe_goes_through_an_open_breaker() -> None:
    clock = MovedClock()
    breaker = CircuitBreaker(clock)
    opened = [breaker.failed() for _ in range(FAILURE_THRESHOLD)]
    assert opened == [False] * (FAILURE_THRESHOLD - 1) + [True]
    assert not breaker.allow_request()
    clock.ahead = PROBE_SECONDS + 1
    assert [breaker.allow_request() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert breaker.allow_request()


def client_for(clock: MovedClock | None = None) -> HttpClient:
    return HttpClient(connect_seconds=1, read_seconds=0.5, ca_file="", clock=clock or MovedClock())


def test_an_answer_too_large_is_none(site: Site) -> None:
    site.server.app.view_functions["jwks"] = lambda: "1" * (MAX_BYTES + 1)  # type: ignore[union-attr]
    client = client_for()
    with pytest.raises(AuthorizationServerUnavailable):
        client.send("GET", f"{site.server.url}/jwks", {})
    client.close()

"""Permissions, tickets, the resource and the PAT."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.protection import MakeSite, Site


@pytest.fixture
def site(make_site: MakeSite, host: str) -> Site:
    return make_site("uma", host)


def resource_of(site: Site) -> str:
    site.get()
    return next(iter(site.server.resources))


def status_with(site: Site, permissions: Any, **claims: Any) -> int:
    return site.get(site.server.issue("", permissions=permissions, **claims)).status_code


def test_a_permission_on_our_resource_passes(site: Site) -> None:
    ours = resource_of(site)
    assert status_with(site, [{"resource_id": ours, "resource_scopes": ["read", "x"]}]) == 200


def test_keycloaks_names_are_understood(site: Site) -> None:
    ours = resource_of(site)
    assert status_with(site, [{"rsid": ours, "rsname": "n", "scopes": ["read"]}]) == 200


def test_every_permission_counts_but_only_ours(make_site: MakeSite) -> None:
    site = make_site("uma", uma_scope="read list")
    ours = resource_of(site)
    both = [{"resource_id": ours, "resource_scopes": [scope]} for scope in ("read", "list")]
    assert status_with(site, both) == 200
    assert status_with(site, both[:1]) == 401
    assert (
        status_with(site, [both[0], {"resource_id": "other", "resource_scopes": ["list"]}]) == 401
    )


@pytest.mark.parametrize(
    "grant",
    [
        {"resource_id": "another", "resource_scopes": ["read"]},
        {"resource_scopes": ["read"]},
        {"resource_scopes": ["readwrite"], "ours": True},
        {"resource_scopes": [], "ours": True},
        {"ours": True},
        {"resource_scopes": {"read": 1}, "ours": True},
        {"resource_scopes": ["read", 1], "ours": True},
        {"resource_scopes": ["read"], "exp": 1, "ours": True},
        {"resource_scopes": ["read"], "exp": "4000000000", "ours": True},
        {"resource_scopes": ["read"], "nbf": 4_000_000_000, "ours": True},
    ],
    ids=str,
)
def test_a_permission_that_does_not_fit_is_none(site: Site, grant: dict[str, Any]) -> None:
    chosen = {**grant}
    if chosen.pop("ours", False):
        chosen["resource_id"] = resource_of(site)
    assert status_with(site, [chosen]) == 401


@pytest.mark.parametrize("permissions", [None, {}, "read", [None], ["read"], [[]]])
def test_permissions_of_another_type_are_none(site: Site, permissions: object) -> None:
    assert status_with(site, permissions) == 401


def test_a_plain_access_token_is_no_rpt(site: Site) -> None:
    assert site.get(site.server.issue("read")).status_code == 401


def test_our_own_pat_is_no_rpt(site: Site) -> None:
    site.get()
    pat = next(t for t, c in site.server.tokens.items() if "uma_protection" in c["scope"])
    assert site.get(pat).status_code == 401


def test_a_permission_that_expires_is_noticed_in_a_cached_answer(site: Site) -> None:
    ours = resource_of(site)
    grant = {"resource_id": ours, "resource_scopes": ["read"], "exp": time.time() + 10}
    token = site.server.issue("", permissions=[grant])
    assert site.get(token).status_code == 200
    site.clock.ahead = 11
    assert site.get(token).status_code == 401


def test_the_resource_is_registered_once_and_found_again(make_site: MakeSite) -> None:
    for site in (make_site("uma"), make_site("uma")):
        assert site.get().status_code == 401
        assert site.get().status_code == 401
    assert list(site.server.resources.values()) == [
        {"name": "Gluu resource changes", "resource_scopes": ["read"]}
    ]


def test_a_configured_resource_is_not_looked_up(make_site: MakeSite) -> None:
    site = make_site("uma", uma_resource_id="res-7")
    site.server.resources["res-7"] = {"name": "elsewhere"}
    assert site.get().status_code == 401
    assert site.server.calls["resources"] == 0
    assert status_with(site, [{"resource_id": "res-7", "resource_scopes": ["read"]}]) == 200


def test_a_configured_resource_that_is_unknown_is_the_operators_matter(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site("uma", uma_resource_id="res-7")
    assert site.get().status_code == 403
    assert "does not know the configured UMA resource id" in caplog.text


def test_a_resource_that_was_deleted_is_registered_anew(site: Site) -> None:
    resource_of(site)
    site.server.resources.clear()
    assert site.get().status_code == 401
    assert len(site.server.resources) == 1


def test_a_server_that_reads_only_lists_of_permissions_gets_one(site: Site) -> None:
    site.server.only_lists = True
    assert site.get().status_code == 401
    assert site.get().status_code == 401
    assert site.server.calls["permission"] == 3


@pytest.mark.parametrize("ticket", ['a"b', "a\\b", "a\r\nb", "", None, 7, "ü", "x" * 5000])
def test_a_ticket_that_no_header_can_carry_is_none(
    site: Site, monkeypatch: pytest.MonkeyPatch, ticket: object
) -> None:
    monkeypatch.setitem(
        site.server.app.view_functions,  # type: ignore[union-attr]
        "permission",
        lambda: ({"ticket": ticket}, 201),
    )
    assert site.get().status_code == 403


def test_a_pat_that_was_refused_is_renewed_once(site: Site) -> None:
    resource_of(site)
    site.server.faults["permission"] = "401-once"
    before = site.server.calls["token"]
    assert site.get().status_code == 401
    assert site.server.calls["token"] == before + 1


def test_a_pat_is_renewed_before_it_ends(site: Site) -> None:
    site.server.pat_seconds = 100
    site.get()
    site.clock.ahead = 60
    site.get()
    assert site.server.calls["token"] == 1
    site.clock.ahead = 71
    site.get()
    assert site.server.calls["token"] == 2


@pytest.mark.parametrize("method", ["client_secret_post", "private_key_jwt"])
def test_the_pat_can_be_had_in_every_way(make_site: MakeSite, key_file: str, method: str) -> None:
    key = {"client_key": key_file, "client_secret": None} if method == "private_key_jwt" else {}
    site = make_site("uma", client_auth_method=method, **key)
    assert site.get().status_code == 401


def test_a_pat_without_scope_is_asked_for_without(make_site: MakeSite) -> None:
    site = make_site("uma", pat_scope="")
    assert site.get().status_code == 403
    form = next(form for name, _, form in site.server.requests if name == "token")
    assert "scope" not in form


def test_an_rpt_is_introspected_as_the_client_where_so_configured(make_site: MakeSite) -> None:
    site = make_site("uma", introspection_auth="client")
    ours = resource_of(site)
    assert status_with(site, [{"resource_id": ours, "resource_scopes": ["read"]}]) == 200
    _, authorization, form = [r for r in site.server.requests if r[0] == "introspect"][-1]
    assert authorization.startswith("Basic ")
    assert form["token_type_hint"] == "requesting_party_token"

"""What clients read without a token: RFC 9728's metadata, and nothing that the Host header says."""

from __future__ import annotations

import pytest

from tests.support.protection import PATH, MakeSite, Site

WELL_KNOWN = "/.well-known/oauth-protected-resource"
PUBLIC = "https://api.example/people/changes"
PUBLIC_DOCUMENT = f"{WELL_KNOWN}/people/changes"
EVIL = {"Host": "evil.example"}


def header_of(site: Site, path: str = PATH) -> str:
    return site.get(path=path, headers=dict(EVIL)).headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("mode", "scopes"),
    [("oauth", ["https://gluu.org/scim/users.read"]), ("uma", ["read"]), ("test", None)],
)
def test_metadata_names_resource_issuer_and_scopes(
    make_site: MakeSite, host: str, mode: str, scopes: list[str] | None
) -> None:
    site = make_site(mode, host, resource=PUBLIC)
    assert site.get(path=PUBLIC_DOCUMENT, headers=dict(EVIL)).json == {
        "resource": PUBLIC,
        "authorization_servers": [site.server.issuer],
        "bearer_methods_supported": ["header"],
        **({"scopes_supported": scopes} if scopes else {}),
    }


def test_the_challenge_leads_to_the_metadata_of_what_was_asked_for(make_site: MakeSite) -> None:
    site = make_site("oauth", resource=PUBLIC)
    document = f"https://api.example{PUBLIC_DOCUMENT}"
    assert header_of(site) == f'Bearer realm="SCIM", resource_metadata="{document}"'


def test_a_route_of_the_host_is_another_resource(make_site: MakeSite) -> None:
    """A document about another URL than the client's own must not be used (section 3.3)."""
    site = make_site("oauth", resource=PUBLIC)
    site.app.add_url_rule("/own", "own", site.protector.require()(lambda: ""))
    assert header_of(site, "/own") == 'Bearer realm="SCIM"'


def test_without_a_configured_url_clients_are_told_nothing(make_site: MakeSite) -> None:
    """Or the Host header, which is anybody's text, would decide what they are told."""
    site = make_site("oauth")
    assert header_of(site) == 'Bearer realm="SCIM"'
    for path in ("", PATH):
        assert site.get(path=f"{WELL_KNOWN}{path}").status_code == 404


@pytest.mark.parametrize(("resource", "said"), [(None, ""), (PUBLIC, "host_id=api.example, ")])
def test_gluus_challenge_names_no_host_of_the_clients(
    make_site: MakeSite, resource: str | None, said: str
) -> None:
    site = make_site("uma", resource=resource, uma_challenge="gluu")
    begin = f'UMA realm="Authorization required", {said}as_uri='
    assert header_of(site).startswith(begin)


def test_bypass_has_no_metadata(make_site: MakeSite) -> None:
    site = make_site("bypass", allow_bypass=True, resource=PUBLIC)
    assert site.get(path=PUBLIC_DOCUMENT).status_code == 404

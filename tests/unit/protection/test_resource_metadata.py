"""What clients read without a token: RFC 9728's metadata."""

from __future__ import annotations

import pytest

from tests.support.protection import PATH, MakeSite

WELL_KNOWN = "/.well-known/oauth-protected-resource"


@pytest.mark.parametrize(
    ("mode", "scopes"),
    [("oauth", ["https://gluu.org/scim/users.read"]), ("uma", ["read"]), ("test", None)],
)
def test_metadata_names_issuer_and_scopes(
    make_site: MakeSite, host: str, mode: str, scopes: list[str] | None
) -> None:
    site = make_site(mode, host)
    for path in ("", PATH):
        response = site.get(path=f"{WELL_KNOWN}{path}")
        expected = {
            "resource": f"http://localhost{path}",
            "authorization_servers": [site.server.issuer],
            "bearer_methods_supported": ["header"],
            **({"scopes_supported": scopes} if scopes else {}),
        }
        assert response.json == expected


def test_the_challenge_leads_to_the_metadata_of_what_was_asked_for(make_site: MakeSite) -> None:
    site = make_site("oauth")
    header = site.get().headers["WWW-Authenticate"]
    url = f"http://localhost{WELL_KNOWN}{PATH}"
    assert header == f'Bearer realm="SCIM", resource_metadata="{url}"'
    document = site.get(path=url.removeprefix("http://localhost")).json
    assert document is not None
    assert document["resource"] == f"http://localhost{PATH}"


def test_a_public_resource_url_is_used_as_configured(make_site: MakeSite) -> None:
    public = "https://api.example/people/changes"
    site = make_site("oauth", resource=public)
    url = f"https://api.example{WELL_KNOWN}/people/changes"
    assert f'resource_metadata="{url}"' in site.get().headers["WWW-Authenticate"]
    document = site.get(path=f"{WELL_KNOWN}/people/changes").json
    assert document is not None
    assert document["resource"] == public


def test_bypass_has_no_metadata(make_site: MakeSite) -> None:
    site = make_site("bypass", allow_bypass=True)
    assert site.get(path=WELL_KNOWN).status_code == 404


def test_a_host_header_cannot_break_the_challenge(make_site: MakeSite) -> None:
    site = make_site("oauth")
    response = site.get(headers={"Host": 'x", error="own'})
    assert response.status_code in (400, 401)
    assert 'error="own"' not in response.headers.get("WWW-Authenticate", "")

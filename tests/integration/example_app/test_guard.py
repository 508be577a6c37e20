"""The host's pages take changes from themselves only, and load nothing from elsewhere."""

from __future__ import annotations

import pytest
from flask import Flask

from example_app import create_app

DAY = "/people/day"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:8001"},
        {"Origin": "null"},
    ],
)
def test_forms_of_other_sites_are_refused(host: Flask, headers: dict[str, str]) -> None:
    """With 403 and a page that says why; nothing was changed."""
    client = host.test_client()
    answer = client.post(DAY, headers=headers)
    assert answer.status_code == 403
    assert "sent from another site" in answer.text
    assert "1,000 people" in client.get("/").text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {},
    ],
)
def test_our_own_forms_are_taken(host: Flask, headers: dict[str, str]) -> None:
    """From new browsers and old ones, and from programs."""
    assert host.test_client().post(DAY, headers=headers).status_code == 302


@pytest.mark.parametrize("path", ["/", "/people/", "/people/x", "/changes", "/docs"])
def test_nothing_comes_from_elsewhere(host: Flask, path: str) -> None:
    """The policy names no other host, and no page may be framed."""
    policy = host.test_client().get(path).headers["Content-Security-Policy"]
    sources = {word for part in policy.split("; ") for word in part.split()[1:]}
    assert sources == {"'none'", "'self'", "data:"}
    assert "frame-ancestors 'none'" in policy


def test_the_operation_is_not_touched(host: Flask) -> None:
    """The pages' headers are the pages' own."""
    answer = host.test_client().get("/identity/scim/resource_changes.yaml")
    assert "Content-Security-Policy" not in answer.headers


def test_a_directorys_people_are_read_only() -> None:
    """With a directory the page says so, and no form is there to write into nothing."""
    app = create_app(GLUU_CHANGES_ALLOW_BYPASS=True, GLUU_CHANGES_LDAP_URI="ldap://127.0.0.1:1")
    client = app.test_client()
    assert "Read-only: these people live in an LDAP directory." in client.get("/people/").text
    assert client.get("/people/new").status_code == 404
    assert client.post(DAY).status_code == 404
    assert "Simulate a day" not in client.get("/changes").text

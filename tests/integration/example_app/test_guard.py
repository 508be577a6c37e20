"""The host's pages take changes from themselves only, and load nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("path", ["/", "/people/", "/identity/restv1/scim/UpdatedUsers", "/none"])
@pytest.mark.parametrize("settings", [{}, {"EXAMPLE_TRUSTED_HOSTS": "localhost, ::1"}])
def test_a_name_that_was_made_to_lead_here_is_refused(path: str, settings: Any) -> None:
    """Scripts of that site would else read and write people (DNS rebinding)."""
    host = create_app(GLUU_CHANGES_ALLOW_BYPASS=True, **settings)
    client = host.test_client()
    for name in (
        "evil.example",
        "localhost.evil.example",
        "evil.example:8000",
        "[",
        "",
        "[::2]",
        "l",
    ):
        answer = client.get(path, headers={"Host": name})
        assert (answer.status_code, name) == (400, name)
        assert "PersonForm" not in answer.text
    for name in ("localhost", "localhost:8000", "[::1]:8000"):
        assert client.get(path, headers={"Host": name}).status_code in {200, 400, 404}
    assert client.get("/", headers={"Host": "localhost:8000"}).status_code == 200


def test_an_operator_may_have_it_answer_to_any_name() -> None:
    """Where others than this machine shall reach an open demo."""
    app = create_app(GLUU_CHANGES_ALLOW_BYPASS=True, EXAMPLE_TRUSTED_HOSTS=[])
    assert app.test_client().get("/", headers={"Host": "demo.example"}).status_code == 200


@pytest.mark.parametrize("path", ["/people/", "/people/new", "/people/1", "/people/1/delete", DAY])
def test_people_are_not_shown_to_all_where_the_operation_is_protected(
    tmp_path: Path, path: str
) -> None:
    """The pages ask nobody for a token; an operator may open them."""
    oauth = {
        "EXAMPLE_PEOPLE_FILE": str(tmp_path / "people.sqlite"),
        "GLUU_CHANGES_PROTECTION": "oauth",
        "GLUU_CHANGES_ISSUER": "https://idp.example.org",
        "GLUU_CHANGES_CLIENT_ID": "changes-api",
        "GLUU_CHANGES_CLIENT_SECRET": "secret",
    }
    client = create_app(**oauth).test_client()
    for method in ("GET", "POST"):
        answer = client.open(path, method=method)
        assert answer.status_code in {403, 405}
    assert "EXAMPLE_OPEN_PAGES" in client.open("/people/").text
    opened = create_app(**oauth, EXAMPLE_OPEN_PAGES=True).test_client()
    assert opened.get("/people/").status_code == 200


def test_a_long_search_finds_nobody(host: Flask) -> None:
    """SQLite refuses patterns of 50,000 octets; the page says that nobody is found."""
    answer = host.test_client().get("/people/", query_string={"q": "x" * 60_000})
    assert answer.status_code == 200

"""A token that ends while its client waits or reads opens nothing more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.protection import Protector
from tests.support.apps import OPERATION
from tests.support.authorization_server import AuthorizationServer
from tests.support.journal_site import NDJSON
from tests.support.journals import Journal
from tests.support.markers import TOKEN_SECRET
from tests.support.protection import MovedClock, settings
from tests.support.protection import _push_request_context as _push_request_context
from tests.support.protection import server as server


class ProtectedJournal:
    """A journal behind an authorization server, asked again for each request."""

    def __init__(self, journal: Journal, server: AuthorizationServer) -> None:
        self.clock = MovedClock()
        self.journal = journal
        self.server = server
        self.token = server.issue()
        app = Flask("protected")
        app.config.update(settings(server, "oauth", token_cache_seconds=0), SECRET_KEY=TOKEN_SECRET)
        app.config["GLUU_CHANGES_SERVER_THREADS"] = 8
        self.protector = Protector.from_config(app.config, clock=self.clock)
        GluuChanges(app, backend=journal.backend, protector=self.protector)
        self._client = app.test_client()

    def get(self, headers: dict[str, str], **query: str) -> TestResponse:
        """Ask with the token."""
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return self._client.get(OPERATION, query_string=query, headers=sent)

    def revoke(self, *_: object, **__: object) -> None:
        """End the token at the authorization server."""
        self.server.revoke(self.token)


@pytest.fixture
def site(
    journal: Journal, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ProtectedJournal]:
    """Three people, read one by one."""
    monkeypatch.setattr("flask_gluu_changes.web.delta.STREAM_ROWS", 1)
    journal.put(*"abc")
    site = ProtectedJournal(journal, server)
    yield site
    site.protector.close()


def long_poll(site: ProtectedJournal) -> TestResponse:
    page = site.get({}, cursor="").get_json()
    return site.get({"Prefer": "wait=20"}, deltaToken=page["nextDeltaToken"]["value"])


def test_a_poll_whose_token_is_revoked_while_it_waits_is_refused(
    site: ProtectedJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.journal.backend, "wait", site.revoke)
    answer = long_poll(site)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_poll_whose_token_expires_while_it_waits_is_refused(
    site: ProtectedJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.token = site.server.issue(exp=int(time.time()) + 15)

    def wait(*_: object, **__: object) -> None:
        site.clock.ahead += 20

    monkeypatch.setattr(site.journal.backend, "wait", wait)
    assert long_poll(site).status_code == 401


def test_a_poll_whose_token_holds_is_answered(
    site: ProtectedJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.journal.backend, "wait", lambda *_, **__: site.journal.put("d"))
    answer = long_poll(site)
    assert answer.status_code == 200
    assert [entry["@id"] for entry in answer.get_json()["results"]] == ["d"]


def read(site: ProtectedJournal, meanwhile: float) -> list[str]:
    """Read a stream, so many seconds for each part after the first; the last line is its end."""
    parts = site.get({"Accept": NDJSON}, cursor="").iter_encoded()
    lines = [next(parts)]
    site.revoke()
    for _ in range(9):
        site.clock.ahead += meanwhile
        try:
            lines.append(next(parts))
        except (StopIteration, BrokenPipeError):  # servers break off at the latter
            break
    return [json.loads(line).get("@id", "the end") for line in b"".join(lines).splitlines()]


def test_a_stream_whose_token_is_revoked_ends_without_its_last_line(
    site: ProtectedJournal,
) -> None:
    assert read(site, meanwhile=1.1) == ["a"]


def test_a_stream_has_its_token_looked_at_once_a_second(site: ProtectedJournal) -> None:
    """However many parts it has."""
    assert read(site, meanwhile=0.0) == ["a", "b", "c", "the end"]
    assert site.server.calls["introspect"] == 1


def test_a_stream_of_a_good_token_comes_to_its_end(site: ProtectedJournal) -> None:
    stream = site.get({"Accept": NDJSON}, cursor="").iter_encoded()
    parts = []
    for part in stream:
        parts.append(part)
        site.clock.ahead += 1.1
    assert b"nextDeltaToken" in parts[-1]
    assert site.server.calls["introspect"] > 1

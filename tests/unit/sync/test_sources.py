"""A server is followed by tokens where it has them, and a state as it was kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.client import ChangesMisconfigured, ChangesRefused
from flask_gluu_changes.sync.server_options import ServerOptions
from flask_gluu_changes.sync.sources import open_source
from tests.support.apps import OPERATION
from tests.support.gluu_server import PATH, GluuServer
from tests.support.journal_site import Site
from tests.support.journals import Journal
from tests.support.journals import close_engines as close_engines
from tests.support.journals import engine as engine
from tests.support.journals import journal as journal
from tests.support.serving import Serving

pytestmark = pytest.mark.timeout(60)

TIMES = '{"reached": "2024-01-01T00:00:00Z", "full": "2024-01-01T00:00:00Z"}'


@pytest.fixture(scope="module")
def gluu() -> Iterator[GluuServer]:
    """A server that knows no tokens, with one person."""
    with GluuServer() as server:
        assert isinstance(server, GluuServer)
        server.create("a")
        yield server


@pytest.fixture
def tokens(journal: Journal) -> Iterator[str]:
    """The URL of a server with a journal."""
    with Serving(Site(journal).app) as serving:
        yield serving.url + OPERATION


def test_a_server_is_asked_what_it_can_do(gluu: GluuServer, tokens: str) -> None:
    """Gluu refuses a cursor with 400, a journal answers; one without a journal refuses as well."""
    app = Flask("without")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=MemoryBackend())
    with Serving(app) as serving:
        urls = [tokens, f"{gluu.url}{PATH}", serving.url + OPERATION]
        levels = []
        for url in urls:
            source = open_source(ServerOptions(url), "")
            levels.append(source.level)
            list(source.read("", full=False))
            source.close()
    assert levels == ["exact", "timestamps", "timestamps"]


def test_a_journal_can_be_followed_by_time_stamps(journal: Journal, tokens: str) -> None:
    """And no server is asked then."""
    journal.put("a", "b", updatedAt="20240101000000Z")
    source = open_source(ServerOptions(tokens, tokens="never"), "")
    assert source.level == "timestamps"
    ids = [change.id for batch in source.read("", full=False) for change in batch.changes]
    assert set(ids) == {"a", "b"}
    source.close()


def test_a_state_is_kept_as_it_was_begun(tokens: str) -> None:
    """Whatever the server can do by now: people have other ids there."""
    url = "https://gluu.test/"  # nobody asks it
    for position, level in ((TIMES, "timestamps"), ("AbC-123_x", "exact")):
        source = open_source(ServerOptions(url), position)
        assert source.level == level
        source.close()
    for position, tokens_ in ((TIMES, "always"), ("AbC-123_x", "never")):
        with pytest.raises(ChangesMisconfigured, match="begin with a new state"):
            open_source(ServerOptions(url, tokens=tokens_), position)


def test_a_refusal_is_no_sign_of_time_stamps(gluu: GluuServer) -> None:
    """Without a token nobody knows what the server can do."""
    gluu.token = "secret"
    try:
        with pytest.raises(ChangesRefused, match="403"):
            open_source(ServerOptions(f"{gluu.url}{PATH}"), "")
    finally:
        gluu.token = ""

"""The detector that watches all tests finds what it is for, and is there."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from flask import Flask, Response

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.client import ChangesClient, ClientCredentials, MemoryTokenStore
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.tokens import TokenCodec, TokenIssuer
from flask_gluu_changes.settings import JournalSettings, ProtectionSettings
from flask_gluu_changes.visibility import Visibility
from tests import conftest
from tests.support.leaks import LeakDetector
from tests.support.markers import DENIED, SECRET, SECRETS, TOKEN_SECRET

OURS = logging.getLogger("flask_gluu_changes.test")
PERSON = "ada@example.org"


@pytest.fixture
def detector() -> Iterator[LeakDetector]:
    """A detector of the test's own; what the test writes is none of the other one's business."""
    detector = LeakDetector()
    with detector.installed():
        yield detector
    conftest.detector.take()


@pytest.fixture(autouse=True)
def _meant() -> Iterator[None]:
    """Have the detector of all tests overlook what is planted here."""
    search = conftest.detector.search
    conftest.detector.search = lambda *_: None  # type: ignore[method-assign]
    yield
    conftest.detector.search = search  # type: ignore[method-assign]


@pytest.mark.parametrize("marker", [DENIED, *SECRETS, PERSON])
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING])
def test_a_record_of_any_level_is_searched(detector: LeakDetector, level: int, marker: str) -> None:
    """Also where nobody listens to it, and whether it is in the text or in an argument."""
    getattr(OURS, logging.getLevelName(level).lower())("somebody: %s", marker)
    (found,) = set(detector.take())
    assert found.startswith("the log of flask_gluu_changes.test holds ")
    assert not detector.take()


def test_a_traceback_is_searched(detector: LeakDetector) -> None:
    """With what is raised from what."""
    try:
        try:
            raise ValueError(DENIED)
        except ValueError as error:
            raise RuntimeError("it failed") from error
    except RuntimeError:
        OURS.exception("it failed")
    assert detector.take()


def test_others_may_log_people(detector: LeakDetector) -> None:
    """A test's own log, or that of a server beside us."""
    logging.getLogger("werkzeug").warning("GET /?q=%s", PERSON)
    assert not detector.take()


@pytest.mark.parametrize("parts", [[DENIED], [f"a{DENIED[:5]}", DENIED[5:]]])
def test_a_body_is_searched_across_its_parts(detector: LeakDetector, parts: list[str]) -> None:
    """Of applications that have the extension; people are what bodies are for."""
    for has_extension in (True, False):
        app = Flask("leaking")
        app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
        if has_extension:
            GluuChanges(app, backend=MemoryBackend())
        app.add_url_rule("/", view_func=lambda: Response([PERSON, *parts]))
        assert app.test_client().get("/").text == PERSON + "".join(parts)
        assert bool(detector.take()) is has_extension


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of which the detector of all tests does not know."""
    with TemporaryDirectory() as name:
        yield Path(name)


def test_files_are_searched(detector: LeakDetector, folder: Path) -> None:
    """Journals for secrets, and their modes; logs for people, too."""
    (folder / "follow.log").write_text(f"added {PERSON}")
    (folder / "notes.txt").write_text(DENIED)
    for name, table in (("journal.db", "gluu_changes_state"), ("people.sqlite", "people")):
        with closing(sqlite3.connect(folder / name)) as connection, connection:
            connection.execute(f"CREATE TABLE {table} (line)")
            connection.execute(f"INSERT INTO {table} VALUES (?)", (DENIED,))
        (folder / name).chmod(0o640)
    detector.search_files(folder)
    found = detector.take()
    assert {Path(each.split()[0]).name for each in found} == {"follow.log", "journal.db"}
    assert any("is not for its owner alone" in each for each in found)


def test_all_tests_are_watched() -> None:
    """By the one detector of this process."""
    assert conftest.detector in logging.getLogger().handlers


def _made(folder: Path) -> Iterator[object]:
    """Make one of each object that holds a secret."""
    config: dict[str, object] = {
        "TESTING": True,
        "GLUU_CHANGES_PROTECTION": "uma",
        "GLUU_CHANGES_ISSUER": "https://as.example",
        "GLUU_CHANGES_CLIENT_ID": "rs",
        "GLUU_CHANGES_CLIENT_SECRET": SECRETS[0],
        "GLUU_CHANGES_UMA_SCOPE": "read",
        "GLUU_CHANGES_TOKEN_SECRET": TOKEN_SECRET,
        "GLUU_CHANGES_JOURNAL_URL": f"sqlite:///{folder}/{SECRETS[1]}.db",
        "GLUU_CHANGES_SQL_URL": f"postgresql://u:{SECRETS[2]}@localhost/people",
    }
    app = Flask("secrets")
    app.config.update(config)
    source = MemoryBackend([{"userPassword": [DENIED]}])
    backend = JournalBackend.from_config(config, source=source)
    yield from (backend, source, GluuChanges(app, backend=backend), app.extensions["gluu_changes"])
    state = app.extensions["gluu_changes"]
    yield from (state.settings, state.feed, state.delta, *vars(state.protector).values())
    yield from (ProtectionSettings.load(config), JournalSettings.load(config))
    yield from (TokenCodec([TOKEN_SECRET]), TokenIssuer(JournalSettings.load(config), Visibility()))
    store = MemoryTokenStore(TOKEN_SECRET)
    auth = ClientCredentials("https://as.example/token", "caller", SECRETS[3])
    http = httpx.Client(auth=auth)
    yield from (store, auth, http, ChangesClient("https://changes.example", store, http=http))
    http.close()
    backend.close()


def test_no_object_shows_a_secret_in_its_repr(tmp_path: Path) -> None:
    """A debugger, an error page or an error report shows them all."""
    for made in _made(tmp_path):
        shown = f"{made!r} {made!s}".encode()
        assert not SECRET.search(shown), type(made)

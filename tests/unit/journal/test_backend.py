"""The journal keeps the contract of backends, and its quick way says the same as the slow one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flask_gluu_changes import BackendUnavailable, ChangesQuery, ConfigurationError
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.writer import OUT_OF_SCOPE
from flask_gluu_changes.testing import LONG_AGO, NOON, BackendContract, person
from tests.support.apps import OPERATION, make_app
from tests.support.journals import Journal, JournalStore, file_engine

PAGE = f"{OPERATION}?timeStamp=2020-01-01T00:00:00Z&pagesize=10"
PEOPLE = [
    {"inum": [b"1"], **person("b", updated=NOON)},
    {"inum": [b"2"], **person("A", created=NOON), "mail": [b'a"\\@example.org']},
    {"inum": [b"3"], **person("old", created=datetime(2001, 1, 1, tzinfo=UTC))},
]


class TestContract(BackendContract):
    """The contract, over a journal that its writer fills."""

    @pytest.fixture
    def store(self, journal: Journal) -> JournalStore:
        """A store that is empty."""
        return JournalStore(journal)


def test_the_time_stamp_form_is_byte_for_byte_that_of_other_backends(journal: Journal) -> None:
    """The same people out of a journal and out of memory make the same answer."""
    store = JournalStore(journal)
    for entry in PEOPLE:
        store.add(entry["inum"][0].decode(), entry)
    answers = [
        make_app("bare", backend).test_client().get(PAGE)
        for backend in (MemoryBackend(PEOPLE), journal.backend)
    ]
    assert answers[0].data == answers[1].data
    ids = {answer.headers.pop("X-Request-Id") for answer in answers}
    assert len(ids) == 2
    assert answers[0].headers.to_wsgi_list() == answers[1].headers.to_wsgi_list()
    assert answers[1].get_json()["total"] == 2


def test_the_time_stamp_form_shows_no_names_of_the_journal(journal: Journal) -> None:
    """Neither `@` keys nor people who left."""
    journal.put("a", "b", updatedAt="20240101000000Z")
    journal.remove("b", reason=OUT_OF_SCOPE)
    (entry,) = journal.backend.changes(ChangesQuery(LONG_AGO))
    assert entry == {"inum": ["a"], "uid": ["a"], "updatedAt": ["2024-01-01T00:00:00Z"]}


def test_a_journal_that_is_being_built_answers_nothing(tmp_path: Path) -> None:
    """A part of the people would be taken for all of them."""
    journal = Journal(file_engine(tmp_path), built=False)
    journal.put("a")
    for ask in (
        lambda: list(journal.backend.changes(ChangesQuery(LONG_AGO))),
        journal.backend.latest,
        lambda: journal.backend.read_slice(None, 1),
    ):
        with pytest.raises(BackendUnavailable, match="being built"):
            ask()
    assert not journal.backend.status().built
    journal.backend.close()


def test_a_journal_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """The ingester may start later than the web server."""
    backend = JournalBackend(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(BackendUnavailable, match="run `flask gluu-changes follow`"):
        backend.status()
    backend.close()


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[JournalBackend]:
    """A backend made from an application's config."""
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    Journal(file_engine(tmp_path)).backend.close()
    backend = JournalBackend.from_config({"GLUU_CHANGES_JOURNAL_URL": url})
    yield backend
    backend.close()


def test_a_config_names_the_journal(configured: JournalBackend) -> None:
    """By a URL of SQLAlchemy."""
    assert configured.status().built


def test_a_config_without_a_journal_is_refused() -> None:
    """With the key that is missing."""
    with pytest.raises(ConfigurationError, match="GLUU_CHANGES_JOURNAL_URL is missing"):
        JournalBackend.from_config({})

"""The doctor says whether a replica is one, whether it answers, and how late it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from flask_gluu_changes import ChangesQuery, Finding
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.journal.tables import COMMITS, now
from flask_gluu_changes.journal.writer import SECOND, WriteBatch
from flask_gluu_changes.model import Level
from flask_gluu_changes.testing import LONG_AGO
from tests.support.apps import PEOPLE
from tests.support.journals import Journal
from tests.support.lagging import LaggingCopy


@pytest.fixture
def copy(journal: Journal, tmp_path: Path) -> Iterator[LaggingCopy]:
    """A replica that has everything."""
    journal.put("a")
    made = LaggingCopy(journal, tmp_path / "replica")
    made.backend.source = MemoryBackend(PEOPLE)
    yield made
    made.backend.close()


def _said(copy: LaggingCopy) -> Finding:
    """Return what is said of the replica."""
    (found,) = [
        finding
        for finding in copy.backend.examine(ChangesQuery(LONG_AGO))
        if "replica" in finding.what
    ]
    return found


def test_a_replica_that_follows(journal: Journal, copy: LaggingCopy) -> None:
    """A few seconds late, and before a new epoch, too."""
    assert _said(copy).what == "the journal's replica follows it"
    journal.put("b")
    journal.writer.begin_epoch()
    journal.writer.commit(WriteBatch(built=True))
    assert _said(copy).level is Level.OK


def test_a_replica_that_is_late(journal: Journal, copy: LaggingCopy) -> None:
    """By how much, and where to look."""
    journal.put("b", "c")
    with journal.engine.begin() as connection:
        connection.execute(update(COMMITS).values(at=now() - 90 * SECOND))
    found = _said(copy)
    assert found.level is Level.WARNING
    assert found.what.startswith("the journal's replica lags by 90 s and 2 changes")


def test_a_replica_that_does_not_answer(copy: LaggingCopy) -> None:
    """And who answers instead."""
    with copy.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE gluu_changes_commit")
    found = _said(copy)
    assert found.level is Level.FAULT
    assert found.what.startswith(
        "the journal's replica cannot be read, so its primary answers everything: "
    )


@pytest.mark.parametrize("statement", ["UPDATE gluu_changes_commit SET commit_id = 'b'", "DELETE"])
def test_a_replica_of_something_else(copy: LaggingCopy, statement: str) -> None:
    """Whatever it holds, it is not what the primary held."""
    statement = statement.replace("DELETE", "DELETE FROM gluu_changes_commit")
    with copy.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    found = _said(copy)
    assert found.level is Level.FAULT
    assert "leads to another journal than GLUU_CHANGES_JOURNAL_URL" in found.what


def test_nothing_is_said_of_a_replica_without_its_primary(copy: LaggingCopy) -> None:
    """The examination has said that the journal cannot be read."""
    copy.lose_primary()
    found = [finding.what for finding in copy.backend.examine(ChangesQuery(LONG_AGO))]
    assert found[0].startswith("the journal is damaged: no such column")

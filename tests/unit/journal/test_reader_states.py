"""A reader tells the states of a journal apart: absent, away, restored, and with some set aside."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.journal.quarantine import Unwritable
from flask_gluu_changes.journal.reader import JournalReader
from flask_gluu_changes.journal.tables import HELD, METADATA, STATE, open_engine
from flask_gluu_changes.journal.writer import WriteBatch, Writer
from tests.support.journals import Journal, memory_engine


@pytest.fixture
def journal() -> Journal:
    """An empty journal, built."""
    return Journal(memory_engine())


def test_the_status_counts_those_that_are_set_aside(journal: Journal) -> None:
    """They are not among those who are told."""
    reader = JournalReader(journal.engine)
    assert reader.status().quarantined == 0
    batch = WriteBatch()
    for name in "ab":
        batch.set_aside(name, Unwritable("odd"))
    journal.writer.commit(batch)
    assert reader.status().quarantined == 2
    assert reader.state() == (journal.writer.state(), 2, 0)


def test_a_database_that_is_away_is_not_one_without_a_journal(tmp_path: Path) -> None:
    """Nobody is told to follow anything into it, and clients learn nothing of the cause."""
    reader = JournalReader(open_engine(f"sqlite:///{tmp_path}/missing/journal.db"))
    for ask in (reader.head, reader.status):
        with pytest.raises(BackendUnavailable) as caught:
            ask()
        assert str(caught.value).startswith("the journal cannot be read: ")
        assert "unable to open database file" in str(caught.value)


def test_a_journal_of_another_layout_is_to_be_followed_anew(journal: Journal) -> None:
    """It lacks a table of this one."""
    HELD.drop(journal.engine)
    with pytest.raises(BackendUnavailable, match="nothing has been followed into the journal yet"):
        JournalReader(journal.engine).status()


def lose_state(engine: Engine) -> None:
    """Empty the table of the state alone."""
    with engine.begin() as connection:
        connection.execute(delete(STATE))


LOSSES: dict[str, Callable[[Engine], None]] = {
    "no state": lose_state,
    **{table.name: table.drop for table in METADATA.tables.values()},
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_part_of_a_journal_is_left_to_the_operator(journal: Journal, loss: str) -> None:
    """It may be being restored; without its tables it is begun anew."""
    journal.put("a")
    LOSSES[loss](journal.engine)
    for ask in (journal.backend.latest, journal.backend.status):
        with suppress(BackendUnavailable):
            ask()
    writer = Writer(journal.engine)
    with pytest.raises(BackendUnavailable, match="only a part of a journal; restore all of it"):
        writer.acquire()
    METADATA.drop_all(journal.engine)
    assert writer.acquire()
    assert writer.inums() == {}


def test_a_writer_that_is_in_doubt_makes_the_tables_again(journal: Journal) -> None:
    """As a service is after an error of the database."""
    assert journal.writer.acquire()
    METADATA.drop_all(journal.engine)
    journal.writer.doubt()
    assert journal.writer.acquire()
    assert journal.writer.inums() == {}

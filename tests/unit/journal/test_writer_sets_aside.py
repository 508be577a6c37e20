"""The writer knows what is set aside, says why, and sees its tables come and go."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from sqlalchemy import Engine, select

from flask_gluu_changes.journal import quarantine
from flask_gluu_changes.journal import writer as module
from flask_gluu_changes.journal.failures import JournalUnavailable
from flask_gluu_changes.journal.layout import create
from flask_gluu_changes.journal.quarantine import PACKET_RESERVE, Unwritable
from flask_gluu_changes.journal.records import Identity
from flask_gluu_changes.journal.tables import METADATA, QUARANTINE
from flask_gluu_changes.journal.writer import WriteBatch, Writer
from tests.support.journals import Journal, memory_engine

LONG_AGO = 10**15
BY_THE_DATABASE = "IntegrityError"


@pytest.fixture
def journal() -> Journal:
    """An empty journal, built."""
    return Journal(memory_engine())


def _reasons(journal: Journal) -> dict[str, str]:
    with journal.engine.begin() as connection:
        found = connection.execute(select(QUARANTINE.c.id, QUARANTINE.c.reason))
        return {row.id: row.reason for row in found}


def _fine(journal: Journal, name: str) -> Identity:
    return journal.identity(name, {"inum": [f"i{name}"]})


def _odd(journal: Journal, name: str) -> Identity:
    """Make an identity whose row no database takes."""
    return _fine(journal, name)._replace(sort_key=None)  # type: ignore[arg-type]


def _batch(*identities: Identity, **unwritable: str) -> WriteBatch:
    batch = WriteBatch()
    for identity in identities:
        batch.put(identity)
    for id_, reason in unwritable.items():
        batch.set_aside(id_, Unwritable(reason))
    return batch


def test_a_batch_that_names_no_moment_leaves_the_confirmed_one(journal: Journal) -> None:
    """That is what a new batch is."""
    journal.writer.commit(WriteBatch(confirmed_at=LONG_AGO))
    journal.writer.commit(WriteBatch())
    assert journal.writer.state().confirmed_at == LONG_AGO


def test_what_is_set_aside_takes_its_own_place_in_a_batch(journal: Journal) -> None:
    """As any last change of an identity does."""
    batch = _batch(_fine(journal, "a"), _fine(journal, "b"), a="odd")
    assert [*batch.changes] == ["b", "a"]
    assert batch.changes["a"] == Unwritable("odd")


def test_the_tables_are_looked_for_once(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that waits for the lease asks every second."""
    created: list[Any] = []
    monkeypatch.setattr(module, "create", created.append)
    writer = Writer(journal.engine)
    writer.acquire()
    writer.acquire()
    assert created == [journal.engine]


def test_a_database_that_comes_back_empty_gets_its_tables_again(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the one failure that shows it."""
    created: list[Any] = []

    def note(engine: Engine) -> None:
        created.append(engine)
        create(engine)

    monkeypatch.setattr(module, "create", note)
    writer = Writer(journal.engine)
    assert not writer.acquire()
    METADATA.drop_all(journal.engine)
    with pytest.raises(JournalUnavailable, match="no such table"):
        writer.acquire()
    assert writer.acquire()
    assert len(created) == 2


def test_those_that_are_set_aside_are_known_without_an_inum(journal: Journal) -> None:
    """Unless an earlier entry of them is told: it stays, with its inum."""
    journal.put("a", "b")
    journal.writer.commit(_batch(a="odd", c="odd"))
    expected = {"a": "a", "b": "b", "c": ""}
    assert journal.writer.inums() == expected
    journal.writer.acquire()
    assert journal.writer.inums() == expected


def test_a_database_without_a_limit_has_no_largest_entry(journal: Journal) -> None:
    """Also when nothing was asked of it before."""
    journal.writer.acquire()
    assert journal.writer.largest_entry() is None


def test_why_the_database_did_not_take_an_entry_is_kept(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the one alone, whatever came with it; its values are not named."""
    batch = _batch(_fine(journal, "a"), _odd(journal, "b"), c="its id is odd")
    assert journal.writer.commit(batch) == 1
    assert _reasons(journal) == {"b": BY_THE_DATABASE, "c": "its id is odd"}
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    text = "the entry '{}' cannot be written and is left out until it changes: {}"
    assert sorted(said) == [
        text.format("b", BY_THE_DATABASE),
        text.format("c", "its id is odd"),
    ]


def test_what_is_taken_again_is_no_longer_set_aside(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says each once."""
    caplog.set_level(logging.INFO)
    for _ in range(2):
        journal.writer.commit(_batch(a="odd"))
    for _ in range(2):
        journal.writer.commit(_batch(_fine(journal, "a")))
    assert _reasons(journal) == {}
    assert caplog.messages == [
        "the entry 'a' cannot be written and is left out until it changes: odd",
        "the entry 'a' is no longer left out",
    ]


def test_a_server_is_sent_nothing_that_it_would_hang_up_on(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others of the same batch are written."""
    monkeypatch.setattr(quarantine, "_largest_packet", lambda _: 2 * PACKET_RESERVE + 100)
    journal.writer.acquire()
    assert journal.writer.largest_entry() == 50
    large = journal.identity("b", {"inum": ["ib"], "mail": ["m" * PACKET_RESERVE]})
    assert journal.writer.commit(_batch(_fine(journal, "a"), large)) == 1
    assert _reasons(journal) == {"b": "it is larger than the server's max_allowed_packet"}


def test_a_new_epoch_that_forgets_everybody_forgets_who_is_set_aside(journal: Journal) -> None:
    """Another one does not."""
    journal.writer.commit(_batch(a="odd"))
    journal.writer.begin_epoch()
    assert journal.writer.inums() == {"a": ""}
    journal.writer.begin_epoch(forget=True)
    assert (journal.writer.inums(), _reasons(journal)) == ({}, {})
    journal.writer.commit(_batch(a="odd"))
    assert _reasons(journal) == {"a": "odd"}

"""`gluu-changes verify` finds what differs between source, index and table, and mends it."""

from __future__ import annotations

import sqlite3

import pytest

from flask_gluu_changes.journal.writer import WriteBatch
from tests.support.sync_command import Synced


@pytest.fixture
def pulled(synced: Synced) -> Synced:
    """A replica of four people."""
    synced.journal.put("a", "b", "c", "d", mail="old")
    assert synced.pull().code == 0
    return synced


def test_equal_is_said(pulled: Synced) -> None:
    """And what came since the last run is no difference."""
    assert "4 people are equal" in pulled.command("verify").err
    pulled.journal.put("a", "e", mail="new")
    pulled.journal.remove("b")
    done = pulled.command("verify")
    assert (done.code, "3 changed since" in done.err) == (0, True), done.err


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("DELETE FROM people_sync_index WHERE id = 'a'", "missing: a"),
        ("UPDATE people_sync_index SET version = 1 WHERE id = 'a'", "stale: a"),
        ("INSERT INTO people_sync_index VALUES ('z', 1, x'00', 'z')", "extra: z"),
        ("DELETE FROM people WHERE id = 'a'", "without a row: a"),
        ("INSERT INTO people VALUES ('z', 'z', 1, 1, '{}')", "only in the table: z"),
    ],
)
def test_what_differs_is_named_and_mended(pulled: Synced, damage: str, named: str) -> None:
    """In the index and in the table; afterwards all is equal."""
    with sqlite3.connect(pulled.folder / "replica.db") as connection:
        connection.execute(damage)
    done = pulled.command("verify")
    assert (done.code, named in done.err) == (7, True), done.err
    assert pulled.command("verify", "--repair").code == 0
    assert pulled.command("verify").code == 0
    assert pulled.people() == pulled.dump()


def test_rows_that_somebody_edited(pulled: Synced) -> None:
    """In whatever column; of whom the server leaves something out nothing can be said."""
    partial = pulled.journal.identity("e", {"inum": ["e"]})._replace(omitted=("photo",))
    batch = WriteBatch()
    batch.put(partial)
    pulled.journal.writer.commit(batch)
    assert pulled.pull().code == 0
    assert pulled.command("verify").code == 0
    with sqlite3.connect(pulled.folder / "replica.db") as connection:
        for id_, edit in {
            "a": "inum = 'z'",
            "b": "attributes = '{'",
            "c": "attributes = replace(attributes, 'old', 'odd')",
            "d": "version = version + 1",
        }.items():
            connection.execute(f"UPDATE people SET {edit} WHERE id = '{id_}'")
    done = pulled.command("verify")
    assert (done.code, "of 5 people, 4 edited in the table" in done.err) == (7, True), done.err
    assert [f"  edited in the table: {id_}" in done.err for id_ in "abcd"] == [True] * 4
    assert pulled.command("verify", "--repair").code == 0
    assert pulled.command("verify").code == 0
    assert pulled.people() == pulled.dump()


def test_a_repair_goes_through_the_brake(pulled: Synced) -> None:
    """It removes no more than a pull would."""
    pulled.journal.remove("a", "b", "c", "d")
    with sqlite3.connect(pulled.folder / "replica.db") as connection:
        connection.execute("UPDATE people_sync_index SET version = 1")
        connection.execute("DELETE FROM people WHERE id = 'a'")
    assert pulled.command("verify", "--repair").code == 3
    assert [*pulled.people()] == ["b", "c", "d"]


def test_nothing_to_compare(synced: Synced) -> None:
    """Before the first run."""
    assert synced.command("verify").code == 1

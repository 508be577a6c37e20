"""How the ids that are set aside are kept, logged and known; what is too large for a server."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Connection, delete, select

from flask_gluu_changes.journal import quarantine as module
from flask_gluu_changes.journal.quarantine import (
    PACKET_RESERVE,
    Quarantine,
    Unwritable,
    count_quarantined,
)
from flask_gluu_changes.journal.records import Identity
from flask_gluu_changes.journal.tables import QUARANTINE, now
from tests.support.journals import Journal, memory_engine

NAME = "flask_gluu_changes.journal.quarantine"


@pytest.fixture
def journal() -> Journal:
    """An empty journal, built."""
    return Journal(memory_engine())


def _identity(body: int) -> Identity:
    """Make an identity with ten octets besides its body."""
    return Identity("a", "üi", "uid", 0, 0, b"key", b"x" * body)


class Server:
    """A connection to a server with a limit of its packets."""

    def __init__(self, dialect: str, octets: int) -> None:
        self.dialect = SimpleNamespace(name=dialect)
        self.octets = octets
        self.asked: list[str] = []

    def exec_driver_sql(self, statement: str) -> Any:
        """Answer the one question."""
        self.asked.append(statement)
        return SimpleNamespace(scalar_one=lambda: str(self.octets))

    def scalars(self, _: object) -> list[str]:
        """Nobody is set aside."""
        return []


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
def test_a_server_with_a_limit_is_asked_for_it_once(dialect: str) -> None:
    """Half of it is for an entry, whose octets may be sent as hexadecimal digits."""
    server = Server(dialect, 2 * PACKET_RESERVE + 21)
    connection = cast(Connection, server)
    quarantine = Quarantine()
    assert [quarantine.largest_entry(connection) for _ in range(2)] == [10, 10]
    assert server.asked == ["SELECT @@max_allowed_packet"]
    quarantine.reset()
    server.octets = 100
    assert quarantine.largest_entry(connection) == 0


def test_the_reserve_of_a_packet_is_64_kibioctets() -> None:
    """For names, numbers and the text of the statement."""
    assert PACKET_RESERVE == 65_536


def test_what_is_larger_than_a_packet_is_not_sent() -> None:
    """A packet that is just as large is."""
    server = cast(Connection, Server("mysql", PACKET_RESERVE + 2 * 110))
    fits, beyond = _identity(100), _identity(101)
    changes: dict[str, Any] = {"a": fits, "b": beyond, "c": "deleted", "d": beyond}
    Quarantine().sift(server, changes)
    large = Unwritable("it is larger than the server's max_allowed_packet")
    assert changes == {"a": fits, "b": large, "c": "deleted", "d": large}


def test_a_row_has_a_short_key_the_reason_and_the_time(journal: Journal) -> None:
    """The id may be too long for an index."""
    long, before = "x" * 1000, now()
    with journal.engine.begin() as connection:
        Quarantine().write(connection, {long: Unwritable("odd"), "ü": Unwritable("odder")})
        rows = {row.id: row for row in connection.execute(select(QUARANTINE))}
    assert {id_: row.reason for id_, row in rows.items()} == {long: "odd", "ü": "odder"}
    assert all(before <= row.at <= now() for row in rows.values())
    assert rows["ü"].key == "ccea9926cd506ef041d05adbd5a2dfb7"


def test_who_is_set_aside_is_read_once_until_another_may_have_written(journal: Journal) -> None:
    """What was read counts, whoever deletes it behind the back of the writer."""
    quarantine = Quarantine()
    with journal.engine.begin() as connection:
        ids = quarantine.write(connection, {"a": Unwritable("odd")})
        quarantine.note(ids, {"a": Unwritable("odd")})
        connection.execute(delete(QUARANTINE))
        assert quarantine.ids(connection) == {"a"}
        assert count_quarantined(connection) == 0
        quarantine.reset()
        assert quarantine.ids(connection) == set()


def test_only_what_a_batch_names_is_set_aside_or_taken_back(journal: Journal) -> None:
    """Others stay, and who is odd again stays with the first reason."""
    quarantine = Quarantine()
    with journal.engine.begin() as connection:
        for changes in (
            {"a": Unwritable("1"), "b": Unwritable("1"), "c": Unwritable("1")},
            {"a": Unwritable("2"), "b": "deleted", "x": "deleted"},
        ):
            ids = quarantine.write(connection, changes)
            quarantine.note(ids, changes)
        found = connection.execute(select(QUARANTINE.c.id, QUARANTINE.c.reason))
        assert {(row.id, row.reason) for row in found} == {("a", "1"), ("c", "1")}
    assert ids == {"a", "c"}


def test_a_long_id_is_cut_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """After a hundred characters, in ASCII."""
    caplog.set_level(logging.INFO)
    quarantine, id_ = Quarantine(), "ü" + "x" * 100
    quarantine.note({id_}, {id_: Unwritable("odd")})
    quarantine.note(set(), {})
    shown = "'\\xfc" + "x" * 99 + "'"
    text = f"the entry {shown} cannot be written and is left out until it changes: odd"
    assert caplog.record_tuples == [
        (NAME, logging.ERROR, text),
        (NAME, logging.INFO, f"the entry {shown} is no longer left out"),
    ]
    assert module.LONGEST_NAME == 100

"""Whoever meets a damaged journal says so in one sentence, and what is to be done about it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Engine, LargeBinary, column, table, update

from flask_gluu_changes.journal.damage import JournalDamaged
from flask_gluu_changes.journal.reader import JournalReader
from flask_gluu_changes.journal.tables import STATE
from tests.support.damaged import COMMANDS, FORMS, VALUE, DamagedJournal
from tests.support.journals import Journal

RAW = table(STATE.name, column("version"), column("source", LargeBinary))
REMEDY = "restore the journal's database from a backup, or drop its tables"
STATUS_OF = {"doctor": 1, "status": 2, "status for programs": 2, "status for Nagios": 2}


def _written(table: str, column: str, value: object) -> Callable[[Path], None]:
    """Return what writes a value into the last row of a table."""

    def write(file: Path) -> None:
        of_living = " WHERE removed IS NULL" if table == "entry" else ""
        row = f"(SELECT max(rowid) FROM gluu_changes_{table}{of_living})"
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            statement = f"UPDATE gluu_changes_{table} SET {column} = ? WHERE rowid = {row}"
            assert connection.execute(statement, (value,)).rowcount == 1

    return write


def _overwritten(begin: int, octets: bytes) -> Callable[[Path], None]:
    """Return what overwrites a part of a file."""

    def write(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[begin : begin + len(octets)] = octets
        file.write_bytes(content)

    return write


class Damage(NamedTuple):
    """What is done to a journal, what is said of it, and who does not read it."""

    hand: Callable[[Path], object]
    said: str
    unaware: frozenset[str] = frozenset()


OF_STATE = frozenset({"list", "by time"})
OF_FOLLOW = frozenset({"list", *FORMS})


OF_ALL = {
    "the file's head": Damage(_overwritten(0, b"no database"), "file is not a database"),
    "a page of the schema": Damage(_overwritten(100, b"\xff" * 50), "malformed"),
    "an epoch": Damage(_written("state", "epoch", b"\xff\xfe"), "its state", OF_STATE),
    "a source": Damage(_written("state", "source", b"\xff\xfe"), "UnicodeDecodeError"),
    "a cookie": Damage(_written("state", "cookie", b"\xff\xfe"), "UnicodeDecodeError", OF_FOLLOW),
    "a head": Damage(_written("state", "head", 2**63 - 1), "head", OF_STATE),
    "a version": Damage(_written("state", "version", 2**60), "the version of its state", OF_FOLLOW),
    "a confirmation": Damage(
        _written("state", "confirmed_at", 2**62), "the confirmed_at of its", OF_FOLLOW
    ),
}
OF_ROWS = {
    "a time": _written("entry", "changed_at", -(2**63)),
    "a time of another type": _written("entry", "changed_at", b"\xff"),
    "a line": _written("entry", "line", b'{"@id":"6","@version":1,"uid":["' + VALUE.encode()),
    "a line of another type": _written("entry", "line", VALUE),
    "an id": _written("entry", "id", b"\xff\xfe" + VALUE.encode()),
    "an inum": _written("entry", "inum", b"\xff\xfe" + VALUE.encode()),
    "a key to sort by": _written("entry", "sort_key", VALUE),
    "a digest": _written("entry", "digest", 5),
    "who is held back": _written("held", "id", b"\xff\xfe" + VALUE.encode()),
    "who is set aside": _written("quarantine", "id", b"\xff\xfe" + VALUE.encode()),
}


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> DamagedJournal:
    """A journal that is damaged anew by each test."""
    return DamagedJournal(tmp_path_factory.mktemp("damaged"))


@pytest.fixture(autouse=True)
def no_values(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No value of a person is in any line of the log, nor a traceback."""
    caplog.set_level(logging.INFO)
    yield
    assert VALUE not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("damage", OF_ALL)
def test_commands_end_with_what_to_do(journal: DamagedJournal, damage: str) -> None:
    """Each by its own exit code."""
    for name in COMMANDS.keys() - OF_ALL[damage].unaware:
        journal.damage(OF_ALL[damage].hand)
        code, output, error = journal.run(name)
        assert (code, error) == (STATUS_OF.get(name, 1), None), (name, output, error)
        assert OF_ALL[damage].said in output, (name, output)
        assert REMEDY in output, (name, output)


@pytest.mark.parametrize("damage", OF_ALL)
def test_clients_get_503(
    journal: DamagedJournal, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a SCIM error that says nothing of the cause, which is in the log."""
    journal.damage(OF_ALL[damage].hand)
    for name in FORMS.keys() - OF_ALL[damage].unaware:
        caplog.clear()
        answer = journal.get(name)
        assert answer.status_code == 503, (name, answer.text)
        assert answer.get_json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert "damaged" not in answer.text
        assert "the journal is damaged: " in caplog.text
        assert REMEDY in caplog.text
    assert [journal.get(name).status_code for name in ("/status", "/readyz")] == [503, 503]
    assert journal.get("/livez").status_code == 200


@pytest.mark.parametrize("damage", OF_ALL)
def test_follow_waits_until_the_file_was_moved_away(
    journal: DamagedJournal, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so, and writes nothing; without the file it reads everybody anew."""
    journal.damage(OF_ALL[damage].hand)
    before = journal.file.read_bytes()
    journal.follow()
    assert "the journal is damaged: " in caplog.text
    assert f"{REMEDY}" in caplog.text
    assert "waiting for it since" in caplog.text
    assert journal.file.read_bytes() == before
    journal.move_away()
    journal.follow()
    assert journal.run("verify")[0] == 0


@pytest.mark.parametrize("damage", OF_ROWS)
def test_a_damaged_row_ends_nothing(journal: DamagedJournal, damage: str) -> None:
    """Commands and clients get what can be read, or the sentence; `verify` never says equal."""
    for name in ("doctor", "status", "list", "verify", "repair"):
        journal.damage(OF_ROWS[damage])
        code, output, error = journal.run(name)
        assert error is None, (name, error)
        assert name == "list" or VALUE not in output, (name, output)
        assert code == 1 or name not in ("verify", "repair"), (name, output)
    journal.damage(OF_ROWS[damage])
    statuses = {name: journal.get(name).status_code for name in FORMS}
    assert {*statuses.values()} <= {200, 503}, statuses
    journal.follow()


@pytest.mark.parametrize("damage", ["a line", "a line of another type", "a digest", "a time"])
def test_what_verify_can_name_it_mends(journal: DamagedJournal, damage: str) -> None:
    """Other than the removal that is held back, nothing is wrong afterwards."""
    journal.damage(OF_ROWS[damage])
    _, output, _ = journal.run("verify")
    assert "different: 1\n  6 (" in output
    _, output, _ = journal.run("repair")
    assert "repaired: " in output
    assert "different: 0" in output


def test_a_head_before_some_rows_begins_a_new_epoch(
    journal: DamagedJournal, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is set aside because two rows meet at one place."""
    journal.damage(_written("state", "head", 2))
    journal.follow()
    assert "a new epoch begins: the journal holds rows behind its head" in caplog.text
    assert "cannot be written" not in caplog.text
    assert journal.get("everybody").status_code == 200


@pytest.mark.parametrize("engine", ["postgres", "mariadb"], indirect=True)
def test_a_server_that_returns_other_octets(engine: Engine) -> None:
    """The types of its columns hold, so what is left are text and numbers."""
    journal, reader = Journal(engine), JournalReader(engine)
    journal.put("a")
    for values, said in (({"version": 2**60}, "version"), ({"source": b"\xff"}, "UnicodeDecode")):
        journal.writer.state()
        with engine.begin() as connection:
            connection.execute(update(RAW).values(values))
        for ask in (reader.status, journal.writer.state):
            with pytest.raises(JournalDamaged, match=f"{said}.*{REMEDY}"):
                ask()
        with engine.begin() as connection:
            connection.execute(update(RAW).values(version=1, source=b""))

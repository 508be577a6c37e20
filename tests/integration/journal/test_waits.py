"""Every wait for a database ends by the settings, for the source and for the journal."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Any, TypeAlias

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from flask_gluu_changes import BackendUnavailable, ChangesQuery
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.journal.failures import JournalUnavailable
from flask_gluu_changes.journal.reader import JournalReader
from flask_gluu_changes.journal.tables import METADATA, engine_from_config, open_engine
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.testing import LONG_AGO, person
from tests.support.journals import Journal
from tests.support.lines import Port, Relay, silent_port
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres
from tests.support.processes import standing_still
from tests.support.relational import Relational

Database: TypeAlias = Postgres | MariaDb

SHORT: Any = {"connect_timeout": 1.0, "operation_timeout": 1.0}
PATIENCE = 10.0
"""Seconds; without an end of the waits it is for ever."""

MARIADB_GREETING = b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB\0".ljust(78, b"a")

FAILURES = (BackendUnavailable, JournalUnavailable, SQLAlchemyError)

pytestmark = pytest.mark.timeout(120)


@contextmanager
def soon() -> Iterator[None]:
    """Expect an end within a small multiple of the settings."""
    began = monotonic()
    yield
    assert monotonic() - began < PATIENCE


@pytest.fixture(params=["postgres", "mariadb"])
def running(request: pytest.FixtureRequest) -> Database:
    """Each server, which goes on after the test."""
    server: Database = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def people(running: Database) -> Iterator[Relational]:
    """One person in a table."""
    people = Relational(create_engine(running.url))
    people.add("1", person("a"))
    yield people
    people.close()


def count(backend: SqlBackend) -> int:
    """Count the people that a backend gives."""
    return len(list(backend.changes(ChangesQuery(LONG_AGO))))


def test_a_silent_source_is_unavailable(running: Database, people: Relational) -> None:
    """On a connection of before, on a new one, and it answers again with its server."""
    backend = SqlBackend(running.url, **SHORT)
    assert count(backend) == 1
    with standing_still(running.pid):
        for _ in range(2):
            with soon(), pytest.raises(BackendUnavailable):
                count(backend)
    assert count(backend) == 1
    backend.close()


def test_a_silent_journal_is_unavailable(running: Database) -> None:
    """For readers and for the writer, on connections of before and on new ones."""
    journal = Journal(open_engine(running.url, **SHORT))
    journal.put("a")
    calls: list[Callable[[], object]] = [
        journal.backend.latest,
        lambda: [*journal.backend.changes(ChangesQuery(LONG_AGO))],
        journal.writer.renew,
        lambda: Writer(journal.engine).acquire(),
    ]
    with standing_still(running.pid):
        for call in calls:
            with soon(), pytest.raises(FAILURES):
                call()
    for call in calls:
        call()
    _drop(journal)


def test_a_silence_within_a_transaction_ends(running: Database) -> None:
    """As long as a statement, and no connection of that time is used afterwards."""
    engine = open_engine(running.url, **SHORT)
    connection = engine.connect()
    connection.exec_driver_sql("SELECT 1")
    with standing_still(running.pid), soon(), pytest.raises(SQLAlchemyError):
        connection.exec_driver_sql("SELECT 2")
    connection.close()
    with engine.connect() as after:
        assert after.exec_driver_sql("SELECT 3").scalar() == 3
    engine.dispose()


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_port_that_says_nothing_is_unavailable(scheme: str) -> None:
    """The time-out for connecting holds until somebody has logged in."""
    with silent_port() as silent:
        url = f"{scheme}://a:b@127.0.0.1:{silent.port}/c"
        reader, backend = JournalReader(open_engine(url, **SHORT)), SqlBackend(url, **SHORT)
        with soon(), pytest.raises(BackendUnavailable):
            reader.head()
        with soon(), pytest.raises(BackendUnavailable):
            count(backend)


def test_a_login_that_drips_is_unavailable() -> None:
    """The time-out for connecting holds for the whole login, and not for each octet of it."""

    def drip(line: socket.socket) -> None:
        for octet in MARIADB_GREETING:
            line.sendall(bytes([octet]))
            time.sleep(0.2)

    with Port(drip) as dripping:
        url = f"mysql+pymysql://a:b@127.0.0.1:{dripping.port}/c"
        with soon(), pytest.raises(BackendUnavailable):
            count(SqlBackend(url, **SHORT))


def test_the_settings_bound_the_waits_of_a_journal() -> None:
    """Of web nodes and of `follow`, which open it by the same function."""
    with silent_port() as silent:
        url = f"mysql+pymysql://a:b@127.0.0.1:{silent.port}/c"
        config = {"JOURNAL_URL": url, "JOURNAL_CONNECT_TIMEOUT": 1, "TOKEN_SECRET": "x" * 32}
        engine = engine_from_config({f"GLUU_CHANGES_{name}": v for name, v in config.items()})
        with soon(), pytest.raises(BackendUnavailable):
            JournalReader(engine).head()
        with soon(), pytest.raises(JournalUnavailable):
            Writer(engine).acquire()


def test_lines_that_were_dropped_cost_no_answer(running: Database) -> None:
    """Each is asked before it is used, and after the first one that is dead none is used."""
    with Relay(running.port) as relay:
        url = make_url(running.url).set(port=relay.port)
        journal = Journal(open_engine(url.render_as_string(hide_password=False), **SHORT))
        with ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(journal.engine.connect())
        relay.drop()
        with soon():
            for _ in range(5):
                journal.backend.latest()
        _drop(journal)


def _drop(journal: Journal) -> None:
    METADATA.drop_all(journal.engine)
    journal.backend.close()

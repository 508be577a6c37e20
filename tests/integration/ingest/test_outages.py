"""`follow` waits for a journal that is away, and nobody who froze keeps others from following."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from flask_gluu_changes.journal.tables import METADATA, open_engine
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.testing import person
from tests.support.filling import Filler, Journal
from tests.support.mariadb import MariaDb
from tests.support.memory_people import MemoryPeople
from tests.support.postgres import Postgres
from tests.support.processes import standing_still

SERVERS = pytest.mark.parametrize("kind", [Postgres, MariaDb])
LEASE = 2.0

FREEZES = """
import os, signal, sys
from flask_gluu_changes.journal.tables import open_engine
from flask_gluu_changes.journal.writer import Writer
writer = Writer(open_engine(sys.argv[1]), seconds=float(sys.argv[2]))
assert writer.acquire()
with writer._transaction():
    os.kill(os.getpid(), signal.SIGSTOP)
print("woken")
"""


@pytest.fixture
def people() -> MemoryPeople:
    """A store with one person."""
    store = MemoryPeople()
    store.add("1", person("ann"))
    return store


@SERVERS
def test_a_journal_that_goes_and_comes(
    kind: type[Postgres | MariaDb],
    people: MemoryPeople,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It goes on by itself, and says so once and not with each try."""
    caplog.set_level("INFO", "flask_gluu_changes")
    with kind() as server:
        journal = Journal(tmp_path, server.url)
        with Filler(journal, people.backend, FOLLOW_INTERVAL=0.02) as filler:
            filler.built()
            for number in ("2", "3"):
                caplog.clear()
                server.stop()
                people.add(number, person("bob", updated=datetime.now(UTC)))
                _await(caplog, "the journal cannot be used")
                time.sleep(1.0)  # some tries later
                server.start()
                filler.until(lambda number=number: number in journal.living())  # type: ignore[misc]
                _await(caplog, "it goes on")
                lines = [line for line in caplog.messages if "cannot be used" in line]
                assert len(lines) == 1
                assert server.url not in lines[0]
        journal.engine.dispose()


@SERVERS
def test_a_journal_that_is_not_up_yet(
    kind: type[Postgres | MariaDb], people: MemoryPeople, tmp_path: Path
) -> None:
    """Neither the server nor the tables are there when `follow` starts."""
    with kind() as server:
        journal = Journal(tmp_path, server.url)
        METADATA.drop_all(journal.engine)
        journal.engine.dispose()
        server.stop()
        with Filler(journal, people.backend, FOLLOW_INTERVAL=0.02) as filler:
            time.sleep(1.0)
            assert filler.error is None
            server.start()
            deadline = time.monotonic() + 30
            while not journal_is_there(journal) and time.monotonic() < deadline:
                time.sleep(0.05)
            filler.built()
        journal.engine.dispose()


@SERVERS
def test_a_journal_that_stands_still(
    kind: type[Postgres | MariaDb],
    people: MemoryPeople,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is waited for as one that is away, and nothing is lost."""
    caplog.set_level("INFO", "flask_gluu_changes")
    limits: Any = {"JOURNAL_OPERATION_TIMEOUT": 1, "JOURNAL_CONNECT_TIMEOUT": 1}
    with kind() as server:
        journal = Journal(tmp_path, server.url)
        with Filler(journal, people.backend, FOLLOW_INTERVAL=0.02, **limits) as filler:
            filler.built()
            with standing_still(server.pid):
                people.add("2", person("bob", updated=datetime.now(UTC)))
                _await(caplog, "the journal cannot be used")
            filler.until(lambda: "2" in journal.living())
        journal.engine.dispose()


def journal_is_there(journal: Journal) -> bool:
    """Tell whether the tables have been made."""
    try:
        return bool(journal.state())
    except Exception:
        return False


def test_a_full_disk(tmp_path: Path, people: MemoryPeople) -> None:
    """What could not be written comes when there is room again."""
    journal, full = Journal(tmp_path), True
    filler = Filler(journal, people.backend, FOLLOW_INTERVAL=0.02, FOLLOW_SWEEP=0.02)

    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={30 if full else 10**6}").close()

    event.listen(filler.engine, "begin", limit)
    with filler:
        filler.built()
        for number in range(300):
            people.add(f"n{number}", {**person("bob"), "description": [b"x" * 1000]})
        time.sleep(1.0)
        assert filler.error is None
        assert set(journal.living()) == {"1"}
        assert journal.quarantined() == []
        full = False
        filler.until(lambda: len(journal.living()) == 301)
    journal.engine.dispose()


@contextmanager
def frozen(url: str) -> Iterator[subprocess.Popen[str]]:
    """Have a process take the lease and stop within a transaction; it is there for the block."""
    command = [sys.executable, "-c", FREEZES, url, str(LEASE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        yield process
        process.kill()


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a journal."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/journal.db"
        return
    made = str(request.getfixturevalue(request.param).url)
    yield made
    engine = open_engine(made)
    METADATA.drop_all(engine)
    engine.dispose()


def test_a_holder_that_froze_within_a_transaction(url: str, tmp_path: Path) -> None:
    """Another one takes over within two leases, and writes."""
    Journal(tmp_path, url).engine.dispose()
    engine = open_engine(url)
    with frozen(url) as process:
        standby, began = Writer(engine, seconds=LEASE), time.monotonic()
        while not standby.acquire():
            time.sleep(LEASE / 3)
        took = time.monotonic() - began
        standby.renew()
        if not url.startswith("sqlite"):  # there its lock ends with it
            process.send_signal(signal.SIGCONT)
            process.wait(20)
        standby.renew()
    assert LEASE * 0.8 < took < 2 * LEASE
    engine.dispose()


def test_a_waiting_one_takes_no_lock(url: str, tmp_path: Path) -> None:
    """While the lease holds, the holder's transactions may take their time."""
    Journal(tmp_path, url).engine.dispose()
    one, two = open_engine(url), open_engine(url)
    holder, standby = Writer(one, seconds=60), Writer(two, seconds=60)
    assert holder.acquire()
    with holder._transaction():
        began = time.monotonic()
        assert not standby.acquire()
        assert time.monotonic() - began < 5
    holder.release()
    assert standby.acquire()
    one.dispose()
    two.dispose()


def _await(caplog: pytest.LogCaptureFixture, words: str) -> None:
    deadline = time.monotonic() + 30
    while not any(words in message for message in caplog.messages):
        assert time.monotonic() < deadline, caplog.messages
        time.sleep(0.02)

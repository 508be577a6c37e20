"""Transactions that read a journal in a file, on connections that are kept for the next ones."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, event

from flask_gluu_changes.journal.transactions import ReadTransactions
from tests.support.journals import Journal, file_engine, memory_engine

THREADS = 4


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A journal in a file."""
    engine = file_engine(tmp_path)
    Journal(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def opened(engine: Engine) -> list[object]:
    """The connections that were opened from now on."""
    engine.dispose()
    noted: list[object] = []
    event.listen(engine, "connect", lambda connection, _: noted.append(connection))
    return noted


def test_one_after_the_other_takes_the_same_connection(
    engine: Engine, opened: list[object]
) -> None:
    """And leaves it idle, outside of any transaction."""
    transactions = ReadTransactions(engine)
    for _ in range(3):
        with transactions.begin() as cursor:
            cursor.execute("SELECT head FROM gluu_changes_state")
            assert transactions.connections() == (0, 1)
    (connection,) = opened
    assert isinstance(connection, sqlite3.Connection)
    assert not connection.in_transaction
    assert transactions.connections() == (1, 0)


def test_each_thread_has_a_connection_of_its_own(engine: Engine, opened: list[object]) -> None:
    """However many of them read at a time: none waits for another."""
    transactions, all_within = ReadTransactions(engine), Barrier(THREADS, timeout=10)

    def read(_: int) -> None:
        with transactions.begin() as cursor:
            all_within.wait()
            cursor.execute("SELECT 1")

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(2):
            list(pool.map(read, range(THREADS)))
    assert len(opened) == THREADS
    assert transactions.connections() == (THREADS, 0)


def test_an_error_ends_the_transaction_and_keeps_the_connection(
    engine: Engine, opened: list[object]
) -> None:
    """A client that asks for what is not there costs no connection."""
    transactions = ReadTransactions(engine)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError), transactions.begin() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
    assert len(opened) == 1
    assert transactions.connections() == (1, 0)


def test_what_cannot_be_rolled_back_is_not_used_again(engine: Engine, opened: list[object]) -> None:
    """The next transaction opens another connection."""
    transactions = ReadTransactions(engine)
    with transactions.begin():
        (connection,) = opened
        assert isinstance(connection, sqlite3.Connection)
        connection.close()
    assert transactions.connections() == (0, 0)
    with transactions.begin() as cursor:
        assert cursor.execute("SELECT 1").fetchall() == [(1,)]
    assert len(opened) == 2


def test_rows_that_nobody_wanted_any_more_do_not_disturb_the_next(engine: Engine) -> None:
    """A reader that stops within its rows leaves no lock behind: the file can be emptied."""
    transactions = ReadTransactions(engine)
    with transactions.begin() as cursor:
        cursor.execute("SELECT 1 UNION SELECT 2")
        cursor.fetchone()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0] == 0


def test_disposing_of_the_engine_closes_them(engine: Engine, opened: list[object]) -> None:
    """So that a backend that is closed holds no file, and a fork inherits none."""
    transactions = ReadTransactions(engine)
    with transactions.begin():
        pass
    engine.dispose()
    assert transactions.connections() == (0, 0)
    (connection,) = opened
    assert isinstance(connection, sqlite3.Connection)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_forked_process_opens_its_own(engine: Engine, opened: list[object]) -> None:
    """SQLite's connections may not even be known to a child."""
    transactions = ReadTransactions(engine)
    with transactions.begin():
        pass
    context = multiprocessing.get_context("fork")
    numbers: multiprocessing.queues.SimpleQueue[int] = context.SimpleQueue()
    child = context.Process(target=_count_in_child, args=(transactions, opened, numbers))
    child.start()
    child.join(10)
    assert numbers.get() == 2
    assert numbers.get() == 1


def _count_in_child(
    transactions: ReadTransactions,
    opened: list[object],
    numbers: multiprocessing.queues.SimpleQueue[int],
) -> None:
    """Tell how many connections were opened in all, and how many are idle afterwards."""
    with transactions.begin() as cursor:
        cursor.execute("SELECT 1")
    numbers.put(len(opened))
    numbers.put(transactions.connections()[0])


def test_a_journal_in_memory_is_its_one_connection() -> None:
    """Another one would be another journal."""
    engine = memory_engine()
    Journal(engine)
    with ReadTransactions(engine).begin() as cursor:
        assert cursor.execute("SELECT count(*) FROM gluu_changes_state").fetchall() == [(1,)]

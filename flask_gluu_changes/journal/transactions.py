"""Transactions that read a journal by the driver's own cursor, each from one state of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from typing import Any, TypeAlias, cast

from sqlalchemy import Engine, QueuePool, Select, event
from sqlalchemy.engine.interfaces import DBAPICursor

from ..database import CompiledQuery, numbers_of
from .tables import reader_engine

FETCH_SIZE = 1000
"""Rows that a server sends at a time where there may be many."""

Streaming: TypeAlias = tuple[DBAPICursor, Callable[[], Iterable[Any]]]
"""A cursor, and what executes a statement and returns its rows as they come."""


class ReadTransactions:
    """Begins the transactions of a process that read a journal.

    Attributes:
        engine: What connects them.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = reader_engine(engine)
        is_file = engine.dialect.name == "sqlite" and isinstance(engine.pool, QueuePool)
        self._files = SqlitePool(engine) if is_file else None

    def begin(self) -> AbstractContextManager[DBAPICursor]:
        """Return the context of a transaction, which is a cursor of the driver."""
        return self._files.begin() if self._files else _transaction(self.engine)

    def connections(self) -> tuple[int, int]:
        """Return how many connections are idle, and in use."""
        idle, used = numbers_of(self.engine)
        # of the engine's own idle ones it is not known which are open
        return (self._files.idle, used + self._files.used) if self._files else (idle, used)


class StreamedQuery:
    """A SELECT whose rows may be many, and are not all held in memory."""

    def __init__(self, statement: Select[Any], transactions: ReadTransactions) -> None:
        self._statement = statement
        self._transactions = transactions
        self._compiled = CompiledQuery(statement, transactions.engine.dialect)

    def begin(self, **values: object) -> AbstractContextManager[Streaming]:
        """Return the context of a transaction, which is a cursor and what executes the query."""
        is_sqlite = self._transactions.engine.dialect.name == "sqlite"
        return self._of_sqlite(values) if is_sqlite else self._of_server(values)

    @contextmanager
    def _of_sqlite(self, values: dict[str, object]) -> Iterator[Streaming]:
        """SQLite's own cursors read no further than they are asked for."""
        with self._transactions.begin() as cursor:
            yield cursor, lambda: cast(Any, self._compiled.run(cursor, **values))

    @contextmanager
    def _of_server(self, values: dict[str, object]) -> Iterator[Streaming]:
        with self._transactions.engine.begin() as connection:
            streamed = connection.execution_options(yield_per=FETCH_SIZE)
            cursor = connection.connection.cursor()
            yield cursor, partial(streamed.execute, self._statement, values)


class SqlitePool:
    """Lends connections to a file of SQLite for one transaction each.

    An engine's own pool takes longer to lend one than SQLite to answer a poll. There are never more
    than threads that read at a time. They are closed when the engine is disposed of, as before each
    fork.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: list[Any] = []
        self._lent: set[Any] = set()
        event.listen(engine, "engine_disposed", lambda _: self._close_idle())

    @property
    def idle(self) -> int:
        """The number of connections that nobody uses."""
        return len(self._idle)

    @property
    def used(self) -> int:
        """The number of connections in use."""
        return len(self._lent)

    @contextmanager
    def begin(self) -> Iterator[DBAPICursor]:
        """Yield a cursor within a transaction, which ends with the block."""
        connection = self._take()
        cursor = connection.cursor()
        try:
            cursor.execute("BEGIN")
            yield cursor
        finally:
            self._give_back(connection, cursor)

    def _take(self) -> Any:
        try:
            connection = self._idle.pop()  # of several threads each gets another one
        except IndexError:
            opened = self._engine.raw_connection()
            connection = opened.driver_connection
            opened.detach()
        self._lent.add(connection)
        return connection

    def _give_back(self, connection: Any, cursor: DBAPICursor) -> None:
        self._lent.discard(connection)
        try:
            cursor.close()
            connection.rollback()
        except self._engine.dialect.loaded_dbapi.Error:
            connection.close()
        else:
            self._idle.append(connection)

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


@contextmanager
def _transaction(engine: Engine) -> Iterator[DBAPICursor]:
    """Yield a cursor of the driver within a transaction, which ends with the block.

    SQLAlchemy's pool rolls back what it gets back. Its connections matter only for what they set:
    the isolation, which SQLite has anyway.
    """
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
            cursor.execute("BEGIN")
            yield cursor
    else:  # the other drivers begin by themselves
        with engine.connect() as connection, closing(connection.connection.cursor()) as cursor:
            yield cursor

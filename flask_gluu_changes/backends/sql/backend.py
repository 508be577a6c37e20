"""The relational backend: SQLAlchemy Core underneath, Gluu's tables behind."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, Row
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ...backend import Backend
from ...model import ChangesQuery, Entry, Finding, Value
from ...settings.backends import SqlSettings
from ...values import AttributeType
from .columns import Reader
from .doctor import examine
from .engine import engine_of, leave_to_parent, transactions
from .errors import is_stale, translated
from .schema import DatabaseSchema, TableInfo
from .statement import QueryPlan, create_index, plan_query

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 500
"""Rows that are fetched together; memory stays flat however long the answer is."""


class SqlBackend(Backend):
    """Serves the people of a table in PostgreSQL, MariaDB, MySQL or SQLite.

    database: a URL, or the host's own Engine (of Flask-SQLAlchemy: `db.engine`), whose pool and
    timeouts then stay as the host has set them. Nothing is connected before the first request.
    The timeouts are in seconds.
    """

    def __init__(
        self,
        database: str | URL | Engine,
        *,
        table: str = "gluuPerson",
        attributes_table: str = "gluuAttribute",
        connect_timeout: float = 3.0,
        operation_timeout: float = 30.0,
    ) -> None:
        if isinstance(database, Engine):
            self._engine = database
        else:
            waits = {"connect_timeout": connect_timeout, "operation_timeout": operation_timeout}
            self._engine = engine_of(database, **waits)
        self._whole = transactions(self._engine)
        self._unusual = self._engine.dialect.loaded_dbapi.Error, TypeError
        self._process = os.getpid()
        self._schema = DatabaseSchema(table, attributes_table)
        self._warned = False
        self._quiet: datetime | None = None
        self._asked: tuple[object, QueryPlan | None] = None, None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SqlBackend:
        """Build it from an application's `GLUU_CHANGES_SQL_…` keys."""
        settings = SqlSettings.load(config)
        return cls(
            settings.sql_url,
            table=str(settings.sql_table),
            attributes_table=settings.sql_attributes_table or "",
            connect_timeout=settings.sql_connect_timeout,
            operation_timeout=settings.sql_operation_timeout,
        )

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Stream the matching rows in the order in which the database finds them."""
        return chain.from_iterable(self._parts(query))

    def attribute_type(self, name: str) -> AttributeType | None:
        """Give the registered type, else the one of the column."""
        table_info = self._schema.fresh()
        if table_info is None:
            with translated("reading the table of people"), self._connect() as connection:
                table_info = self._schema.read(connection)
        return table_info.types.get(name.lower())

    def examine(self, query: ChangesQuery) -> Iterator[Finding]:
        """Examine connection, table, indexes, clock, rights and what may cut answers short."""
        with translated("examining the database"), self._connect() as connection:
            self._schema.forget()
            yield from examine(connection, self._schema.read(connection), query)

    def close(self) -> None:
        """Close the idle connections."""
        self._engine.dispose()

    def _parts(self, query: ChangesQuery) -> Iterator[Iterable[Entry]]:
        with translated("reading the people"):
            found = False
            try:
                for part in self._stream(query):
                    found = True
                    yield part
            except SQLAlchemyError as error:
                if found or not is_stale(error):
                    raise
                yield from self._stream(query)

    def _stream(self, query: ChangesQuery) -> Iterator[Iterable[Entry]]:
        try:
            if self._still_quiet(query):
                return
            with self._connect() as connection:
                table_info = self._schema.fresh() or self._read_layout(connection, query)
                yield from self._entries(connection, query, self._question(query, table_info))
        except DBAPIError:
            self._schema.forget()
            raise

    def _still_quiet(self, query: ChangesQuery) -> bool:
        """Ask whether there is anybody, where the last answer was nobody: most polls are so."""
        table_info = self._schema.fresh()
        if table_info is None or self._quiet is None or self._quiet > query.since:
            return False
        asked = self._question(query, table_info)
        self._process = leave_to_parent(self._engine, self._process)
        with closing(self._engine.raw_connection()) as connection, suppress(*self._unusual):
            (newest,) = asked.newest.run(connection.cursor()).fetchall()
            return asked.is_past(newest, query, self._engine.dialect.name)
        return False  # SQLAlchemy, which asks next, knows what to do about failures

    def _entries(
        self, connection: Connection, query: ChangesQuery, asked: QueryPlan
    ) -> Iterator[Iterable[Entry]]:
        dialect, found = connection.dialect.name, 0
        streaming = connection.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE)
        parameters = asked.parameters(query, dialect)
        with streaming.execute(asked.everything, parameters) as result:
            for rows in result.partitions():
                found += len(rows)
                part = map(partial(_entry, asked.names, asked.read), rows)
                yield part if dialect != "sqlite" else filter(query.matches, part)
        self._quiet = None if found else query.since

    def _question(self, query: ChangesQuery, table_info: TableInfo) -> QueryPlan:
        key = (table_info, query.attributes, query.excluded, query.time_attributes)
        known, asked = self._asked
        if asked is None or key != known:
            asked = plan_query(query, table_info, self._engine.dialect)
            self._asked = key, asked
        return asked

    def _read_layout(self, connection: Connection, query: ChangesQuery) -> TableInfo:
        table_info = self._schema.read(connection)
        slow = table_info.without_index(query.time_attributes)
        if slow and not self._warned:
            self._warned = True
            advice = create_index(connection.dialect, table_info.table, slow)
            log.warning("every poll reads the whole table %s; run %s", table_info.table, advice)
        connection.rollback()
        return table_info

    def _connect(self) -> Connection:
        self._process = leave_to_parent(self._engine, self._process)
        return self._whole.connect()


def _entry(names: Sequence[str], read: Sequence[tuple[str, Reader]], row: Row[Any]) -> Entry:
    """Turn a row into an entry; NULL and an empty array mean that there is no value."""
    cells = zip(names, row, strict=True)
    entry: dict[str, Sequence[Value]] = {name: (cell,) for name, cell in cells if cell is not None}
    for name, values_of in read:
        if name in entry:
            entry[name] = values_of(entry[name][0])
            if not entry[name]:
                del entry[name]
    return entry

"""The relational backend: SQLAlchemy Core underneath, Gluu's tables behind."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ...backend import Backend
from ...database import name_of, notice_forks, numbers_of, warn_unless_encrypted
from ...errors import BackendUnavailable
from ...model import ChangesQuery, Entry, Finding
from ...settings.backends import SqlSettings
from ...settings.fields import PREFIX
from ...values import AttributeType
from ...visibility import AttributeInfo
from .batches import batches
from .columns import Reader
from .doctor import examine
from .engine import make_engine, streaming_engine
from .errors import is_stale, is_undecodable, translated
from .schema import DatabaseSchema, TableInfo
from .session import AnyConnection, any_text, as_needed
from .statement import QueryPlan, plan_query

log = logging.getLogger(__name__)


class SqlBackend(Backend):
    """A backend that serves the people of a table in PostgreSQL, MariaDB, MySQL or SQLite.

    Nothing is connected before the first request.
    """

    def __init__(
        self,
        database: str | URL | Engine,
        *,
        table: str | None = None,
        attributes_table: str | None = None,
        columns: Mapping[str, str] | None = None,
        connect_timeout: float = 3.0,
        operation_timeout: float = 30.0,
    ) -> None:
        """Choose the database and its tables.

        Args:
            database: A URL, or the host's own Engine (of Flask-SQLAlchemy: `db.engine`), whose
                pool and timeouts then stay as the host has set them.
            table: The table of people; None: `gluuPerson`.
            attributes_table: The table of registered attribute types; empty: none; None:
                `gluuAttribute`.
            columns: The column of each attribute; others are not read. None: each column is an
                attribute of its own name.
            connect_timeout: The longest wait for a connection, in seconds.
            operation_timeout: The longest wait for a lock, and for the next part of an answer, in
                seconds.

        Raises:
            ConfigurationError: The URL cannot be read, or its driver is not installed.
        """
        self._is_hosts = isinstance(database, Engine)
        if isinstance(database, Engine):
            self._engine = database
            notice_forks(database)
        else:
            timeouts = {"connect_timeout": connect_timeout, "operation_timeout": operation_timeout}
            self._engine = make_engine(database, **timeouts)
        self._streaming_engine = streaming_engine(self._engine)
        # TypeError: SQLite stores anything as a time, and text cannot be compared with a number.
        self._driver_failures = self._engine.dialect.loaded_dbapi.Error, TypeError
        given = {"TABLE": table, "ATTRIBUTES_TABLE": attributes_table, "COLUMNS": columns}
        self._not_given = [f"{PREFIX}SQL_{name}" for name, value in given.items() if value is None]
        self._schema = DatabaseSchema(
            "gluuPerson" if table is None else table,
            "gluuAttribute" if attributes_table is None else attributes_table,
            columns or {},
        )
        self._warned = False
        self._any_text = False
        self._none_since: datetime | None = None
        self._cached_plan: tuple[object, QueryPlan | None] = None, None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, engine: Engine | None = None) -> SqlBackend:
        """Return a backend for an application's `GLUU_CHANGES_SQL_…` keys.

        Args:
            config: The application's config.
            engine: The host's own Engine, in place of `GLUU_CHANGES_SQL_URL` and the timeouts.

        Raises:
            ConfigurationError: A key is missing, unknown or wrong.
        """
        settings = SqlSettings.load(config)
        backend = cls(
            engine or settings.database_url(),
            table=settings.sql_table,
            attributes_table=settings.sql_attributes_table,
            columns=dict(settings.sql_columns),
            connect_timeout=settings.sql_connect_timeout,
            operation_timeout=settings.sql_operation_timeout,
        )
        warn_unless_encrypted(backend._engine.url, "GLUU_CHANGES_SQL_URL")
        return backend

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Stream the matching rows in the order in which the database finds them.

        Args:
            query: Who is asked for, and which attributes are needed.

        Raises:
            BackendUnavailable: The database cannot be reached, or takes too long.
            BackendRefused: The database refuses the statement, or a setting does not fit it.
        """
        return chain.from_iterable(self._batches(query))

    def attribute_type(self, name: str) -> AttributeType | None:
        """Return the registered type of an attribute, else the one of its column.

        Args:
            name: The attribute's name without options, in any case.

        Raises:
            BackendError: The table has to be looked at and cannot be.
        """
        return self._table_info().types.get(name.lower())

    def store_name(self) -> str:
        """Return the database and the tables; empty for an engine of the host's own making."""
        if self._is_hosts or not (name := name_of(self._engine)):
            return ""
        return repr((name, self._schema.names))

    def describe(self, name: str) -> AttributeInfo | None:
        """Return what is known of the column of an attribute; None where there is none.

        Args:
            name: The attribute's name, in lower case.

        Raises:
            BackendError: The table has to be looked at and cannot be.
        """
        return self._table_info().describe(name)

    def ping(self, query: ChangesQuery) -> None:
        """Have the database answer on a connection, which may be one that it closed meanwhile.

        Args:
            query: Is not asked: without an index a database would read everybody.

        Raises:
            BackendError: The database cannot be asked.
        """
        with translated("asking whether the database answers"):
            try:
                self._select_one()
            except SQLAlchemyError as error:
                if not is_stale(error):
                    raise
                self._select_one()

    def _select_one(self) -> None:
        with self._connect() as connection:
            connection.execute(select(1))

    def examine(self, query: ChangesQuery) -> Iterator[Finding]:
        """Examine connection, table, indexes, clock, rights and what may cut answers short.

        Args:
            query: What the feed would ask.

        Raises:
            BackendError: The database cannot be asked.
        """
        with translated("examining the database"), self._connect() as connection:
            self._schema.forget()
            yield from examine(connection, self._schema.read(connection), query)

    def ignored_settings(self, config: Mapping[str, Any]) -> list[str]:
        """Return the keys for tables and columns that were set for a backend made without them.

        Args:
            config: The application's config.
        """
        return [key for key in self._not_given if key in config]

    def connections(self) -> Mapping[str, tuple[int, int]]:
        """Return how many connections to the database are idle, and in use."""
        return {"sql": numbers_of(self._engine)}

    def close(self) -> None:
        """Close the idle connections."""
        self._engine.dispose()

    def _table_info(self) -> TableInfo:
        table_info = self._schema.current()
        if table_info is not None:
            return table_info
        with translated("reading the table of people"), self._connect() as connection:
            return self._schema.read(connection)

    def _batches(self, query: ChangesQuery) -> Iterator[Iterable[Entry]]:
        with translated("reading the people"):
            found = False
            try:
                for batch in self._stream(query):
                    found = True
                    yield batch
            except SQLAlchemyError as error:
                if is_undecodable(error):
                    self._any_text = True
                    if found:  # what was yielded cannot be taken back; the next answer is whole
                        raise BackendUnavailable("there is text that is not UTF-8") from None
                elif found or not is_stale(error):
                    raise
                yield from self._stream(query)

    def _stream(self, query: ChangesQuery) -> Iterator[Iterable[Entry]]:
        try:
            if self._finds_nobody(query):
                return
            with self._connect() as connection:
                table_info = self._schema.current() or self._read_table_info(connection, query)
                with any_text(connection) if self._any_text else nullcontext():
                    yield from self._entries(connection, query, self._plan(query, table_info))
        except DBAPIError:
            self._schema.forget()
            raise

    def _finds_nobody(self, query: ChangesQuery) -> bool:
        """Ask whether there is still nobody, where the last answer was empty: most polls are.

        By the driver's own cursor: SQLAlchemy would take several times as long as the database.
        """
        table_info, none_since = self._schema.current(), self._none_since
        if table_info is None or none_since is None or none_since > query.since or query.everybody:
            return False
        plan = self._plan(query, table_info)
        with closing(self._engine.raw_connection()) as connection:
            with suppress(*self._driver_failures), self._session(connection):
                (newest,) = plan.newest.run(connection.cursor()).fetchall()
                return plan.matches_nobody(newest, query, self._engine.dialect.name)
            # SQLAlchemy, which asks next, knows what to do about failures, but not of a connection
            # that its driver has given up
            connection.invalidate()
        return False

    def _entries(
        self, connection: Connection, query: ChangesQuery, plan: QueryPlan
    ) -> Iterator[Iterable[Entry]]:
        dialect, found = connection.dialect.name, 0
        streaming = connection.execution_options(stream_results=True)
        with streaming.execute(plan.matching, plan.parameters(query, dialect)) as result:
            for rows in batches(result):
                found += len(rows)
                batch = map(partial(_entry, plan.names, plan.readers), rows)
                # SQLite compares times as text, so some rows are only nearly new enough.
                yield batch if dialect != "sqlite" else filter(query.matches, batch)
        self._none_since = None if found else query.since

    def _plan(self, query: ChangesQuery, table_info: TableInfo) -> QueryPlan:
        asked = query.attributes, query.excluded, query.shown, query.time_attributes
        key = (table_info, *asked, query.everybody)
        cached_key, plan = self._cached_plan
        if plan is None or key != cached_key:
            plan = plan_query(query, table_info, self._engine.dialect)
            self._cached_plan = key, plan
        return plan

    def _read_table_info(self, connection: Connection, query: ChangesQuery) -> TableInfo:
        table_info = self._schema.read(connection)
        unindexed = table_info.without_index(query.time_attributes)
        if unindexed and not table_info.is_view and not self._warned:
            self._warned = True
            advice = table_info.advice_on_index(connection.dialect, unindexed)
            log.warning("every poll reads the whole table %s; %s", table_info.table, advice)
        # The reflection has begun a transaction; the answer gets one of its own.
        connection.rollback()
        return table_info

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with self._streaming_engine.connect() as connection, self._session(connection):
            yield connection

    def _session(self, connection: AnyConnection) -> AbstractContextManager[None]:
        """Return the context in which a connection's answers do not depend on the host."""
        return as_needed(connection, self._engine.dialect) if self._is_hosts else nullcontext()


def _entry(names: Sequence[str], readers: Sequence[Reader | None], row: Row[Any]) -> Entry:
    """Turn a row into an entry; NULL and an empty array mean that there is no value."""
    return {
        name: values
        for name, read, value in zip(names, readers, row, strict=True)
        if value is not None and (values := read(value) if read else (value,))
    }

"""The database of a state: one session, which holds a lock as long as it lasts."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, Table, create_engine, inspect, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from ..database import connect_options, parse_url, prepare_engine
from ..errors import ConfigurationError, cause_of
from ..journal.sessions import MARIADB, POOL_OPTIONS, prepare_sessions
from .errors import Locked, SinkUnavailable, SyncError
from .records import dumps

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 300.0
"""The longest waits for a database: until it lets one in, and for the next part of an answer."""

OWNER_ONLY = 0o600

IN_MEMORY = "sqlite://"
"""For a job that remembers nothing."""

_BEGIN = ("BEGIN IMMEDIATE",)


class Database:
    """A session with a database, opened by `with`.

    Attributes:
        connection: The session; all is done in it, so that nothing is written without the lock.
    """

    connection: Connection

    def __init__(self, url: str, name: str, *, is_dry: bool = False) -> None:
        """Prepare the session; nothing is opened yet.

        Args:
            url: An SQLAlchemy URL.
            name: What is locked: of two with the same name, one works at a time.
            is_dry: Whether all that is written is rolled back at the end.
        """
        self.url = URL.create("sqlite") if url == IN_MEMORY else parsed(url)
        self._name = name
        self._is_dry = is_dry
        self._open = ExitStack()
        if is_dry and self._is_file and not Path(self.place).exists():
            self.url = URL.create("sqlite")

    @property
    def place(self) -> str:
        """Name the database, without its password."""
        return str(self.url.database) if self._is_file else self.url.render_as_string()

    @property
    def _is_file(self) -> bool:
        return self.url.get_backend_name() == "sqlite" and bool(self.url.database)

    @property
    def is_there(self) -> bool:
        """Tell whether there is a database to open; a server has to be asked."""
        return not self._is_file or Path(self.place).exists()

    def open(self, *, lock: bool = True) -> Self:
        """Open the session; raise Locked where another process has it."""
        try:
            if lock and self._is_file:
                self._open.enter_context(_locked_file(Path(self.place)))
            with errors_of(self.place):
                engine = _engine(self.url)
                self._open.callback(engine.dispose)
                self.connection = self._open.enter_context(engine.connect())
                if lock and self.url.get_backend_name() != "sqlite":
                    self._lock()
                if self._is_dry:
                    self._open.callback(self.connection.begin().rollback)
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End the session, and the lock with it."""
        with suppress(SQLAlchemyError):  # it may be lost already
            self._open.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commit what the block does, or nothing of it."""
        connection = self.connection
        begin = connection.begin_nested if self._is_dry else connection.begin
        with errors_of(self.place), begin():
            yield connection

    def make(self, tables: Iterable[Table]) -> None:
        """Make the tables that are not there."""
        with self.transaction() as connection:
            there = inspect(connection)
            for table in tables:
                if not there.has_table(table.name):
                    self._make(connection, table)

    def _make(self, connection: Connection, table: Table) -> None:
        if self._is_dry and connection.dialect.name in MARIADB:  # which cannot undo it
            made = str(CreateTable(table).compile(connection))
            connection.exec_driver_sql(made.replace("CREATE", "CREATE TEMPORARY", 1))
        else:
            table.create(connection)

    def _lock(self) -> None:
        digest = hashlib.blake2b(self._name.encode(), digest_size=8).hexdigest()
        with self.connection.begin():
            if self.connection.dialect.name == "postgresql":
                key = int.from_bytes(bytes.fromhex(digest), signed=True)
                statement = text("SELECT pg_try_advisory_lock(:key)").bindparams(key=key)
            else:
                statement = text("SELECT GET_LOCK(CONCAT(LEFT(DATABASE(), 40), :key), 0)")
                statement = statement.bindparams(key=f"-{digest}")
            if not self.connection.scalar(statement):
                raise Locked(_locked(self.place))


def parsed(url: str) -> URL:
    """Return an SQLAlchemy URL; raise ConfigurationError for one that cannot be used."""
    try:
        found = parse_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "the database is no SQLAlchemy URL; write it like sqlite:///people.db or"
            " postgresql://user@host/database"
        ) from error
    if found.get_backend_name() == "sqlite":
        if found.database in (None, "", ":memory:") or "uri" in found.query:
            raise ConfigurationError("the database must be a file, such as sqlite:///people.db")
    elif found.get_backend_name() in ("mysql", "mariadb"):
        found = found.update_query_dict({"charset": "utf8mb4"})
    elif found.get_backend_name() != "postgresql":
        raise ConfigurationError(
            f"{found.get_backend_name()} is none of the databases that are supported: SQLite,"
            " PostgreSQL and MariaDB"
        )
    return found


@contextmanager
def errors_of(place: str) -> Iterator[None]:
    """Say in a sentence what a database complains of."""
    try:
        yield
    except DBAPIError as error:
        kind = SinkUnavailable if _may_pass(error) else SyncError
        said = _said(error)
        raise kind(f"the database {place} failed: {said}") from error


def _may_pass(error: DBAPIError) -> bool:
    name = type(error).__name__
    return error.connection_invalidated or name in {"OperationalError", "InterfaceError"}


def _said(error: DBAPIError) -> str:
    """Name an error of a driver without the values that it may repeat."""
    cause: Any = error.orig
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    number = next((n for n in getattr(cause, "args", ()) if isinstance(n, int)), None)
    named = code or number
    return f"{cause_of(cause)} ({named})" if named else cause_of(cause)


def _engine(url: URL) -> Engine:
    try:
        driver = url.get_dialect().driver
        limits = connect_options(driver, CONNECT_SECONDS, ANSWER_SECONDS)
        connect_args = {name: value for name, value in limits.items() if name not in url.query}
        engine = create_engine(
            url,
            connect_args=connect_args,
            hide_parameters=True,
            json_serializer=_json_text,
            execution_options={"sqlite_begin": _BEGIN},
            **({} if driver == "pysqlite" else POOL_OPTIONS),
        )
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"the database needs a driver that is not installed: {error}; pip install"
            " 'psycopg[binary]' or pymysql"
        ) from error
    if url.get_backend_name() == "sqlite" and url.database:
        _make_private(Path(url.database))
    prepare_sessions(engine)
    prepare_engine(engine, connect=CONNECT_SECONDS, operation=ANSWER_SECONDS)
    return engine


def _json_text(value: object) -> str:
    return dumps(value).decode()


def _make_private(file: Path) -> None:
    """Make a file for its owner alone, unless it is there."""
    try:
        made = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be made: {error.strerror}") from error
    os.close(made)


@contextmanager
def _locked_file(file: Path) -> Iterator[None]:
    """Hold a lock beside a file: SQLite's own, which ends with the process on every system."""
    beside = Path(f"{file}-lock")
    _make_private(beside)
    lock = sqlite3.connect(beside, timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise SyncError(f"{beside} cannot be locked: {error}") from error
        raise Locked(_locked(str(file))) from error
    try:
        yield
    finally:
        lock.close()


def _locked(place: str) -> str:
    return f"another run works with {place}; this one did nothing"

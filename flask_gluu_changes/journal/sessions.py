"""What each session of a journal's database is set to, whatever the server's defaults are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Engine, event

MARIADB = {"mysql", "mariadb"}
"""SQLAlchemy's names of its dialects."""

ALL_STATEMENTS = 15
"""Galera's bits of what reads, what updates and deletes, what inserts, and what shows tables."""

POOL_OPTIONS: Mapping[str, Any] = {"pool_reset_on_return": None}
"""For servers: `prepare_sessions` has each connection rolled back when the pool gets it back."""

PAGE_SIZE = 8192
"""Octets of a page of a new file of SQLite: with its own 4096, a fourth more time is spent writing
people, and their lines take more room."""

SQLITE_PATIENCE = 10
"""Seconds that one waits for the lock of a file."""


def prepare_sessions(engine: Engine) -> None:
    """Have an engine set what it needs on every connection."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return
    event.listen(engine, "reset", _roll_back)
    if engine.dialect.name in MARIADB:
        event.listen(engine, "connect", _prepare_mysql)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _keep_no_statements)


def _roll_back(connection: Any, record: Any, state: Any) -> None:
    """Roll back, or close what cannot be; SQLAlchemy's pool would log a traceback of each."""
    if state.transaction_was_reset:
        return
    try:
        connection.rollback()
    except Exception as error:
        record.invalidate(error)


def _keep_no_statements(connection: Any, _: object) -> None:
    """Have nothing prepared: a pooler may go on with another session."""
    if hasattr(connection, "prepare_threshold"):  # psycopg's; other drivers prepare nothing
        connection.prepare_threshold = None


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says so
    for pragma in (
        f"page_size={PAGE_SIZE}",  # before the mode, which begins the file
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={SQLITE_PATIENCE * 1000}",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_mysql(connection: Any, _: object) -> None:
    """Set what the server may have other defaults for: a value is refused and never cut.

    A node of a Galera Cluster takes in what all others have written before a transaction begins,
    and refuses it where it cannot.
    """
    with closing(connection.cursor()) as cursor:
        cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'")
        cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")  # other builds do not know the variables
        if ("wsrep_on", "ON") in cursor.fetchall():
            cursor.execute(f"SET SESSION wsrep_sync_wait = {ALL_STATEMENTS}, wsrep_dirty_reads = 0")


def _begin_sqlite(connection: Connection) -> None:
    for statement in connection.get_execution_options().get("sqlite_begin", ("BEGIN",)):
        connection.exec_driver_sql(statement)

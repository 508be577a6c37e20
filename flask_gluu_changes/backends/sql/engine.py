"""Engines for `GLUU_CHANGES_SQL_URL`: drivers chosen, waits bounded, safe across forks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ...errors import ConfigurationError

_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
"""What a URL without a driver means here; each is a package to install."""

_ALONE = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
_OPTIONS: Mapping[str, Mapping[str, Any]] = dict.fromkeys(
    ["postgresql", "mysql", "mariadb"], _ALONE
)
"""A statement alone then takes one round trip and not up to three, for BEGIN and ROLLBACK."""


def engine_of(url: str | URL, *, connect_timeout: float, operation_timeout: float) -> Engine:
    """Make an engine; nothing is connected yet. Raises ConfigurationError for what cannot be used.

    Both timeouts are in seconds; parameters in the URL come before them.
    """
    parsed = _parsed(url)
    kind = parsed.get_backend_name()
    waits = _waits(kind, connect_timeout, operation_timeout)
    unset = {name: value for name, value in waits.items() if name not in parsed.query}
    try:
        engine = create_engine(parsed, connect_args=unset, **_OPTIONS.get(kind, {}))
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"GLUU_CHANGES_SQL_URL needs a driver that is not installed: {error};"
            " pip install 'flask-gluu-changes[sql]' and 'psycopg[binary]' or pymysql"
        ) from error
    _bound_waits(engine, kind, operation_timeout)
    return engine


def transactions(engine: Engine) -> Engine:
    """Give the engine whose statements may be read in parts: PostgreSQL's cursors live in one."""
    if engine.dialect.name != "postgresql":
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")


def leave_to_parent(engine: Engine, process: int) -> int:
    """Keep a forked child off its parent's connections; give the process that uses them now."""
    if process != os.getpid():
        engine.dispose(close=False)
    return os.getpid()


def _parsed(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "GLUU_CHANGES_SQL_URL is no SQLAlchemy URL; write it like"
            " postgresql://user:password@host/database"
        ) from error
    driver = _DRIVERS.get(parsed.drivername)
    return parsed.set(drivername=f"{parsed.drivername}+{driver}") if driver else parsed


def _waits(kind: str, connect: float, operation: float) -> Mapping[str, Any]:
    if kind == "postgresql":
        return {"connect_timeout": max(2, round(connect))}  # libpq takes 1 for 2
    if kind in {"mysql", "mariadb"}:
        return {"connect_timeout": round(connect), "read_timeout": round(operation)}
    return {"timeout": operation} if kind == "sqlite" else {}


def _bound_waits(engine: Engine, kind: str, seconds: float) -> None:
    """Let the server end what waits too long: for a lock, or for the next part of an answer."""
    statements = {
        "postgresql": [
            f"SET lock_timeout = {round(seconds * 1000)}",
            f"SET statement_timeout = {round(seconds * 1000)}",
        ],
        "mysql": [f"SET SESSION lock_wait_timeout = {round(seconds)}"],
        "mariadb": [f"SET SESSION lock_wait_timeout = {round(seconds)}"],
    }.get(kind, [])

    def prepare(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()

    if statements:
        event.listen(engine, "connect", prepare)

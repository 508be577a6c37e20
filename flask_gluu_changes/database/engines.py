"""Engines of which every wait for the server ends, and which a forked process may go on to use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from os.path import abspath
from typing import Any

from sqlalchemy import Engine, QueuePool, event

from .. import forks

KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Seconds before and between the probes of an idle line, and their number (libpq's names)."""

_LIBPQ, _MYSQL = {"psycopg", "psycopg2"}, {"pymysql", "mysqldb"}

_LIMITED = {"psycopg": ".postgresql", "pymysql": ".mysql"}
"""The modules of connections with a clock of our own, by driver."""


def connect_options(driver: str, connect: float, operation: float) -> Mapping[str, Any]:
    """Return what a driver takes as limits of its own, for waits in seconds."""
    if driver in _LIBPQ:  # which takes a `connect_timeout` of 1 for 2
        whole, unacknowledged = max(2, round(connect)), int(operation * 1000)
        return {"connect_timeout": whole, "tcp_user_timeout": unacknowledged, **KEEPALIVE}
    if driver in _MYSQL:
        whole = max(1, round(operation))
        return {"connect_timeout": max(1, round(connect)), **_both_ways(whole)}
    return {"timeout": operation} if driver == "pysqlite" else {}


def prepare_engine(engine: Engine, *, connect: float, operation: float) -> None:
    """Bound the waits of an engine, both in seconds, and have it notice forks.

    A connection in use may wait for `operation`; while it is opened, or asked whether it is alive,
    for `connect`.
    """
    if module := _LIMITED.get(engine.dialect.driver):
        limited = import_module(module, __package__)
        event.listen(engine, "do_connect", _opening(limited.LimitedConnection.connected, connect))
        event.listen(engine, "checkout", _limiting(operation))
        event.listen(engine, "checkin", _limiting(connect))
    notice_forks(engine)


def notice_forks(engine: Engine) -> None:
    """Have a forked process open connections of its own, closing nothing of its parent's.

    SQLite's must not even be known in the child (its "How To Corrupt", 2.6), so the parent closes
    the idle ones before.
    """
    if not isinstance(engine.pool, QueuePool):
        return  # a database in memory is its connection
    if engine.dialect.name == "sqlite":
        forks.before_fork(engine, Engine.dispose)
    forks.in_child(engine, lambda inherited: inherited.dispose(close=False))


def name_of(engine: Engine) -> str:
    """Return the URL of a database without its password; empty where one process alone has it."""
    if engine.dialect.name == "sqlite":
        file = engine.url.database or ""
        return "" if file in ("", ":memory:") or file.startswith("file:") else abspath(file)
    return engine.url.render_as_string(hide_password=True)


def numbers_of(engine: Engine) -> tuple[int, int]:
    """Return how many connections of an engine's pool are idle, and in use."""
    pool = engine.pool
    return (pool.checkedin(), pool.checkedout()) if isinstance(pool, QueuePool) else (0, 0)


def _opening(connected: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def connect(_: object, __: object, arguments: list[Any], options: dict[str, Any]) -> Any:
        return connected(seconds, *arguments, **options)

    return connect


def _limiting(seconds: float) -> Callable[..., None]:
    def limit(connection: Any, *_: object) -> None:
        if connection is not None:  # it has been closed
            connection.limit = seconds

    return limit


def _both_ways(seconds: float) -> Mapping[str, float]:
    return {"read_timeout": seconds, "write_timeout": seconds}

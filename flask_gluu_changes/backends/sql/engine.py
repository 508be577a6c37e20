"""Engines for `GLUU_CHANGES_SQL_URL`: drivers chosen, waits limited, safe across forks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ...database import connect_options, parse_url, prepare_engine
from ...errors import ConfigurationError
from .session import set_on_connect

_AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
_OPTIONS: Mapping[str, Mapping[str, Any]] = dict.fromkeys(
    ["postgresql", "mysql", "mariadb"], _AUTOCOMMIT
)
"""A single statement then takes one round trip and not up to three, for BEGIN and ROLLBACK."""


def make_engine(url: str | URL, *, connect_timeout: float, operation_timeout: float) -> Engine:
    """Return an engine that is not connected yet; raise ConfigurationError for an unusable URL.

    Both timeouts are in seconds; parameters in the URL take precedence.
    """
    parsed = _parsed(url)
    kind = parsed.get_backend_name()
    options = {"hide_parameters": True, **_OPTIONS.get(kind, {})}
    if kind != "sqlite":
        options["pool_timeout"] = connect_timeout
    if kind in ("mysql", "mariadb"):  # any other character set would lose characters
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    try:
        driver = parsed.get_dialect().driver
        limits = connect_options(driver, connect_timeout, operation_timeout)
        connect_args = {name: value for name, value in limits.items() if name not in parsed.query}
        engine = create_engine(parsed, connect_args=connect_args, **options)
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"GLUU_CHANGES_SQL_URL needs a driver that is not installed: {error};"
            " pip install 'flask-gluu-changes[sql]' and 'psycopg[binary]' or pymysql"
        ) from error
    _limit_waits(engine, kind, operation_timeout)
    set_on_connect(engine)
    prepare_engine(engine, connect=connect_timeout, operation=operation_timeout)
    return engine


def streaming_engine(engine: Engine) -> Engine:
    """Return the engine whose results can be fetched in parts.

    PostgreSQL keeps a cursor only within a transaction.
    """
    if engine.dialect.name != "postgresql":
        return engine
    return engine.execution_options(isolation_level="READ COMMITTED")


def _parsed(url: str | URL) -> URL:
    try:
        return parse_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "GLUU_CHANGES_SQL_URL is no SQLAlchemy URL; write it like"
            " postgresql://user:password@host/database"
        ) from error


def _limit_waits(engine: Engine, kind: str, seconds: float) -> None:
    """Have the server end what waits too long: for a lock, or for the next part of an answer."""
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

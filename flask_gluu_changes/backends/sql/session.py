"""The state of a session that an answer depends on, the same for every connection.

Servers, roles and hosts may set another time zone, another form of times or another isolation. The
connections of an engine that was made here are set when they are opened. Those of a host's own
engine are looked at once; where they differ they are set for each answer, and set back after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.pool import PoolProxiedConnection

from ...errors import BackendRefused

AnyConnection: TypeAlias = Connection | PoolProxiedConnection

_MOST_ROWS = "18446744073709551615"

_POSTGRESQL = {
    "client_encoding": ("UTF8", "UTF8"),
    "TimeZone": ("UTC", "UTC|Etc/UTC"),
    "DateStyle": ("ISO", "ISO.*"),
    "IntervalStyle": ("postgres", "postgres"),
    "bytea_output": ("hex", "hex"),
    "extra_float_digits": ("1", "[123]"),
}
_MYSQL = {
    "time_zone": ("+00:00", r"\+00:00|UTC"),
    "sql_mode": ("", "(?!.*PAD_CHAR_TO_FULL_LENGTH).*"),
    "sql_select_limit": (_MOST_ROWS, _MOST_ROWS),
    "tx_isolation": ("READ-COMMITTED", "(?!READ-UNCOMMITTED).*"),
    "character_set_results": ("utf8mb4", "utf8mb4"),
}
_NEEDED: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "postgresql": _POSTGRESQL,
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "sqlite": {"read_uncommitted": ("0", "0")},
}
"""By dialect: what each variable is set to, and a pattern of the values that need not be set.

sql_select_limit cuts answers short; PAD_CHAR_TO_FULL_LENGTH adds blanks to values; uncommitted
changes may be taken back.
"""

_SET_MYSQL = (
    f"SET SESSION time_zone = '+00:00', sql_mode = '', sql_select_limit = {_MOST_ROWS}",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)
_ON_CONNECT: Mapping[str, Sequence[str]] = {
    "postgresql": [f"SET {name} = '{value}'" for name, (value, _) in _POSTGRESQL.items()],
    "mysql": _SET_MYSQL,
    "mariadb": _SET_MYSQL,
    "sqlite": ["PRAGMA read_uncommitted = 0"],
}
"""The same for connections of our own; MariaDB's character set is a matter of the driver."""

_ZONE = "if(@@time_zone = 'SYSTEM' AND @@system_time_zone = 'UTC', 'UTC', @@time_zone)"
"""The zone, which the server may take from its machine."""

_INFO_KEY = "flask_gluu_changes.session"


def set_on_connect(engine: Engine) -> None:
    """Set the state of each connection that an engine opens.

    Before SQLAlchemy looks at it: how names are quoted depends on MariaDB's sql_mode.
    """
    statements = _ON_CONNECT.get(engine.dialect.name, ())

    def prepare(connection: Any, _: object) -> None:
        for statement in statements:
            _run(connection, statement)
        connection.commit()

    event.listen(engine, "connect", prepare, insert=True)


@contextmanager
def as_needed(connection: AnyConnection, dialect: Dialect) -> Iterator[None]:
    """Set the state of a host's connection, where it differs, for as long as the block lasts.

    Raises BackendRefused for a character set that loses characters.
    """
    differing = _differing(connection, dialect)
    if not differing:
        yield
        return
    _set_for_good(connection, dialect, {name: _NEEDED[dialect.name][name][0] for name in differing})
    try:
        yield
    finally:
        _set_back(connection, dialect, differing)


def _differing(connection: AnyConnection, dialect: Dialect) -> Mapping[str, str]:
    """Return the variables that have to be set, with the host's values; looked up once."""
    if dialect.name not in _NEEDED:
        return {}
    if _INFO_KEY not in connection.info:
        connection.info[_INFO_KEY] = _unfit(_read(connection, dialect), dialect)
    return connection.info[_INFO_KEY]  # type: ignore[no-any-return]


def _unfit(found: Mapping[str, str], dialect: Dialect) -> Mapping[str, str]:
    patterns = {name: pattern for name, (_, pattern) in _NEEDED[dialect.name].items()}
    unfit = {n: v for n, v in found.items() if not re.fullmatch(patterns[n], v)}
    if charset := unfit.get("character_set_results"):
        raise BackendRefused(
            f"the connections of the engine have the character set {charset}, which cannot hold"
            " every name; add ?charset=utf8mb4 to its URL"
        )
    return unfit


def _read(connection: AnyConnection, dialect: Dialect) -> dict[str, str]:
    """Return the variables with their values."""
    names = list(_NEEDED[dialect.name])
    match dialect.name:
        case "postgresql":
            variables = ", ".join(f"current_setting('{name}')" for name in names)
        case "sqlite":
            return {"read_uncommitted": str(_run(connection, "PRAGMA read_uncommitted")[0][0])}
        case _:
            variables = ", ".join(f"@@{_variable(name, dialect)}" for name in names)
            variables = variables.replace("@@time_zone", _ZONE)
    # MariaDB's sql_select_limit may be 0, but does not count where there is a LIMIT
    (values,) = _run(connection, f"SELECT {variables} LIMIT 1")
    return dict(zip(names, map(str, values), strict=True))


def _variable(name: str, dialect: Dialect) -> str:
    """Return what a variable is called: MySQL has another name for the isolation than MariaDB."""
    is_mysql = dialect.name == "mysql" and not getattr(dialect, "is_mariadb", False)
    return "transaction_isolation" if is_mysql and name == "tx_isolation" else name


def _set(connection: Any, dialect: Dialect, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        match dialect.name:
            case "postgresql":
                _run(connection, "SELECT set_config(%s, %s, false)", name, value)
            case "sqlite":
                _run(connection, f"PRAGMA {name} = {int(value)}")
            case _:
                set_to = int(value) if value.isdigit() else value
                _run(connection, f"SET SESSION {_variable(name, dialect)} = %s", set_to)


def _set_for_good(connection: AnyConnection, dialect: Dialect, values: Mapping[str, str]) -> None:
    _set(connection, dialect, values)
    if dialect.name != "sqlite":  # elsewhere a rollback would take it back
        connection.commit()


def _set_back(connection: AnyConnection, dialect: Dialect, values: Mapping[str, str]) -> None:
    try:
        if dialect.name != "sqlite":
            connection.rollback()
        _set_for_good(connection, dialect, values)
    except Exception:  # of whatever driver: the host must not get a connection in this state
        connection.invalidate()


def _run(connection: Any, statement: str, *values: object) -> Sequence[Any]:
    """Run a statement by SQLAlchemy, or by the driver alone, and return its rows."""
    if isinstance(connection, Connection):
        result = connection.exec_driver_sql(statement, values or None)
        return result.fetchall() if result.returns_rows else ()
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement, values) if values else cursor.execute(statement)
        return cursor.fetchall() if cursor.description else ()


@contextmanager
def any_text(connection: Connection) -> Iterator[None]:
    """Have SQLite's driver return text that is not UTF-8 as the octets that it is.

    By itself it fails the answer; this takes longer, for each text.
    """
    driver: Any = connection.connection.driver_connection
    before, driver.text_factory = driver.text_factory, _text
    try:
        yield
    finally:
        driver.text_factory = before


def _text(octets: bytes) -> str | bytes:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets

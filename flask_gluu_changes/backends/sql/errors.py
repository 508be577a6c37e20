"""What a database's failures mean for a client and an operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    NoSuchTableError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ...errors import BackendError, BackendRefused, BackendUnavailable

_WRONG_LOGIN = "check user, password and database in GLUU_CHANGES_SQL_URL"
_NO_RIGHT = (
    "let the user of GLUU_CHANGES_SQL_URL read it (GRANT SELECT; for a view in MariaDB"
    " GRANT SELECT, SHOW VIEW)"
)
_WRONG_FILE = "check the path in GLUU_CHANGES_SQL_URL and who may read it"
_WRONG_TABLE = "check GLUU_CHANGES_SQL_TABLE, or table= where SqlBackend is made in code"
_SEE_LOG = (
    "look for this statement in the database's log (PostgreSQL: `log_min_error_statement = error`;"
    " MariaDB: `log_error`)"
)

_MYSQL_ADVICE = {
    **dict.fromkeys((1044, 1045, 1049), _WRONG_LOGIN),
    **dict.fromkeys((1142, 1143), _NO_RIGHT),
    **dict.fromkeys((1054, 1146), _WRONG_TABLE),
}
"""MariaDB's error numbers that no retry helps against, though PyMySQL calls them operational."""

_POSTGRES_ADVICE = {
    **dict.fromkeys(("28P01", "28000", "3D000"), _WRONG_LOGIN),
    "42501": _NO_RIGHT,
}
"""PostgreSQL's SQLSTATE codes (its manual, appendix A) that no retry helps against."""

_ADVICE_BY_TEXT = (
    (re.compile("authentication failed|role .* does not exist|no pg_hba.conf entry"), _WRONG_LOGIN),
    (re.compile("database .* does not exist"), _WRONG_LOGIN),
    (re.compile("unable to open database file|readonly database"), _WRONG_FILE),
    (re.compile("no such table|no such column"), _WRONG_TABLE),
)
"""By text: a refused connection carries no code in psycopg, nor does any error of SQLite's."""


_VALUE_CLASSES = ("21", "22", "23")
"""Classes of SQLSTATE whose texts repeat a value: cardinality, data, constraints."""

_VALUE_NUMBERS = frozenset({1264, 1292, 1366, 1411, 1690})
"""MariaDB's error numbers whose texts do."""

_VALUE_IN_TEXT = re.compile(r" with text '.*", re.DOTALL)
"""What SQLite's driver says of text that is not UTF-8."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise this package's exceptions for SQLAlchemy's; `doing` is for the log only."""
    try:
        yield
    except SQLAlchemyError as error:
        raise to_backend_error(error, doing) from error


def to_backend_error(error: SQLAlchemyError, doing: str) -> BackendError:
    """Return the exception that says what failed and what to do about it."""
    failure = f"{doing}: {_driver_message(error)}"
    advice = _advice(error)
    if advice is None:
        return BackendUnavailable(failure)
    return BackendRefused(f"{failure}; {advice}")


def is_stale(error: SQLAlchemyError) -> bool:
    """Return whether the server had closed the pooled connection."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def is_undecodable(error: SQLAlchemyError) -> bool:
    """Return whether SQLite's driver met text that is not UTF-8."""
    return isinstance(error, DBAPIError) and str(error.orig).startswith("Could not decode to UTF-8")


def _advice(error: SQLAlchemyError) -> str | None:
    """Return what an operator has to do; None where a retry may help."""
    if isinstance(error, NoSuchTableError):
        return f"{_WRONG_TABLE}, and the database in GLUU_CHANGES_SQL_URL"
    cause = error.orig if isinstance(error, DBAPIError) else None
    for table, code in ((_POSTGRES_ADVICE, _sqlstate(cause)), (_MYSQL_ADVICE, _number(cause))):
        if code in table:
            return table[code]  # type: ignore[index]
    for pattern, advice in _ADVICE_BY_TEXT:
        if pattern.search(str(cause)):
            return advice
    if is_stale(error) or isinstance(error, (OperationalError, InterfaceError, PoolTimeout)):
        return None
    return _SEE_LOG


def _sqlstate(cause: BaseException | None) -> object:
    return getattr(cause, "sqlstate", None)


def _number(cause: BaseException | None) -> object:
    return cause.args[0] if cause is not None and cause.args else None


def _driver_message(error: SQLAlchemyError) -> str:
    """Return the driver's words: SQLAlchemy's repeat the statement.

    Of an error that is about a value, which may be a person's, only the code is told.
    """
    cause = getattr(error, "orig", None) or error
    code = _sqlstate(cause) or _number(cause)
    if str(code)[:2] in _VALUE_CLASSES or code in _VALUE_NUMBERS:
        return f"{type(cause).__name__} ({code})"
    words = _VALUE_IN_TEXT.sub("", " ".join(str(cause).split()))
    return f"{type(cause).__name__} ({words})"

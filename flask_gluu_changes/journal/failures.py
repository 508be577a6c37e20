"""What went wrong in the journal's database: its own state, or a value that it does not take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from time import monotonic, sleep
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from .damage import NONSENSE, JournalDamaged, damaged_by
from .damage import JournalUnavailable as JournalUnavailable
from .files import SAME_USER

_VALUE_STATES = ("21", "22", "23", "54")
"""Classes of SQLSTATE: cardinality, data, constraints, limits of the program."""

_VALUE_NUMBERS = {1118, 1153, 1301, 1366, 1406}
"""MariaDB's numbers of row too large, packet too large (twice), no such character, too long."""

_CONFLICT_STATES = {"40001", "40P01", "42P07"}
_CONFLICT_NUMBERS = {1020, 1047, 1050, 1180, 1205, 1213}
"""Another transaction was first, or made the same table, or MariaDB's node changes its group."""

_DAMAGED = (
    "malformed",
    "is not a database",
    "unsupported file format",
    "Could not decode to UTF-8",
    "no such column",
)
"""What SQLite says of a file in which bits flipped."""

_WITH_TEXT = " with text "
"""After these words SQLite cites what it cannot decode."""

_LONGEST_TEXT = 200

REPEATING = 5.0
"""Seconds after which a transaction that met others is not begun again."""

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds before a transaction is begun again."""

P = ParamSpec("P")
T = TypeVar("T")


class JournalConflict(JournalUnavailable):
    """A transaction met another one, and nothing of it was written: it may be begun again."""


def refuses_values(error: BaseException) -> bool:
    """Return whether an error is about what was to be written, and would come again with it."""
    cause = getattr(error, "orig", None) or error
    state, number = _code_of(cause)
    if isinstance(state, str):
        return state.startswith(_VALUE_STATES)
    if isinstance(error, DataError | IntegrityError) or number in _VALUE_NUMBERS:
        return True
    # what a driver raises before it sends anything
    return not isinstance(error, DBAPIError) and isinstance(
        cause, ArithmeticError | TypeError | ValueError
    )


def reason_of(error: BaseException) -> str:
    """Name an error without its text, which may hold what was to be written."""
    cause = getattr(error, "orig", None) or error
    state, number = _code_of(cause)
    code = state or (number if isinstance(number, int) else "")
    return f"{type(cause).__name__} {code}".strip()


@contextmanager
def journal_errors(*, writes: bool = False) -> Iterator[None]:
    """Raise JournalUnavailable for what is about the database.

    writes: whether something is written, then an error that is about its values passes as it is.
    """
    try:
        yield
    except SQLAlchemyError as error:
        if writes and refuses_values(error):
            raise
        raise unavailable(error, "used") from error
    except NONSENSE as error:
        if writes:
            raise
        raise damaged_by(error) from error


def unavailable(error: Exception, done: str) -> JournalUnavailable:
    """Return what to raise for an error of the database; done: what cannot be done with it."""
    line = first_line(error)
    if any(words in line for words in _DAMAGED):
        return JournalDamaged(line)
    kind = JournalConflict if _is_conflict(error) else JournalUnavailable
    return kind(f"the journal cannot be {done}: {line}")


def repeated(transaction: Callable[P, T]) -> Callable[P, T]:
    """Begin a transaction again, all of it, while it meets others; after a while let it fail."""

    @wraps(transaction)
    def repeat(*args: P.args, **kwargs: P.kwargs) -> T:
        until, pause = monotonic() + REPEATING, FIRST_PAUSE
        while True:
            try:
                return transaction(*args, **kwargs)
            except JournalConflict:
                if monotonic() + pause > until:
                    raise
            sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    return repeat


def _is_conflict(error: Exception) -> bool:
    state, number = _code_of(getattr(error, "orig", None))
    return state in _CONFLICT_STATES or number in _CONFLICT_NUMBERS


def _code_of(cause: object) -> tuple[Any, Any]:
    """Return the SQLSTATE and the number that a driver's error has, as far as it has them."""
    return getattr(cause, "sqlstate", None), (*getattr(cause, "args", ()), None)[0]


def first_line(error: BaseException) -> str:
    """Return the driver's own words; they are about the database, so they hold no value."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    line = lines[0].partition(_WITH_TEXT)[0][:_LONGEST_TEXT] if lines else type(error).__name__
    return f"{line}; {SAME_USER}" if "readonly database" in line else line

"""What went wrong in the journal's database: its own state, or a value that it does not take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from ..errors import BackendUnavailable
from .files import SAME_USER

_VALUE_STATES = ("21", "22", "23", "54")
"""Classes of SQLSTATE: cardinality, data, constraints, limits of the program."""

_VALUE_NUMBERS = {1118, 1153, 1301, 1366, 1406}
"""MariaDB's numbers of row too large, packet too large (twice), no such character, too long."""

_LONGEST_TEXT = 200


class JournalUnavailable(BackendUnavailable):
    """The journal's database cannot be used at the moment; trying again may help."""


def refuses_values(error: BaseException) -> bool:
    """Return whether an error is about what was to be written, and would come again with it."""
    cause = getattr(error, "orig", None) or error
    state, number = getattr(cause, "sqlstate", None), (*getattr(cause, "args", ()), None)[0]
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
    number = (*getattr(cause, "args", ()), None)[0]
    code = getattr(cause, "sqlstate", None) or (number if isinstance(number, int) else "")
    return f"{type(cause).__name__} {code}".strip()


@contextmanager
def journal_errors() -> Iterator[None]:
    """Raise JournalUnavailable for what is about the database and not about a value."""
    try:
        yield
    except SQLAlchemyError as error:
        if refuses_values(error):
            raise
        raise JournalUnavailable(f"the journal cannot be used: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """Return the driver's own words; they are about the database, so they hold no value."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    line = lines[0][:_LONGEST_TEXT] if lines else type(error).__name__
    return f"{line}; {SAME_USER}" if "readonly database" in line else line

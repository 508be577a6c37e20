"""An error of the database is about a value, which is set aside, or about the database itself."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
)

from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.journal import failures as module
from flask_gluu_changes.journal.failures import (
    JournalConflict,
    JournalUnavailable,
    journal_errors,
    reason_of,
    refuses_values,
    repeated,
)


class DriverError(Exception):
    """An error of a driver, with the server's number first, or with a SQLSTATE."""

    def __init__(self, *args: object, sqlstate: str | None = None) -> None:
        super().__init__(*args)
        if sqlstate:
            self.sqlstate = sqlstate


def wrapped(cause: BaseException, kind: type[DBAPIError] = OperationalError) -> DBAPIError:
    """Wrap it as SQLAlchemy does."""
    return kind("INSERT", None, cause)


@pytest.mark.parametrize("state", ["21000", "22001", "23505", "54000"])
def test_a_state_of_a_value_refuses_it(state: str) -> None:
    """Whatever class the driver chose, and whatever the number."""
    assert refuses_values(wrapped(DriverError(1, sqlstate=state)))
    assert refuses_values(DriverError(sqlstate=state))


@pytest.mark.parametrize("state", ["08006", "40001", "53100", "57P01", "12254"])
def test_another_state_is_about_the_database(state: str) -> None:
    """Also where class or number would say otherwise."""
    assert not refuses_values(wrapped(DriverError(1406, sqlstate=state), DataError))


@pytest.mark.parametrize("number", [1118, 1153, 1301, 1366, 1406])
def test_a_number_of_a_value_refuses_it(number: int) -> None:
    """In any class."""
    assert refuses_values(wrapped(DriverError(number, "text")))


def test_another_number_is_about_the_database() -> None:
    """As is an error without any."""
    assert not refuses_values(wrapped(DriverError(2013, "gone")))
    assert not refuses_values(wrapped(DriverError()))
    assert not refuses_values(wrapped(sqlite3.OperationalError("disk full")))
    assert not refuses_values(wrapped(ValueError("within the driver")))


@pytest.mark.parametrize("kind", [DataError, IntegrityError])
def test_classes_of_values_refuse_them(kind: type[DBAPIError]) -> None:
    """As of SQLite, which has no states."""
    assert refuses_values(wrapped(sqlite3.IntegrityError("NOT NULL"), kind))


@pytest.mark.parametrize("cause", [OverflowError("int"), TypeError("type"), ValueError("NUL")])
def test_what_a_driver_cannot_send_is_refused(cause: Exception) -> None:
    """It never came to the database."""
    assert refuses_values(cause)


@pytest.mark.parametrize("cause", [KeyError("a"), OSError("b"), ArgumentError("c")])
def test_any_other_error_is_about_no_value(cause: Exception) -> None:
    """Nobody is set aside for it."""
    assert not refuses_values(cause)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (wrapped(DriverError(1406, "s3cret")), "DriverError 1406"),
        (wrapped(DriverError(7, sqlstate="22001")), "DriverError 22001"),
        (wrapped(DriverError("s3cret")), "DriverError"),
        (wrapped(DriverError()), "DriverError"),
        (OverflowError("s3cret"), "OverflowError"),
    ],
)
def test_a_reason_has_no_text(error: Exception, reason: str) -> None:
    """It may hold what was to be written; the server's code says enough."""
    assert reason_of(error) == reason


def test_an_error_about_the_database_makes_the_journal_unavailable() -> None:
    """By the first line of the driver's own words, cut to 200 characters."""
    words = "\n" + "w" * 201 + "\nsecond"
    causes: list[tuple[SQLAlchemyError, str]] = [
        (wrapped(DriverError(words)), "w" * 200),
        (wrapped(DriverError("")), "OperationalError"),
        (SQLAlchemyError("pool"), "pool"),
    ]
    for cause, text in causes:
        with pytest.raises(JournalUnavailable) as caught, journal_errors():
            raise cause
        assert str(caught.value) == f"the journal cannot be used: {text}"
        assert caught.value.__cause__ is cause
    assert issubclass(JournalUnavailable, BackendUnavailable)


def test_an_error_about_a_value_passes_as_it_is() -> None:
    """The writer finds the entry that it is about."""
    cause = wrapped(sqlite3.IntegrityError("NOT NULL"), IntegrityError)
    with pytest.raises(IntegrityError) as caught, journal_errors(writes=True):
        raise cause
    assert caught.value is cause


@pytest.mark.parametrize("number", [1020, 1047, 1050, 1180, 1205, 1213])
def test_a_number_of_mariadb_is_a_conflict(number: int) -> None:
    """Another transaction was first, or the node changes its group."""
    with pytest.raises(JournalConflict), journal_errors():
        raise wrapped(DriverError(number, "text"))


@pytest.mark.parametrize("state", ["40001", "40P01", "42P07"])
def test_a_state_of_postgresql_is_a_conflict(state: str) -> None:
    """Another transaction was first, or made the table."""
    with pytest.raises(JournalConflict), journal_errors():
        raise wrapped(DriverError("text", sqlstate=state))


@pytest.mark.parametrize("cause", [DriverError(2013), DriverError(sqlstate="57P01"), None])
def test_another_error_is_no_conflict(cause: Exception | None) -> None:
    """A line that broke may have broken behind the end of the transaction."""
    error = SQLAlchemyError("pool") if cause is None else wrapped(cause)
    with pytest.raises(JournalUnavailable) as caught, journal_errors():
        raise error
    assert type(caught.value) is JournalUnavailable


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pauses: list[float] = []
        monkeypatch.setattr(module, "monotonic", lambda: 1000 + sum(self.pauses))
        monkeypatch.setattr(module, "sleep", self.pauses.append)


def test_a_transaction_that_met_others_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With longer pauses each time, and with what it was called with."""
    clock, met = Clock(monkeypatch), [JournalConflict("met")] * 7

    @repeated
    def add(one: int, *, other: int) -> int:
        if met:
            raise met.pop()
        return one + other

    assert add(1, other=2) == 3
    assert clock.pauses == [0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5]
    assert add.__name__ == "add"


def test_a_transaction_that_always_meets_others_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """After five seconds."""
    clock, error = Clock(monkeypatch), JournalConflict("met")

    @repeated
    def fail() -> None:
        raise error

    with pytest.raises(JournalConflict) as caught:
        fail()
    assert caught.value is error
    assert sum(clock.pauses) == pytest.approx(4.62)


@pytest.mark.parametrize("error", [JournalUnavailable("away"), ValueError()])
def test_what_is_no_conflict_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It may be done already, or would come again."""
    clock = Clock(monkeypatch)

    @repeated
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        fail()
    assert clock.pauses == []

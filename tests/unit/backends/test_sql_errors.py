"""What a database says of a failure is told to operators, without the values in it."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from flask_gluu_changes.backends.sql.errors import to_backend_error

NAME = "Ada Lovelace"


class DriverError(Exception):
    """An error of a driver, with PostgreSQL's code if there is one."""

    def __init__(self, *args: object, sqlstate: str | None = None) -> None:
        super().__init__(*args)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (DriverError(f'invalid input for type date: "{NAME}"', sqlstate="22007"), "22007"),
        (DriverError(f"DETAIL: Key (cn)=({NAME})", sqlstate="23505"), "23505"),
        (DriverError(1292, f"Incorrect datetime value: '{NAME}'"), "1292"),
        (DriverError(1366, f"Incorrect integer value: '{NAME}'"), "1366"),
        (DriverError(f"Could not decode to UTF-8 column 'sn' with text '{NAME}\n'"), "'sn'"),
    ],
)
def test_no_value_is_told(cause: DriverError, said: str) -> None:
    """Databases repeat the value that they cannot use."""
    for kind in (DBAPIError, OperationalError):
        told = str(to_backend_error(kind("SELECT", {"cn": NAME}, cause), "reading the people"))
        assert NAME not in told
        assert said in told


@pytest.mark.parametrize(
    "cause",
    [
        DriverError('relation "gluuPerson" does not exist', sqlstate="42P01"),
        DriverError(1146, "Table 'gluu.gluuPerson' doesn't exist"),
        DriverError("no such table: gluuPerson"),
    ],
)
def test_the_name_of_a_table_is_told(cause: DriverError) -> None:
    """An operator could do nothing without it."""
    told = str(to_backend_error(OperationalError("SELECT", {}, cause), "reading the people"))
    assert "gluuPerson" in told

"""A database's URL without a driver means the driver that this project is tested with."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import ArgumentError

from flask_gluu_changes.database import parse_url


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("mysql://gluu@127.0.0.1/people", "mysql+pymysql"),
        ("mariadb://gluu@127.0.0.1/people", "mariadb+pymysql"),
        ("postgresql://gluu@127.0.0.1/people", "postgresql+psycopg"),
        ("postgres://gluu@127.0.0.1/people", "postgresql+psycopg"),
        ("mysql+mysqldb://gluu@127.0.0.1/people", "mysql+mysqldb"),
        ("sqlite:///people.db", "sqlite"),
    ],
)
def test_a_url_names_its_driver(url: str, driver: str) -> None:
    """For a store of people and for a journal alike; one that is named stays."""
    assert parse_url(url).drivername == driver


def test_what_is_no_url_is_refused() -> None:
    """By SQLAlchemy's own error, which each caller puts into a sentence about its setting."""
    with pytest.raises(ArgumentError):
        parse_url("people")

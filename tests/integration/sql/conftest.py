"""Three databases of our own for all tests: SQLite in a file, PostgreSQL and MariaDB as servers."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres
from tests.support.relational import Relational

DATABASES = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="package", autouse=True)
def lost_cursors() -> Iterator[None]:
    """Take apart, before other tests run, the cursors whose servers were stopped."""
    yield
    gc.collect()


@pytest.fixture(scope="session", params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where each database is, in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'people.sqlite'}"
    server: Postgres | MariaDb = request.getfixturevalue(
        "postgres" if request.param == "postgresql" else "mariadb"
    )
    return server.url


@pytest.fixture
def database(url: str) -> Iterator[Relational]:
    """The tables of Gluu without people, made anew: a test may do to them what it likes."""
    database = Relational(sa.create_engine(url))
    yield database
    database.close()

"""What an account cannot see changes no type: it is found out otherwise, or refused with advice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.testing import NOON, person
from tests.support.mariadb import DATABASE, MariaDb
from tests.support.relational import Relational

from .test_doctor import examine
from .test_faults import PATH, client_of

READER, WORD = "small_reader", "reader-word"
VIEW = "people_view"
MAIL = ["a@example.org", "b@example.org"]

Granted = Callable[..., SqlBackend]


@pytest.fixture
def owned(mariadb: MariaDb) -> Iterator[Relational]:
    """The tables of Gluu in MariaDB, with a person whose one type is registered, and a view."""
    with closing(Relational(sa.create_engine(mariadb.url))) as owner:
        mail = [address.encode() for address in MAIL]
        owner.add("1", {**person("a", updated=NOON), "mail": mail, "gluuSLAManager": [b"TRUE"]})
        owner.register("gluuSLAManager", "boolean")
        owner.run(f"CREATE VIEW {VIEW} AS SELECT * FROM `gluuPerson`")
        yield owner
        owner.run(f"DROP VIEW {VIEW}")


@pytest.fixture
def granted(mariadb: MariaDb, owned: Relational) -> Iterator[Granted]:
    """Make a backend of an account that has some rights alone."""
    made: list[SqlBackend] = []
    run_as_root(mariadb, f"CREATE USER {READER} IDENTIFIED BY '{WORD}'")

    def grant(*rights: str, table: str = "gluuPerson") -> SqlBackend:
        for right in rights:
            run_as_root(mariadb, f"GRANT {right} TO {READER}")
        url = sa.make_url(mariadb.url).set(username=READER, password=WORD)
        made.append(SqlBackend(url, table=table))
        return made[-1]

    yield grant
    for backend in made:
        backend.close()
    run_as_root(mariadb, f"DROP USER {READER}")


def run_as_root(server: MariaDb, statement: str) -> None:
    """Run a statement that the people's owner may not."""
    with server.connect("root", "") as root, root.cursor() as cursor:
        cursor.execute(statement)


ON_TABLE = f"SELECT ON {DATABASE}.`gluuPerson`"
ON_TYPES = f"SELECT ON {DATABASE}.`gluuAttribute`"


def test_json_of_a_table_that_is_all_one_may_read(granted: Granted) -> None:
    """Several values are several, though information_schema shows this account no constraint."""
    (found,) = client_of(granted(ON_TABLE, ON_TYPES)).get(PATH).json["results"]  # type: ignore[index]
    assert found["mail"] == MAIL
    assert found["gluuSLAManager"] == [True]


def test_json_of_a_view(owned: Relational, granted: Granted) -> None:
    """Several values are several, though a view has no constraints."""
    backend = granted(f"SELECT, SHOW VIEW ON {DATABASE}.{VIEW}", ON_TYPES, table=VIEW)
    owners = SqlBackend(owned.engine, table=VIEW)
    for client in (client_of(backend), client_of(owners)):
        (found,) = client.get(PATH).json["results"]  # type: ignore[index]
        assert found["mail"] == MAIL
        assert found["uid"] == ["a"]
        assert found["oxCreationTimestamp"] == ["2024-05-01T12:00:00.500Z"]


def test_a_view_that_may_not_be_looked_at(
    granted: Granted, caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot be told what its columns are: refused, and the log names the right."""
    backend = granted(f"SELECT ON {DATABASE}.{VIEW}", table=VIEW)
    assert client_of(backend).get(PATH).status_code == 500
    assert "SHOW VIEW" in caplog.text


def test_types_that_may_not_be_read(granted: Granted, caplog: pytest.LogCaptureFixture) -> None:
    """The columns' own types count then; log and doctor say so."""
    backend = granted(ON_TABLE)
    (found,) = client_of(backend).get(PATH).json["results"]  # type: ignore[index]
    assert found["mail"] == MAIL
    assert "attribute types in gluuAttribute cannot be read" in caplog.text
    report = examine(backend).output
    assert "the user may not read gluuAttribute" in report
    assert "GRANT SELECT ON `gluuAttribute`" in report


def test_text_is_no_json(owned: Relational) -> None:
    """Neither in a table nor in a view does text that looks like JSON become anything else."""
    owned.run("UPDATE `gluuPerson` SET description = '[1, 2]', title = '7'")
    for table in ("gluuPerson", VIEW):
        backend = SqlBackend(owned.engine, table=table)
        (found,) = client_of(backend).get(PATH).json["results"]  # type: ignore[index]
        assert (found["description"], found["title"]) == (["[1, 2]"], ["7"])

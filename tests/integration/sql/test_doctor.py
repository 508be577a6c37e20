"""`flask gluu-changes doctor` finds what is planted in a database, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result

from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.testing import NOON, person
from tests.support.postgres import Postgres
from tests.support.relational import Relational
from tests.support.slapd import false_clock

from .test_faults import client_of

READER, WORD = "reader", "reader-word"


def examine(backend: SqlBackend) -> Result:
    """Run the command on an application that serves a backend."""
    runner = client_of(backend).application.test_cli_runner()
    return runner.invoke(args=["gluu-changes", "doctor"])


def only_fault(done: Result) -> str:
    """Give the one fault that was found, with its advice; the exit code is 1."""
    lines = done.output.splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("fault ")]
    assert done.exit_code == 1
    return f"{lines[at]} {lines[at + 1]}"


@pytest.fixture
def as_reader(postgres: Postgres) -> Iterator[tuple[Relational, SqlBackend]]:
    """Tables in PostgreSQL with a person, and a backend whose user owns nothing."""
    with closing(Relational(sa.create_engine(postgres.url))) as owner:
        owner.add("1", person("a", updated=NOON))
        owner.run(f"CREATE USER {READER} PASSWORD '{WORD}'")
        url = sa.make_url(postgres.url).set(username=READER, password=WORD)
        backend = SqlBackend(url)
        yield owner, backend
        backend.close()
        owner.run(f"DROP OWNED BY {READER}; DROP USER {READER}")


def test_a_database_that_is_well(database: Relational) -> None:
    """No fault: exit code 0."""
    database.add("1", person("a", updated=NOON))
    done = examine(database.backend)
    assert done.exit_code == 0, done.output
    assert "faults: 0, warnings: 0" in done.output


@pytest.mark.parametrize("name", ["updatedAt", "oxCreationTimestamp"])
def test_a_missing_index(database: Relational, name: str) -> None:
    """The statement that makes it is told, and it works."""
    (index,) = [index for index in database.table.indexes if name in index.columns]
    index.drop(database.engine)
    fault = only_fault(examine(database.backend))
    assert f"{name} is not indexed" in fault
    database.run(fault.partition("do: ")[2])
    assert "is not indexed" not in examine(database.backend).output


def test_a_time_in_the_future(database: Relational) -> None:
    """Clients would take it over; how many people have one, and how far ahead, is told."""
    ahead = datetime.now(UTC) + timedelta(days=1)
    database.add("1", person("a", updated=NOON))
    database.add("2", person("b", updated=ahead))
    database.add("3", person("c", created=ahead - timedelta(hours=1)))
    done = examine(database.backend)
    faults = [line for line in done.output.splitlines() if "lies in the future" in line]
    assert done.exit_code == 1
    (updated,) = [line for line in faults if "updatedAt of 1 people" in line]
    (created,) = [line for line in faults if "oxCreationTimestamp of 1 people" in line]
    assert abs(_seconds(updated) - 86_400) < 60
    assert abs(_seconds(created) - 82_800) < 60
    assert "then correct these times" in done.output


def _seconds(line: str) -> int:
    return int(line.split("by up to ")[1].split(" s")[0])


def test_a_missing_table(database: Relational) -> None:
    """The setting to check is named."""
    database.table.drop(database.engine)
    assert "GLUU_CHANGES_SQL_TABLE" in only_fault(examine(database.backend))


def test_a_column_that_may_not_be_read(as_reader: tuple[Relational, SqlBackend]) -> None:
    """A grant of some columns leaves out others that are asked for, by name."""
    owner, backend = as_reader
    granted = [
        f'"{name}"' for name in (column.name for column in owner.table.columns) if name != "mail"
    ]
    owner.run(f'GRANT SELECT ({", ".join(granted)}) ON "gluuPerson" TO {READER}')
    assert "may not read mail of gluuPerson" in only_fault(examine(backend))


def test_a_policy_that_hides_rows(as_reader: tuple[Relational, SqlBackend]) -> None:
    """Row security is the limit that truncates: an answer without some rows looks whole."""
    owner, backend = as_reader
    owner.run(f'GRANT SELECT ON "gluuPerson" TO {READER}')
    assert examine(backend).exit_code == 0
    owner.run('ALTER TABLE "gluuPerson" ENABLE ROW LEVEL SECURITY')
    fault = only_fault(examine(backend))
    assert "row security is active" in fault
    assert "BYPASSRLS" in fault


@pytest.mark.parametrize(("clock", "said"), [("+1h", "ahead of"), ("-1h", "behind")])
def test_a_clock_an_hour_off(clock: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference is told in seconds and by its direction."""
    server = Postgres()
    false = false_clock(clock)

    def environment(identity: Any = server._identity) -> dict[str, Any]:
        return {**identity(), "env": {"PATH": "/usr/bin:/bin", **false}}

    monkeypatch.setattr(server, "_identity", environment)
    with server, closing(Relational(sa.create_engine(server.url))) as database:
        database.add("1", person("a", updated=NOON))
        fault = only_fault(examine(database.backend))
        assert f"s {said} this machine's" in fault
        assert abs(int(fault.split("clock is ")[1].split()[0]) - 3600) < 30

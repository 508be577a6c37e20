"""What is asked of a database: named columns, and only what an index can find."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flask_gluu_changes import ChangesQuery
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.testing import NOON, person
from tests.support.relational import Relational

PEOPLE = 3000
DAY = timedelta(days=1)


@pytest.fixture
def crowd(database: Relational) -> Iterator[tuple[Relational, list[str]]]:
    """Many people, and a list that fills with the statements that are sent."""
    database.load(
        (str(i), person(f"u{i}", created=NOON - DAY, updated=NOON - DAY)) for i in range(PEOPLE)
    )
    sent: list[str] = []
    engine = sa.create_engine(database.engine.url)

    @sa.event.listens_for(engine, "before_cursor_execute")
    def remember(_: object, __: object, statement: str, *___: object) -> None:
        sent.append(statement)

    database.backend = SqlBackend(engine)
    yield database, sent
    engine.dispose()


def test_a_poll_reads_no_whole_table(crowd: tuple[Relational, list[str]]) -> None:
    """The plan of the statement looks into the indexes of both time columns."""
    database, _ = crowd
    plans = _plans(database, ChangesQuery(NOON))
    assert not any(_reads_all(line) for line in plans), plans
    for name in ("updatedAt", "oxCreationTimestamp"):
        assert any(name in line for line in plans), plans


def _reads_all(line: str) -> bool:
    return "SCAN gluuPerson" in line or "Seq Scan" in line or "'ALL'" in line


def _plans(database: Relational, query: ChangesQuery) -> list[str]:
    captured: list[tuple[str, object]] = []
    engine = database.backend._engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def capture(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        if "FROM" in statement and "gluuPerson" in statement and "WHERE" in statement:
            captured.append((statement, parameters))

    assert list(database.backend.changes(query)) == []
    sa.event.remove(engine, "before_cursor_execute", capture)
    return _plan(database, *captured[-1])


def _plan(database: Relational, statement: str, parameters: Any = None) -> list[str]:
    prefix = "EXPLAIN QUERY PLAN " if database.engine.dialect.name == "sqlite" else "EXPLAIN "
    database.analyze()
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql(prefix + statement, parameters)
        return [str(tuple(row)) for row in rows]


def test_a_poll_after_an_empty_one_reads_no_whole_table(
    crowd: tuple[Relational, list[str]],
) -> None:
    """The newest of each time stands at the end of an index."""
    database, _ = crowd
    assert list(database.backend.changes(ChangesQuery(NOON))) == []
    _, query_plan = database.backend._cached_plan
    assert query_plan is not None
    plan = _plan(database, query_plan.newest.text)
    assert plan
    assert not any(_reads_all(line) for line in plan), plan


def test_only_needed_columns_are_asked_for(crowd: tuple[Relational, list[str]]) -> None:
    """Secrets do not even leave the database, nor does what nobody will see."""
    database, sent = crowd
    hidden = frozenset({"userpassword", "secretanswer"})
    list(database.backend.changes(ChangesQuery(NOON - 2 * DAY, excluded=hidden)))
    assert "userPassword" not in sent[-1]
    assert "secretAnswer" not in sent[-1]
    assert "doc_id" not in sent[-1]
    list(database.backend.changes(ChangesQuery(NOON, attributes=frozenset({"mail"}))))
    assert sent[-1].count(",") == 4  # uid, inum, mail and the two times


def test_a_whole_answer_is_one_statement(crowd: tuple[Relational, list[str]]) -> None:
    """One statement is one consistent look, however many rows it finds, and has no OFFSET."""
    database, sent = crowd
    list(database.backend.changes(ChangesQuery(NOON)))
    sent.clear()
    assert len(list(database.backend.changes(ChangesQuery(NOON - 2 * DAY)))) == PEOPLE
    assert len(sent) == 1
    assert "OFFSET" not in sent[0]


def test_a_poll_after_an_empty_one_asks_only_whether_there_is_anybody(
    crowd: tuple[Relational, list[str]],
) -> None:
    """Once there is, the same poll gives everybody, and so does one from an earlier time."""
    database, sent = crowd
    assert list(database.backend.changes(ChangesQuery(NOON))) == []
    sent.clear()
    assert list(database.backend.changes(ChangesQuery(NOON))) == []
    assert sent == []  # the driver's own cursor has asked
    database.add("new", person("new", created=NOON))
    assert len(list(database.backend.changes(ChangesQuery(NOON)))) == 1
    assert list(database.backend.changes(ChangesQuery(NOON + DAY))) == []
    assert len(list(database.backend.changes(ChangesQuery(NOON)))) == 1


@pytest.mark.parametrize("odd", ["x'ff'", "7", "'late'"])
def test_a_time_that_is_none_hides_nobody(odd: str, tmp_path: Path) -> None:
    """SQLite takes anything for a time; where that cannot be compared, all are looked at."""
    url = f"sqlite:///{tmp_path / 'people.sqlite'}"
    with closing(Relational(sa.create_engine(url))) as database:
        database.add("odd", person("odd", created=NOON - DAY, updated=NOON - DAY))
        database.run(f'UPDATE "gluuPerson" SET "updatedAt" = {odd}')
        query = ChangesQuery(NOON, time_attributes=("updatedAt", "oxCreationTimestamp"))
        known = len([*database.backend.changes(query)])
        assert len([*database.backend.changes(query)]) == known
        database.add("new", person("new", created=NOON - DAY, updated=NOON))
        assert len([*database.backend.changes(query)]) == known + 1

"""The rows of the relational backend, on PostgreSQL and on MariaDB with indexed time columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any

import orjson
import pymysql
import sqlalchemy as sa

from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.encoder import EntryEncoder
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.settings.base import Settings
from flask_gluu_changes.visibility import Visibility
from tests.support.mariadb import MariaDb
from tests.support.people import UPDATE_DELAY, inum, person
from tests.support.postgres import Postgres
from tests.support.relational import Relational

from .direct_ldap import PAGE, START, STEP, page_path, rates
from .floors import BARE, BARE_ROUTE
from .serving import connection, gunicorn
from .table import Effort, Row, in_turns, noted, timed

AT_ONCE = 5000
SHARE = 20.0
"""The first page of a walk reads and sorts all of it: its share of that is compared, and may be
so many times a page that is merely cut."""


def rows(effort: Effort) -> Iterator[Row]:
    """Measure everything on both servers."""
    for kind in (Postgres, MariaDb):
        with kind() as server, closing(Relational(sa.create_engine(server.url))) as database:
            with noted(f"loading {kind.__name__}"):
                _load(database, effort.people)
            yield _streamed(server, kind.__name__, effort)
            environment = {"FLASK_GLUU_CHANGES_SQL_URL": server.url}
            with gunicorn("benchmarks.app:create_app()", environment) as port:
                yield _far_page(kind.__name__, port, effort)
                yield _nothing(kind.__name__, port, effort)


def _load(database: Relational, people: int) -> None:
    for first in range(0, people, AT_ONCE):
        database.load(_person(i) for i in range(first, min(first + AT_ONCE, people)))
    database.analyze()


def _person(i: int) -> tuple[str, dict[str, list[bytes]]]:
    created = START + i * STEP
    attributes = person(i, created=created, updated=created + UPDATE_DELAY)
    del attributes["inum"]
    return inum(i), attributes


def _streamed(server: Any, kind: str, effort: Effort) -> Row:
    """Everything in one walk, against the driver alone, which reads the same columns.

    It makes Python values of JSON and of times, as everybody has it do who does nothing about it.
    """
    backend = SqlBackend(server.url)
    assert _encode_everything(backend) == effort.people
    names = _names(backend)
    statement = _plain_statement(names, backend)
    read = partial(_rows_of_postgres if kind == "Postgres" else _rows_of_mariadb, server, statement)
    jobs = (
        partial(_encode_everything, backend),
        partial(_count, read),
        partial(_serialize, read, names),
    )
    turns = in_turns(effort.rounds, *(timed(job) for job in jobs))
    backend.close()
    name = f"everything in one walk, typed and encoded in process, {kind}"
    return Row(name, turns, "the driver alone", "s", at_most=3, beside=["the driver and orjson"])


def _names(backend: SqlBackend) -> tuple[str, ...]:
    plan = backend._cached_plan[1]
    assert plan is not None
    return plan.names


def _plain_statement(names: Sequence[str], backend: SqlBackend) -> str:
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in names]
    everybody: sa.Select[Any] = sa.select(*columns).select_from(sa.table("gluuPerson"))
    return str(everybody.compile(backend._engine))


def _encode_everything(backend: SqlBackend) -> int:
    settings = Settings.load({})
    visibility = Visibility.of((), settings.denied_attributes)
    query = ChangesQuery(START, excluded=visibility.hidden)
    encoder = EntryEncoder(
        query, lambda n: backend.attribute_type(n) or settings.type_of(n), visibility
    )
    return sum(1 for _ in map(encoder.encode, backend.changes(query)))


def _count(read: Callable[[], Iterator[Sequence[Any]]]) -> None:
    assert sum(1 for _ in read())


def _serialize(read: Callable[[], Iterator[Sequence[Any]]], names: Sequence[str]) -> None:
    """Do the least that makes JSON of rows, without types and checks."""
    for row in read():
        columns = zip(names, row, strict=True)
        orjson.dumps({name: (value,) for name, value in columns if value is not None}, default=str)


def _rows_of_postgres(server: Postgres, statement: str) -> Iterator[Sequence[Any]]:
    with server.connect() as connection, connection.transaction(), connection.cursor("all") as rows:
        rows.itersize = 500
        yield from rows.execute(statement.encode())


def _rows_of_mariadb(server: MariaDb, statement: str) -> Iterator[Sequence[Any]]:
    streaming = pymysql.cursors.SSCursor
    with server.connect(cursorclass=streaming) as connection, connection.cursor() as rows:
        rows.execute(statement)
        yield from rows


def _far_page(kind: str, port: int, effort: Effort) -> Row:
    """The first page of a walk, which takes the look, against one near its end."""
    far, pages = effort.people * 9 // 10, effort.people // PAGE
    with connection(port) as client:
        ask = [partial(client.get, page_path(START, start, PAGE)) for start in (0, far)]
        turns = in_turns(effort.rounds, timed(ask[0], 1e3 / pages), timed(ask[1], 1e3))
    taken = median(first for first, _ in turns) * pages / 1e3
    job = f"a page at start=0, {kind}: {taken:.2f} s for the look that {pages} pages are cut from"
    return Row(f"{job}; its share", turns, f"at start={far:,}", "ms", at_most=SHARE)


def _nothing(kind: str, port: int, effort: Effort) -> Row:
    path = page_path(START + STEP * effort.people + timedelta(days=1), 0, PAGE)
    turns = rates(port, effort, path, "/tiny", BARE_ROUTE)
    name = f"nothing changed, over HTTP, {kind}"
    return Row(name, turns, "a tiny Flask route", "requests/s", at_least=0.55, beside=[BARE])

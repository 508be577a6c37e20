"""The rows of the relational backend, on PostgreSQL and on MariaDB with indexed time columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any

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

from .direct_ldap import PAGE, START, STEP, page_path
from .serving import connection, gunicorn, rate
from .table import Row, noted, seconds

AT_ONCE = 5000
ROUNDS = 7
SHARE = 20.0
"""The first page of a walk reads and sorts all of it: its share of that is compared, and may be
so many times a page that is merely cut."""


def rows(people: int) -> Iterator[Row]:
    """Measure everything on both servers."""
    for kind in (Postgres, MariaDb):
        with kind() as server, closing(Relational(sa.create_engine(server.url))) as database:
            with noted(f"loading {kind.__name__}"):
                _load(database, people)
            yield _streamed(server, kind.__name__, people)
            environment = {"FLASK_GLUU_CHANGES_SQL_URL": server.url}
            with gunicorn("benchmarks.app:create_app()", environment) as port:
                yield _far_page(kind.__name__, port, people)
                yield _nothing(kind.__name__, port, people)


def _load(database: Relational, people: int) -> None:
    for first in range(0, people, AT_ONCE):
        database.load(_person(i) for i in range(first, min(first + AT_ONCE, people)))
    database.analyze()


def _person(i: int) -> tuple[str, dict[str, list[bytes]]]:
    created = START + i * STEP
    attributes = person(i, created=created, updated=created + UPDATE_DELAY)
    del attributes["inum"]
    return inum(i), attributes


def _streamed(server: Any, kind: str, people: int) -> Row:
    """Everything in one walk, against the driver alone, which reads the same rows."""
    backend = SqlBackend(server.url)
    statements: list[str] = []
    sa.event.listen(backend._engine, "before_cursor_execute", partial(_keep, statements))
    assert _encode_everything(backend) == people
    peer = partial(_read_by_postgres if kind == "Postgres" else _read_by_mariadb, server)
    pairs = [
        (seconds(partial(_encode_everything, backend)), seconds(partial(peer, statements[-1])))
        for _ in range(ROUNDS)
    ]
    ours, alone = (median(column) for column in zip(*pairs, strict=True))
    backend.close()
    name = f"everything in one walk, typed and encoded in process, {kind}"
    return Row(name, ours, "the driver alone", alone, "s", at_most=3)


def _keep(statements: list[str], _: object, __: object, statement: str, *___: object) -> None:
    statements.append(statement)


def _encode_everything(backend: SqlBackend) -> int:
    settings = Settings.load({})
    visibility = Visibility.of((), settings.denied_attributes)
    query = ChangesQuery(START, excluded=visibility.hidden)
    encoder = EntryEncoder(
        query, lambda n: backend.attribute_type(n) or settings.type_of(n), visibility
    )
    return sum(1 for _ in map(encoder.encode, backend.changes(query)))


def _read_by_postgres(server: Postgres, statement: str) -> None:
    plain = statement.partition("WHERE")[0]
    with server.connect() as connection, connection.transaction(), connection.cursor("all") as rows:
        rows.itersize = 500
        rows.execute(plain.encode())
        assert sum(1 for _ in rows)


def _read_by_mariadb(server: MariaDb, statement: str) -> None:
    plain = statement.partition("WHERE")[0]
    streaming = pymysql.cursors.SSCursor
    with server.connect(cursorclass=streaming) as connection, connection.cursor() as rows:
        rows.execute(plain)
        assert sum(1 for _ in rows)


def _far_page(kind: str, port: int, people: int) -> Row:
    """The first page of a walk, which takes the look, against one near its end."""
    far, pages = people * 9 // 10, people // PAGE
    with connection(port) as client:
        first = [seconds(partial(client.get, page_path(START, 0, PAGE))) for _ in range(ROUNDS)]
        path = page_path(START, far, PAGE)
        late = median(seconds(partial(client.get, path)) for _ in range(100))
    taken = median(first)
    job = f"a page at start=0, {kind}: {taken:.2f} s for the look that {pages} pages are cut from"
    share = taken / pages * 1e3
    return Row(f"{job}; its share", share, f"at start={far:,}", late * 1e3, "ms", at_most=SHARE)


def _nothing(kind: str, port: int, people: int) -> Row:
    path = page_path(START + STEP * people + timedelta(days=1), 0, PAGE)
    pairs = [(rate(port, path, 1.0), rate(port, "/tiny", 1.0)) for _ in range(ROUNDS)]
    ours, peer = (median(column) for column in zip(*pairs, strict=True))
    name = f"nothing changed, over HTTP, {kind}"
    return Row(name, ours, "a tiny Flask route", peer, "requests/s", at_least=0.5)

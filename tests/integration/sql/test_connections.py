"""How many connections a process has to the database, which its metrics tell."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from flask_gluu_changes import ChangesQuery
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.testing import LONG_AGO, NOON, person
from tests.support.relational import Relational
from tests.support.scraped import make_app, scrape

QUERY = ChangesQuery(LONG_AGO)

SESSIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND datname = current_database()",
    "mysql": "SELECT id FROM information_schema.processlist WHERE id <> connection_id()"
    " AND db = database()",
    "sqlite": "SELECT 1 WHERE false",
}
END = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}


def test_connections_are_counted(database: Relational, url: str) -> None:
    """Those in use, and those that wait for work."""
    for name in ("a", "b"):
        database.add(name, person(name, updated=NOON))
    backend = SqlBackend(url)
    assert backend.connections() == {"sql": (0, 0)}
    first, second = backend.changes(QUERY), backend.changes(QUERY)
    next(first)
    used = _used(backend)
    next(second)
    assert (used, _used(backend)) == (1, 2)
    assert len(list(first)) == 1
    assert _used(backend) == 1
    del second
    assert _used(backend) == 0
    idle = backend.connections()["sql"][0]
    assert idle >= 1
    found = scrape(make_app("bare", backend))
    assert found['connections{pool="sql",state="idle"}'] == idle
    assert found['connections{pool="sql",state="used"}'] == 0
    backend.close()
    assert backend.connections() == {"sql": (0, 0)}


@pytest.mark.parametrize("people", [0, 1])
def test_connections_that_broke_are_replaced(database: Relational, url: str, people: int) -> None:
    """Of a database that restarts, whether the last answer found somebody or nobody."""
    for number in range(people):
        database.add(f"{number}", person("a"))
    backend = SqlBackend(url)
    for _ in range(3):
        for _ in range(2):
            assert len([*backend.changes(QUERY)]) == people
        assert backend.connections()["sql"][0] >= 1
        end_sessions(database)
    assert len([*backend.changes(QUERY)]) == people
    assert _used(backend) == 0
    backend.close()


def end_sessions(database: Relational) -> None:
    """End all sessions of a server but this one, as a restart does."""
    with database.engine.connect() as connection:
        for number in connection.scalars(sa.text(SESSIONS[connection.dialect.name])).all():
            connection.execute(sa.text(END[connection.dialect.name].format(number)))


def test_an_engine_without_a_pool_has_none_to_count(database: Relational, url: str) -> None:
    """It opens a connection for each answer."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    backend = SqlBackend(engine)
    answer = backend.changes(QUERY)
    assert [*answer] == []
    assert backend.connections() == {"sql": (0, 0)}


def _used(backend: SqlBackend) -> int:
    return backend.connections()["sql"][1]

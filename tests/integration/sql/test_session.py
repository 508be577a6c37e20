"""What a session is set to, by server, role, URL or host, decides about no answer."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flask_gluu_changes import BackendRefused, ChangesQuery
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.testing import LONG_AGO, MILLISECOND, NOON, person
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres
from tests.support.relational import Relational

from .test_faults import PATH, client_of

BOGOTA = timezone(timedelta(hours=-5))
ODD = {
    "postgresql": [
        "SET TimeZone = 'America/Bogota'",
        "SET DateStyle = 'SQL, DMY'",
        "SET IntervalStyle = 'sql_standard'",
        "SET bytea_output = 'escape'",
        "SET extra_float_digits = -10",
        "SET client_encoding = 'LATIN1'",
        "SET search_path = other, public",
    ],
    "mysql": [
        "SET SESSION time_zone = '-05:00'",
        "SET SESSION sql_mode = 'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH'",
        "SET SESSION sql_select_limit = 1",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
    ],
    "sqlite": ["PRAGMA read_uncommitted = 1"],
}
"""Settings that are odd, but allowed."""

ZONED = {"postgresql": "TIMESTAMP(3) WITH TIME ZONE", "mysql": "TIMESTAMP(3) NULL"}


def odd_host(url: str) -> sa.Engine:
    """Make a host's engine that sets its connections oddly."""
    engine = sa.create_engine(url)

    @sa.event.listens_for(engine, "connect")
    def set_oddly(connection: Any, _: object) -> None:
        with closing(connection.cursor()) as cursor:
            for statement in ODD[engine.dialect.name]:
                cursor.execute(statement)
        connection.commit()

    return engine


@pytest.fixture
def odd(database: Relational) -> Relational:
    """People whose times have a zone, where the database has such times; text in a CHAR, too."""
    kind = database.engine.dialect.name
    table = database.quoted("gluuPerson")
    database.run(f"ALTER TABLE {table} ADD COLUMN code CHAR(8)")
    database.run(f"ALTER TABLE {table} ADD COLUMN share DOUBLE PRECISION")
    if kind in ZONED:
        name = database.quoted("oxLastLogonTime")
        database.run(f"ALTER TABLE {table} DROP COLUMN {name}")
        database.run(f"ALTER TABLE {table} ADD COLUMN {name} {ZONED[kind]}")
    for inum in ("1", "2"):
        database.add(inum, {**person(f"u{inum}", updated=NOON), "l": ["Łódź \U0001f600".encode()]})
    set_zone = {"postgresql": "SET TimeZone = 'UTC'", "mysql": "SET time_zone = '+00:00'"}
    with database.engine.begin() as connection:
        if kind in ZONED:
            connection.exec_driver_sql(set_zone[kind])
        connection.execute(
            sa.text(
                f"UPDATE {table} SET {database.quoted('oxLastLogonTime')} = :t,"
                " code = 'ab', share = 0.1"
            ),
            {"t": NOON.replace(tzinfo=None) if kind != "sqlite" else "2024-05-01 12:00:00.500000"},
        )
    database.engine.dispose()
    return database


def test_a_hosts_sessions_do_not_decide_about_answers(odd: Relational) -> None:
    """They are set for the answer, and are the host's again after it."""
    expected = client_of(odd.backend).get(PATH).json
    assert [found["oxLastLogonTime"] for found in expected["results"]] == [  # type: ignore[index]
        ["2024-05-01T12:00:00.500Z"]
    ] * 2
    assert expected["results"][0]["l"] == ["Łódź \U0001f600"]  # type: ignore[index]
    host = odd_host(str(odd.engine.url.render_as_string(hide_password=False)))
    with host.connect() as connection:
        before = _state(connection)
    backend = SqlBackend(host)
    for _ in range(2):
        assert client_of(backend).get(PATH).json == expected
    for _ in range(2):  # the second asks only whether there is anybody
        assert list(backend.changes(ChangesQuery(NOON + MILLISECOND))) == []
    assert len(list(backend.changes(ChangesQuery(LONG_AGO)))) == 2
    with host.connect() as connection:
        assert _state(connection) == before
    backend.close()


def _state(connection: sa.Connection) -> list[Any]:
    """Read what a session is set to."""
    statement = {
        "postgresql": "SELECT name, setting FROM pg_settings WHERE name <> 'transaction_isolation'",
        "mysql": "SHOW SESSION VARIABLES WHERE Variable_name IN"
        " ('time_zone', 'sql_mode', 'sql_select_limit', 'tx_isolation', 'transaction_isolation')",
        "sqlite": "PRAGMA read_uncommitted",
    }[connection.dialect.name]
    return [tuple(row) for row in connection.exec_driver_sql(statement)]


def test_a_server_in_another_zone(mariadb: MariaDb) -> None:
    """A TIMESTAMP of MariaDB is a moment: what the session's zone is does not move it."""
    with closing(Relational(sa.create_engine(mariadb.url))) as database:
        database.run("ALTER TABLE `gluuPerson` MODIFY `updatedAt` TIMESTAMP(3) NULL")
        database.run("SET GLOBAL time_zone = '-05:00'")
        try:
            database.engine.dispose()
            database.add("1", person("a", created=LONG_AGO))
            local = NOON.astimezone(BOGOTA).replace(tzinfo=None)
            database.run("UPDATE `gluuPerson` SET `updatedAt` = :local", local=local)
            backend = SqlBackend(mariadb.url)
            (found,) = client_of(backend).get(PATH).json["results"]  # type: ignore[index]
            assert found["updatedAt"] == ["2024-05-01T12:00:00.500Z"]
            assert len(list(backend.changes(ChangesQuery(NOON)))) == 1
            assert list(backend.changes(ChangesQuery(NOON + MILLISECOND))) == []
            backend.close()
        finally:
            database.run("SET GLOBAL time_zone = 'SYSTEM'")


@pytest.mark.parametrize(
    "setting",
    [
        "sql_mode = 'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH'",
        "sql_select_limit = 1",
        "sql_select_limit = 0",
    ],
)
def test_a_server_that_is_set_oddly(mariadb: MariaDb, setting: str) -> None:
    """Nothing is padded, quoted or cut short by what all sessions begin with."""
    name = setting.split()[0]
    with closing(Relational(sa.create_engine(mariadb.url))) as database:
        database.run("ALTER TABLE `gluuPerson` ADD COLUMN code CHAR(8)")
        database.add("1", person("a"))
        database.add("2", person("b"))
        database.run("UPDATE `gluuPerson` SET code = 'ab'")
        database.run(f"SET GLOBAL {setting}")
        try:
            backend = SqlBackend(mariadb.url)
            found = client_of(backend).get(PATH).json["results"]  # type: ignore[index]
            assert [(entry["uid"], entry["code"]) for entry in found] == [
                (["a"], ["ab"]),
                (["b"], ["ab"]),
            ]
            backend.close()
        finally:
            database.run(f"SET GLOBAL {name} = DEFAULT")


def test_changes_that_are_not_committed(mariadb: MariaDb) -> None:
    """They may be taken back: no answer holds them, whatever isolation the server begins with."""
    with closing(Relational(sa.create_engine(mariadb.url))) as database:
        database.add("1", person("a"))
        database.run("SET GLOBAL TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        try:
            with database.engine.connect() as writer:
                writer.exec_driver_sql("DELETE FROM `gluuPerson`")
                backend = SqlBackend(mariadb.url)
                assert len(list(backend.changes(ChangesQuery(LONG_AGO)))) == 1
                backend.close()
        finally:
            database.run("SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def test_a_character_set_that_loses_characters(mariadb: MariaDb) -> None:
    """Of a URL it does not count; a host's engine with one is refused, with advice."""
    url = sa.make_url(mariadb.url).update_query_dict({"charset": "latin1"})
    with closing(Relational(sa.create_engine(mariadb.url))) as database:
        database.add("1", {**person("a"), "l": ["Łódź \U0001f600".encode()]})
        backend = SqlBackend(url)
        (found,) = client_of(backend).get(PATH).json["results"]  # type: ignore[index]
        assert found["l"] == ["Łódź \U0001f600"]
        backend.close()
        hosts = SqlBackend(sa.create_engine(url))
        with pytest.raises(BackendRefused, match=r"character set latin1.*charset=utf8mb4"):
            list(hosts.changes(ChangesQuery(LONG_AGO)))
        hosts.close()


def test_a_role_that_is_set_oddly(postgres: Postgres) -> None:
    """Neither zone nor style of its times count, and the table is found where the role looks."""
    with closing(Relational(sa.create_engine(postgres.url))) as database:
        database.run('ALTER TABLE "gluuPerson" ALTER "oxLastLogonTime" TYPE TIMESTAMPTZ')
        database.add("1", {**person("a"), "oxLastLogonTime": [b"20240501120000Z"]})
        database.run(
            'UPDATE "gluuPerson" SET "oxLastLogonTime" = :time', time=NOON.astimezone(BOGOTA)
        )
        for setting in ODD["postgresql"][:-1]:
            database.run(setting.replace("SET", "ALTER ROLE gluu SET", 1))
        try:
            backend = SqlBackend(postgres.url)
            (found,) = client_of(backend).get(PATH).json["results"]  # type: ignore[index]
            assert found["oxLastLogonTime"] == ["2024-05-01T12:00:00.500Z"]
            backend.close()
        finally:
            database.run("ALTER ROLE gluu RESET ALL")


def test_the_table_stays_the_one_that_was_found_first(postgres: Postgres) -> None:
    """A host whose sessions look elsewhere later is not given other people."""
    with closing(Relational(sa.create_engine(postgres.url))) as database:
        database.add("1", person("a"))
        database.run("CREATE SCHEMA other")
        database.run('CREATE TABLE other."gluuPerson" AS SELECT * FROM "gluuPerson" LIMIT 0')
        try:
            host = sa.create_engine(postgres.url, pool_size=1, max_overflow=0)
            backend = SqlBackend(host)
            assert len(list(backend.changes(ChangesQuery(LONG_AGO)))) == 1
            with host.connect() as connection:
                connection.exec_driver_sql("SET search_path = other, public")
                connection.commit()
            assert len(list(backend.changes(ChangesQuery(LONG_AGO)))) == 1
            backend._schema.forget()
            assert len(list(backend.changes(ChangesQuery(LONG_AGO)))) == 1
            backend.close()
        finally:
            database.run("DROP SCHEMA other CASCADE")


def test_sqlite_with_a_shared_cache(tmp_path: Path) -> None:
    """A host that reads what is not committed does so for itself alone."""
    url = f"sqlite:///file:{tmp_path / 'people.sqlite'}?cache=shared&uri=true&timeout=0.2"
    with closing(Relational(sa.create_engine(url))) as database:
        database.add("1", person("a"))
        host = odd_host(url)
        backend = SqlBackend(host)
        with host.connect() as writer:
            assert writer.exec_driver_sql("PRAGMA read_uncommitted").scalar() == 1
            assert len(list(backend.changes(ChangesQuery(LONG_AGO)))) == 1
        backend.close()

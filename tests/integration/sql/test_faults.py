"""What fails at a database is a 503 that passes or a 500 with advice, never a short list."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_gluu_changes import BackendUnavailable, ChangesQuery, GluuChanges
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.testing import LONG_AGO, NOON, person
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres
from tests.support.relational import Relational

PATH = "/identity/restv1/scim/UpdatedUsers?timeStamp=1970-01-01T00:00:00Z&pagesize=1000"


def client_of(backend: SqlBackend) -> FlaskClient:
    """Make a client of an app that serves a backend."""
    app = Flask("database")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass", PROPAGATE_EXCEPTIONS=False)
    GluuChanges(app, backend=backend)
    return app.test_client()


def refused(answer: TestResponse) -> bool:
    """Tell whether an answer sends its reader to the operator, and tells nothing of the inside."""
    inside = any(word in answer.text for word in ("SELECT", "gluuPerson", "sql", "127.0.0.1"))
    return answer.status_code == 500 and "operator" in answer.text.lower() and not inside


def test_a_missing_table(database: Relational, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the table and the settings; when it is there, the next request answers."""
    database.table.drop(database.engine)
    client = client_of(database.backend)
    assert refused(client.get(PATH))
    assert "gluuPerson" in caplog.text
    assert "GLUU_CHANGES_SQL_TABLE" in caplog.text
    database.create()
    assert client.get(PATH).json["total"] == 0  # type: ignore[index]


@pytest.mark.parametrize("name", ["updatedAt", "uid", "inum"])
def test_a_missing_column(
    database: Relational, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A person without these can be neither found nor served."""
    drop_index(database, name)
    drop_column(database, name)
    assert refused(client_of(database.backend).get(PATH))
    assert f"no column {name}" in caplog.text


def test_a_column_that_goes_while_the_app_runs(database: Relational) -> None:
    """The request that meets it is refused, and the next one knows."""
    client = client_of(database.backend)
    database.add("1", {**person("a"), "mail": [b"a@example.org"]})
    assert client.get(PATH).json["results"][0]["mail"] == ["a@example.org"]  # type: ignore[index]
    drop_column(database, "mail")
    assert client.get(PATH).status_code == 500
    assert "mail" not in client.get(PATH).json["results"][0]  # type: ignore[index]


def test_a_time_that_is_text(database: Relational, caplog: pytest.LogCaptureFixture) -> None:
    """A bound cannot be compared with text; the log says what the column has to be."""
    drop_index(database, "updatedAt")
    drop_column(database, "updatedAt")
    add_column(database, "updatedAt", "TEXT")
    assert refused(client_of(database.backend).get(PATH))
    assert "the column updatedAt of gluuPerson is TEXT" in caplog.text


def test_a_number_in_a_column_of_text(database: Relational) -> None:
    """A type that was not expected is served as what it is."""
    drop_column(database, "description")
    add_column(database, "description", "INTEGER")
    drop_column(database, "title")
    add_column(database, "title", "DECIMAL(10,2)")
    database.add("1", person("a"))
    table = database.quoted("gluuPerson")
    database.run(f"UPDATE {table} SET description = 7, title = 1.5")
    (found,) = client_of(database.backend).get(PATH).json["results"]  # type: ignore[index]
    assert found["description"] == [7]
    assert found["title"] in (["1.50"], ["1.5"])


def test_broken_json_in_a_cell(database: Relational, caplog: pytest.LogCaptureFixture) -> None:
    """It is served as the text that it is, and logged; all others are served as ever."""
    if database.engine.dialect.name == "postgresql":
        drop_column(database, "mail")
        add_column(database, "mail", "TEXT")  # JSONB cannot be broken; text is served as text
    database.add("2", person("b"))
    database.add("1", person("a"))
    table, doc_id = database.quoted("gluuPerson"), database.quoted("doc_id")
    if database.engine.dialect.name == "mysql":
        database.run("SET GLOBAL check_constraint_checks = OFF")
        database.engine.dispose()
    try:
        database.run(f"UPDATE {table} SET mail = :cell WHERE {doc_id} = '1'", cell='{"v": ["a')
    finally:
        if database.engine.dialect.name == "mysql":
            database.run("SET GLOBAL check_constraint_checks = ON")
            database.engine.dispose()
    answer = client_of(database.backend).get(PATH)
    assert [entry["uid"] for entry in answer.json["results"]] == [["a"], ["b"]]  # type: ignore[index]
    assert answer.json["results"][0]["mail"] == ['{"v": ["a']  # type: ignore[index]
    if database.engine.dialect.name != "postgresql":
        assert "broken JSON" in caplog.text


@pytest.mark.parametrize("cell", ['{"v": []}', "[]", '{"v": [null]}', "null"])
def test_a_cell_without_a_value(database: Relational, cell: str) -> None:
    """It is as NULL is: an attribute without values is not shown."""
    database.add("1", person("a"))
    cast = "CAST(:cell AS JSONB)" if database.engine.dialect.name == "postgresql" else ":cell"
    database.run(f"UPDATE {database.quoted('gluuPerson')} SET mail = {cast}", cell=cell)
    (entry,) = client_of(database.backend).get(PATH).json["results"]  # type: ignore[index]
    assert entry["uid"] == ["a"]
    assert "mail" not in entry


def test_a_lock_that_lasts(database: Relational) -> None:
    """Whoever holds the table makes readers wait for the set time, and then get a 503."""
    database.add("1", person("a"))
    backend = SqlBackend(database.engine.url, operation_timeout=1)
    client = client_of(backend)
    assert client.get(PATH).status_code == 200
    with locked(database):
        answer = client.get(PATH)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert client.get(PATH).status_code == 200
    backend.close()


@pytest.mark.parametrize("server", [Postgres, MariaDb])
def test_a_server_that_goes_and_comes(server: type[Postgres | MariaDb]) -> None:
    """Stopped it is a 503, started again a 200, without a restart of the app."""
    with server() as running:
        database = Relational(sa.create_engine(running.url))
        database.add("1", person("a"))
        client = client_of(database.backend)
        assert client.get(PATH).status_code == 200
        running.stop()
        assert client.get(PATH).status_code == 503
        with pytest.raises(BackendUnavailable):
            database.backend.ping(ChangesQuery(NOON))
        running.start()
        database.backend.ping(ChangesQuery(NOON))
        assert client.get(PATH).json["total"] == 1  # type: ignore[index]
        running.stop()
        running.start()
        assert client.get(PATH).json["total"] == 1  # type: ignore[index]
        database.close()


@pytest.mark.parametrize("server", [Postgres, MariaDb])
def test_a_server_that_goes_mid_walk(server: type[Postgres | MariaDb]) -> None:
    """An answer that was begun ends with an error, and not with what came so far."""
    with server() as running:
        database = Relational(sa.create_engine(running.url))
        big = b"x" * 2000
        database.load(
            (str(i), {**person(f"u{i}", created=NOON), "displayName": [big[:250]]})
            for i in range(40_000)
        )
        answer = database.backend.changes(ChangesQuery(LONG_AGO))
        next(answer)
        running.end(9)
        with pytest.raises(BackendUnavailable):
            list(answer)
        database.close()


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"password": "wrong"}, "check user, password and database"),
        ({"username": "nobody"}, "check user, password and database"),
        ({"database": "nosuch"}, "check user, password and database"),
    ],
)
def test_a_login_that_is_refused(
    url: str, change: dict[str, str], advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong user, password or database is the operator's to correct."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        parsed, change = parsed.set(database="/nonexistent/people.sqlite"), {}
        advice = "check the path"
    backend = SqlBackend(parsed.set(**change))  # type: ignore[arg-type]
    assert refused(client_of(backend).get(PATH))
    assert advice in caplog.text
    assert "s3cret-word" not in caplog.text
    backend.close()


def test_a_table_without_indexes_is_pointed_out(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The log holds, once, the statement that makes polls quick."""
    database = Relational(sa.create_engine(url), indexed=False)
    with caplog.at_level(logging.WARNING):
        client = client_of(database.backend)
        client.get(PATH)
        client.get(PATH)
    (line,) = [record.message for record in caplog.records if "CREATE INDEX" in record.message]
    for statement in line.split("; ")[1:]:
        database.run(statement)
    caplog.clear()
    client_of(SqlBackend(database.engine)).get(PATH)
    assert "CREATE INDEX" not in caplog.text
    database.close()


class locked:  # noqa: N801 # used as a statement's word
    """Hold the table so that nobody can read it."""

    def __init__(self, database: Relational) -> None:
        self._engine = sa.create_engine(database.engine.url)
        self._statements = {
            "postgresql": ['LOCK TABLE "gluuPerson" IN ACCESS EXCLUSIVE MODE'],
            "mysql": ["LOCK TABLES `gluuPerson` WRITE"],
            "sqlite": ["BEGIN EXCLUSIVE"],
        }[self._engine.dialect.name]

    def __enter__(self) -> None:
        self._connection = self._engine.connect()
        for statement in self._statements:
            self._connection.exec_driver_sql(statement)

    def __exit__(self, *_: object) -> None:
        self._connection.rollback()
        self._connection.close()
        self._engine.dispose()


def drop_column(database: Relational, name: str) -> None:
    """Take a column from the table."""
    database.run(f"ALTER TABLE {database.quoted('gluuPerson')} DROP COLUMN {database.quoted(name)}")


def add_column(database: Relational, name: str, kind: str) -> None:
    """Give the table a column."""
    table = database.quoted("gluuPerson")
    database.run(f"ALTER TABLE {table} ADD COLUMN {database.quoted(name)} {kind}")


def drop_index(database: Relational, name: str) -> None:
    """Take the index from a column, if it has one: SQLite lets no column go that has."""
    for index in database.table.indexes:
        if name in index.columns:
            index.drop(database.engine)

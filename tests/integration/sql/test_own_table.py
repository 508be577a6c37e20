"""A host's own table of users is served without a view and without a backend of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects import mysql

from flask_gluu_changes import BackendRefused, ChangesQuery, ConfigurationError, GluuChanges
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.model import Entry, Finding, Level
from flask_gluu_changes.testing import LONG_AGO
from flask_gluu_changes.visibility import Visibility

MAPPING = "inum=id, uid=login, mail=email, updatedAt=changed_at"
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=3), "mysql", "mariadb")
QUERY = ChangesQuery(LONG_AGO, ("updatedAt",))
CHANGED = datetime(2024, 5, 1, 12, 30, 0, 250_000)


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """A database with a table of staff as an application may have it."""
    engine, metadata = sa.create_engine(url), sa.MetaData()
    staff = sa.Table(
        "staff",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("login", sa.String(50)),
        sa.Column("email", sa.JSON),
        sa.Column("password_hash", sa.String(50)),
        sa.Column("changed_at", TIME, index=True),
    )
    metadata.drop_all(engine)
    metadata.create_all(engine)
    ann = {"id": 7, "login": "ann", "email": ["a@example.org"], "password_hash": "$2b$12$secret"}
    with engine.begin() as connection:
        connection.execute(staff.insert(), [{**ann, "changed_at": CHANGED}])
    yield engine
    with engine.begin() as connection:
        connection.execute(sa.text("DROP VIEW IF EXISTS shown_staff"))
    metadata.drop_all(engine)
    engine.dispose()


def _made(engine: sa.Engine, **keys: object) -> SqlBackend:
    """Make a backend of settings, over the host's own engine."""
    given = {"TABLE": "staff", "COLUMNS": MAPPING, **keys}
    config = {f"GLUU_CHANGES_SQL_{name}": value for name, value in given.items()}
    return SqlBackend.from_config(config, engine=engine)


def _found(backend: SqlBackend, query: ChangesQuery = QUERY) -> list[Entry]:
    return list(backend.changes(query))


def _findings(backend: SqlBackend) -> dict[str, Finding]:
    return {finding.what: finding for finding in backend.examine(QUERY)}


def test_columns_are_served_under_the_names_of_attributes(engine: sa.Engine) -> None:
    """Only the columns that the mapping names are read; identities are text."""
    (found,) = _found(_made(engine))
    assert {name: [*map(str, values)] for name, values in found.items()} == {
        "inum": ["7"],
        "uid": ["ann"],
        "mail": ["a@example.org"],
        "updatedAt": [str(found["updatedAt"][0])],
    }


def test_the_operation_serves_them(engine: sa.Engine) -> None:
    """The page types and writes them as it does Gluu's."""
    app = Flask("staff")
    app.config.update(
        GLUU_CHANGES_PROTECTION="bypass",
        GLUU_CHANGES_ALLOW_BYPASS=True,
        GLUU_CHANGES_TIME_ATTRIBUTES="updatedAt",
        GLUU_CHANGES_SQL_TABLE="staff",
        GLUU_CHANGES_SQL_COLUMNS=MAPPING,
    )
    GluuChanges(app, backend=SqlBackend.from_config(app.config, engine=engine))
    page: Any = (
        app.test_client()
        .get("/identity/restv1/scim/UpdatedUsers?timeStamp=2024-05-01T12:30:00.25Z&pagesize=9")
        .json
    )
    assert page["results"] == [
        {
            "inum": ["7"],
            "mail": ["a@example.org"],
            "uid": ["ann"],
            "updatedAt": ["2024-05-01T12:30:00.250Z"],
        }
    ]


def test_only_who_changed_since_is_found(engine: sa.Engine) -> None:
    """The bound is on the mapped column, and the short way for empty polls uses it, too."""
    backend = _made(engine)
    later = ChangesQuery(CHANGED.replace(tzinfo=UTC, second=1), ("updatedAt",))
    assert [_found(backend, later), _found(backend, later), len(_found(backend))] == [[], [], 1]


def test_one_column_for_two_attributes(engine: sa.Engine) -> None:
    """A table whose key is the login's name serves it as both."""
    (found,) = _found(_made(engine, COLUMNS="inum=login, uid=login, updatedAt=changed_at"))
    assert (found["inum"], found["uid"]) == (("ann",), ("ann",))


def test_a_column_that_is_not_there_is_named(engine: sa.Engine) -> None:
    """The sentence names it, and those that are there; it holds no value."""
    with pytest.raises(BackendRefused, match=r"names mobile, which staff does not have; its .*id"):
        _found(_made(engine, COLUMNS=f"{MAPPING}, mobile=mobile"))


def test_an_attribute_without_a_column_is_named(engine: sa.Engine) -> None:
    """The sentence tells which setting asks for it, and which one lacks it."""
    backend, query = _made(engine), ChangesQuery(LONG_AGO, ("updatedAt", "oxCreationTimestamp"))
    with pytest.raises(
        BackendRefused,
        match=r"SQL_COLUMNS names no column of staff for oxCreationTimestamp.*TIME_ATTRIBUTES",
    ):
        _found(backend, query)
    with pytest.raises(BackendRefused, match=r"no column updatedAt, and GLUU_CHANGES_SQL_COLUMNS"):
        _found(_made(engine, COLUMNS=""))


def test_the_doctor_names_columns_where_it_speaks_of_the_table(engine: sa.Engine) -> None:
    """What it advises can be run."""
    assert "updatedAt is indexed" in _findings(_made(engine))
    wrong = MAPPING.replace("changed_at", "created_at")
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE staff ADD COLUMN created_at TIMESTAMP NULL"))
    backend = _made(engine, COLUMNS=wrong)
    finding = next(f for text, f in _findings(backend).items() if "not indexed" in text)
    with engine.begin() as connection:
        connection.execute(sa.text(finding.advice))
    assert "updatedAt is indexed" in _findings(backend)


def test_a_view_is_not_to_be_indexed(engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    """No database indexes a view; whether the table behind it is indexed it does not show."""
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE VIEW shown_staff AS SELECT * FROM staff"))
    backend = _made(engine, TABLE="shown_staff")
    (found,) = (f for f in _findings(backend).values() if "index" in f.advice)
    _found(_made(engine, TABLE="shown_staff"))
    assert found.level == Level.WARNING
    in_table = "index changed_at in the table that the view shown_staff reads"
    assert found.advice == f"{in_table}, unless it is"
    assert "whole table" not in caplog.text


@pytest.mark.parametrize("key", ["TABLE", "COLUMNS", "ATTRIBUTES_TABLE"])
def test_settings_that_would_be_ignored_are_refused(engine: sa.Engine, key: str) -> None:
    """`SqlBackend(db.engine)` cannot know of the application's settings."""
    app = Flask("staff")
    app.config.update({"GLUU_CHANGES_PROTECTION": "test", f"GLUU_CHANGES_SQL_{key}": "inum=id"})
    with pytest.raises(ConfigurationError, match=f"SQL_{key} would be ignored.*from_config"):
        GluuChanges(app, backend=SqlBackend(engine))


def test_a_secret_column_is_hidden_under_any_attribute(engine: sa.Engine) -> None:
    """The column's name is one of the attribute's: it does not even leave the database."""
    backend = _made(engine, COLUMNS=f"{MAPPING}, nickname=password_hash")
    secret = Visibility.of()
    query = replace(QUERY, excluded=secret.hidden)
    (entry,) = _found(backend, query)
    assert entry.keys() == {"inum", "uid", "mail", "updatedAt"}
    assert not secret.known_to(backend.describe).shows("nickname")
    (entry,) = _found(backend, replace(query, shown=frozenset({"nickname"})))
    assert entry["nickname"] == ("$2b$12$secret",)
    (entry,) = _found(backend, replace(QUERY, excluded=Visibility.of(denied=["email"]).hidden))
    assert "mail" not in entry

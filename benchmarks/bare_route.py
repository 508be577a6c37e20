"""A poll without us: flask-smorest's decorators, one look by the driver, and five headers.

Over a journal, pages of its lines as well, which SQLite joins.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import ldap
import marshmallow as ma
import sqlalchemy as sa
from flask import Flask, Response
from flask_smorest import Blueprint

from tests.support.people import PEOPLE_DN

from .floors import EVERYBODY

Look = Callable[[], object]

BODY = b'{"total":0,"results":[],"removed":[],"itemsPerPage":0,"nextDeltaToken":{"value":"%b"}}'
HEADERS = [
    ("Content-Type", "application/json; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Vary", "Accept"),
    ("ETag", f'W/"{40 * "x"}"'),
    ("X-Request-Id", 16 * "x"),
]


PAGE = "SELECT CAST(group_concat(line, ',') AS BLOB) FROM (%s)"
LINES = "SELECT line FROM gluu_changes_entry WHERE seq > ? ORDER BY seq LIMIT ?"


class _Query(ma.Schema):
    deltaToken = ma.fields.String()  # noqa: N815 - as the operation has it


class _PageQuery(ma.Schema):
    after = ma.fields.Integer()
    count = ma.fields.Integer()


def bare_page(after: int, count: int) -> str:
    """Return the path of so many lines of a journal behind a place."""
    return f"/bare/page?after={after}&count={count}"


def add_bare_route(app: Flask) -> None:
    """Add the routes; each thread has a connection of its own."""
    blueprint, here = Blueprint("bare", __name__), threading.local()

    @blueprint.route("/bare")
    @blueprint.arguments(_Query, location="query")
    @blueprint.response(200)
    @blueprint.doc(operationId="bare")
    def bare(_: dict[str, Any]) -> Response:
        if not hasattr(here, "look"):
            here.look = _look(app.config)
        return Response(BODY % f"{here.look()!s:x<120}".encode(), headers=HEADERS)

    @blueprint.route("/bare/page")
    @blueprint.arguments(_PageQuery, location="query")
    @blueprint.response(200)
    @blueprint.doc(operationId="barePage")
    def page(arguments: dict[str, int]) -> Response:
        if not hasattr(here, "cursor"):
            here.cursor = _cursor(app.config["GLUU_CHANGES_JOURNAL_URL"])
        asked = arguments["after"], arguments["count"]
        (lines,) = here.cursor.execute(PAGE % LINES, asked).fetchone()
        return Response(b'{"results":[%b]}' % lines, headers=HEADERS)

    app.register_blueprint(blueprint)


def _look(config: Mapping[str, Any]) -> Look:
    """Connect to the store; return what asks it for next to nothing."""
    if "GLUU_CHANGES_JOURNAL_URL" in config:
        return _database(config["GLUU_CHANGES_JOURNAL_URL"], "gluu_changes_state", "head")
    if "GLUU_CHANGES_SQL_URL" in config:
        return _database(config["GLUU_CHANGES_SQL_URL"], "gluuPerson", "updatedAt")
    return _directory(config)


def _database(url: str, table: str, name: str) -> Look:
    newest: sa.Select[Any] = sa.select(sa.func.max(sa.column(name))).select_from(sa.table(table))
    statement = str(newest.compile(sa.create_engine(url)))
    cursor = _cursor(url)

    def look() -> object:
        cursor.execute(statement)
        return cursor.fetchall()

    return look


def _cursor(url: str) -> Any:
    return sa.create_engine(url, isolation_level="AUTOCOMMIT").raw_connection().cursor()


def _directory(config: Mapping[str, Any]) -> Look:
    connection = ldap.initialize(config["GLUU_CHANGES_LDAP_URI"])
    connection.simple_bind_s(
        config["GLUU_CHANGES_LDAP_BIND_DN"], config["GLUU_CHANGES_LDAP_BIND_PASSWORD"]
    )
    nobody = f"(&{EVERYBODY}(updatedAt>=20990101000000.000Z))"
    arguments = (PEOPLE_DN, ldap.SCOPE_SUBTREE, nobody, ["1.1"])
    return lambda: connection.search_s(*arguments)

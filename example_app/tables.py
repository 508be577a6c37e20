"""The tables of the embedded people: Gluu's relational layout, a column for each attribute."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Engine, MetaData, String, Table
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.engine import URL
from sqlalchemy.event import listen

Row: TypeAlias = dict[str, Any]
"""One person: column names to Python values; times are UTC without a zone, as Gluu stores them."""

LAYOUTS = {
    "gluu": ("gluuPerson", "oxCreationTimestamp", "ou=people,o=gluu"),
    "janssen": ("jansPerson", "jansCreationTimestamp", "ou=people,o=jans"),
}
"""By profile: the table and the object class, the time of creation, where people are."""

TEXTS = ("cn", "displayName", "givenName", "sn", "gluuStatus", "userPassword", "secretAnswer")
LISTS = ("mail", "mobile")


class Layout:
    """The table of people with the names of a profile."""

    def __init__(self, profile: str) -> None:
        self.object_class, self.created, self.base_dn = LAYOUTS[profile]
        self.table = Table(
            self.object_class,
            MetaData(),
            Column("doc_id", String(64), primary_key=True),
            Column("objectClass", String(48)),
            Column("dn", String(128)),
            Column("inum", String(64)),
            Column("uid", String(64), unique=True),
            *(Column(name, String(256)) for name in TEXTS),
            *(Column(name, JSON) for name in LISTS),
            Column("gluuSLAManager", Boolean),
            Column("myIntegerCustomAttribute", BigInteger),
            Column(self.created, DateTime, index=True),
            Column("updatedAt", DateTime, index=True),
        )

    def identify(self, inum: str) -> Row:
        """Return the columns of a row's identity."""
        dn = f"inum={inum},{self.base_dn}"
        return {"doc_id": inum, "inum": inum, "dn": dn, "objectClass": self.object_class}


def now() -> datetime:
    """Return the time as Gluu writes it: UTC, whole milliseconds, without a zone."""
    moment = datetime.now(UTC).replace(tzinfo=None)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def create_engine(url: URL) -> Engine:
    """Open a SQLite file so that several processes may write to it, and readers never wait."""
    engine = sqlalchemy_engine(url, json_serializer=_to_json, hide_parameters=True)
    listen(engine, "connect", _prepare)
    listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # so that a search finds the text as it is shown


def _prepare(connection: Any, _: object) -> None:
    """Let SQLAlchemy begin transactions, and SQLite compare names of every alphabet."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA secure_delete=ON")  # who is deleted is gone from the file
    connection.create_function("casefold", 1, _casefold, deterministic=True)


def _casefold(text: str | None) -> str | None:
    return text.casefold() if text else text

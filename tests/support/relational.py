"""People in tables as Gluu lays them out: LDAP octets become each dialect's columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.testing import Attributes
from flask_gluu_changes.timestamps import parse_generalized_time
from tests.support.markers import DENIED

TEXT, MANY, TRUTH, TIME, NUMBER, OCTETS = "text", "many", "truth", "time", "number", "octets"

COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("uid", "inum", "cn", "displayName", "givenName", "sn", "mobile"), TEXT),
    **dict.fromkeys(("gluuStatus", "employeeType", "employeeNumber", "l", "locale"), TEXT),
    **dict.fromkeys(("zoneinfo", "oxTrustMetaLastModified", "oxTrustMetaLocation"), TEXT),
    **dict.fromkeys(("userPassword", "secretAnswer", "description", "title"), TEXT),
    **dict.fromkeys(("mail", "memberOf", "oxTrustEmail", "oxOTPDevices"), MANY),
    **dict.fromkeys(("gluuSLAManager", "oxTrustActive", "emailVerified"), TRUTH),
    **dict.fromkeys(("updatedAt", "oxCreationTimestamp", "oxLastLogonTime"), TIME),
    "myIntegerCustomAttribute": NUMBER,
    "jpegPhoto": OCTETS,
}
"""The attributes of people under test, and what each is to a database."""

TYPES: Mapping[str, Mapping[str, TypeEngine[Any]]] = {
    "sqlite": {
        TEXT: sa.Text(),
        MANY: sa.JSON(),
        TRUTH: sa.Boolean(),
        TIME: sa.DateTime(),
        NUMBER: sa.Integer(),
        OCTETS: sa.LargeBinary(),
    },
    "postgresql": {
        TEXT: sa.Text(),
        MANY: postgresql.JSONB(),
        TRUTH: sa.Boolean(),
        TIME: sa.DateTime(),
        NUMBER: sa.Integer(),
        OCTETS: sa.LargeBinary(),
    },
    "mysql": {
        TEXT: sa.String(255),
        MANY: mysql.JSON(),
        TRUTH: sa.SmallInteger(),
        TIME: mysql.DATETIME(fsp=3),
        NUMBER: sa.Integer(),
        OCTETS: sa.LargeBinary(),
    },
}
"""The column types of Gluu's installer, by dialect; SQLite's are those nearest to them."""


class Relational:
    """The people of a database under test, and a backend that reads them."""

    def __init__(self, engine: sa.Engine, *, indexed: bool = True) -> None:
        self.engine = engine
        self.table = _people(engine.dialect.name, indexed=indexed)
        self.registrations = _registrations(engine.dialect.name)
        self.backend = SqlBackend(engine.url)
        self.create()

    def create(self) -> None:
        """Make the tables anew."""
        metadata = self.table.metadata
        metadata.drop_all(self.engine)
        metadata.create_all(self.engine)
        self.registrations.metadata.drop_all(self.engine)
        self.registrations.metadata.create_all(self.engine)

    def add(self, inum: str, attributes: Attributes) -> None:
        """Add a person."""
        self.load([(inum, attributes)])

    def load(self, people: Iterable[tuple[str, Attributes]]) -> None:
        """Add many people."""
        secrets = {"userPassword": [DENIED.encode()], "secretAnswer": [DENIED.encode()]}
        rows = [self._row(inum, {**secrets, **attributes}) for inum, attributes in people]
        names = {name for row in rows for name in row}
        with self.engine.begin() as connection:
            connection.execute(
                self.table.insert(), [{name: row.get(name) for name in names} for row in rows]
            )

    def change(self, inum: str, attributes: Attributes) -> None:
        """Replace attributes of a person."""
        statement = self.table.update().where(self.table.c.doc_id == inum)
        with self.engine.begin() as connection:
            connection.execute(statement, self._values(attributes))

    def remove(self, inum: str) -> None:
        """Delete a person."""
        with self.engine.begin() as connection:
            connection.execute(self.table.delete().where(self.table.c.doc_id == inum))

    def empty(self) -> None:
        """Delete all people and all registered types."""
        with self.engine.begin() as connection:
            connection.execute(self.table.delete())
            connection.execute(self.registrations.delete())

    def register(self, name: str, kind: str) -> None:
        """Register the type of an attribute, as Gluu's administrators do."""
        values = {"doc_id": name, "gluuAttributeName": name, "gluuAttributeType": kind}
        with self.engine.begin() as connection:
            connection.execute(self.registrations.insert(), values)

    def run(self, statement: str, **values: object) -> None:
        """Run a statement of the test's own."""
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement), values)

    def analyze(self) -> None:
        """Let the database count what is in the table, as it does by itself after a while."""
        words = "ANALYZE TABLE" if self.engine.dialect.name == "mysql" else "ANALYZE"
        with self.engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql(f"{words} {self.quoted('gluuPerson')}").close()

    def quoted(self, name: str) -> str:
        """Quote a name as the database wants it."""
        return self.engine.dialect.identifier_preparer.quote(name)

    def close(self) -> None:
        """Give back all connections."""
        self.backend.close()
        self.engine.dispose()

    def _row(self, inum: str, attributes: Attributes) -> dict[str, Any]:
        dn = f"inum={inum},ou=people,o=gluu"
        named = {"inum": [inum.encode()], **attributes}
        return {"doc_id": inum, "objectClass": "gluuPerson", "dn": dn, **self._values(named)}

    def _values(self, attributes: Attributes) -> dict[str, Any]:
        dialect = self.engine.dialect.name
        return {
            name: _cell(COLUMNS[name], values, dialect)
            for name, values in attributes.items()
            if name != "objectClass"
        }


def _people(dialect: str, *, indexed: bool) -> sa.Table:
    types = TYPES[dialect]
    return sa.Table(
        "gluuPerson",
        sa.MetaData(),
        sa.Column("doc_id", sa.String(64), primary_key=True),
        sa.Column("objectClass", sa.String(48)),
        sa.Column("dn", sa.String(128)),
        *(
            sa.Column(name, types[kind], index=indexed and name in TIMES)
            for name, kind in COLUMNS.items()
        ),
        mysql_charset="utf8mb4",
    )


TIMES = ("updatedAt", "oxCreationTimestamp")


def _registrations(dialect: str) -> sa.Table:
    return sa.Table(
        "gluuAttribute",
        sa.MetaData(),
        sa.Column("doc_id", sa.String(64), primary_key=True),
        sa.Column("gluuAttributeName", sa.String(64)),
        sa.Column("gluuAttributeType", sa.String(64)),
    )


def _cell(kind: str, values: Sequence[bytes], dialect: str) -> Any:
    """Write the octets of an attribute as Gluu's persistence layer would."""
    if kind == MANY:
        texts = [value.decode() for value in values]
        return {"v": texts} if dialect == "mysql" else texts
    if not values:
        return None
    (value,) = values
    return _SINGLE[kind](value)


def _time(octets: bytes) -> datetime:
    text = parse_generalized_time(octets.decode())[0]
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


_SINGLE: Mapping[str, Callable[[bytes], Any]] = {
    TEXT: bytes.decode,
    TRUTH: lambda octets: octets == b"TRUE",
    TIME: _time,
    NUMBER: int,
    OCTETS: bytes,
}


def to_json(values: Sequence[str]) -> str:
    """Write a plain array."""
    return json.dumps(values)

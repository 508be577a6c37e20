"""The table of people, by reflection: its columns, their types, and whether times are indexed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    Inspector,
    MetaData,
    String,
    Table,
    TableClause,
    inspect,
    select,
    text,
)
from sqlalchemy import column as column_named
from sqlalchemy import table as table_named
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from ... import forks
from ...backend import IDENTITY
from ...errors import BackendRefused
from ...values import AttributeType
from ...visibility import AttributeInfo
from .columns import Column, reflect_column

log = logging.getLogger(__name__)

TTL_SECONDS = 300.0
"""How late a new column, or a newly registered type, is noticed."""

NOT_SHOWN = frozenset({"doc_id", "dn", "objectclass"})
"""Columns of Gluu's persistence layer that are not attributes."""

_REGISTRATIONS = {
    "gluuAttributeName": "gluuAttributeType",
    "jansAttrName": "jansAttrTyp",
}
"""Where Gluu and Janssen register types: the column of names, and the one of types."""

_JSON_CHECK = re.compile(r"json_valid\(`((?:[^`]|``)+)`\)")
"""MariaDB keeps JSON in a text column with this constraint, which SQLAlchemy does not reflect.

It stands in the table's own definition, which whoever may read the table may see; what
information_schema shows depends on further rights.
"""

_JSON_ALIASES = text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = :schema"
    " AND table_name = :table AND data_type = 'longtext' AND collation_name = 'utf8mb4_bin'"
)
"""The columns of a view that MariaDB's type JSON stands for: it shows no constraints of them."""

_FOUND_IN = text(
    "SELECT nspname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace"
    " WHERE pg_class.oid = to_regclass(:table)"
)
"""Where PostgreSQL finds a table by the session's search_path."""


@dataclass(frozen=True, eq=False)
class TableInfo:
    """What is known of the table; the keys of `columns` and `types` are in lower case.

    indexed: the columns that an index begins with, in lower case. schema: where the table was
    found; None in SQLite. unread_types: the table of types, if it may not be read. mapped: whether
    GLUU_CHANGES_SQL_COLUMNS says which columns are read.
    """

    table: str
    columns: Mapping[str, Column]
    types: Mapping[str, AttributeType]
    indexed: frozenset[str]
    schema: str | None
    unread_types: str
    is_view: bool
    mapped: bool

    @property
    def clause(self) -> TableClause:
        """The table as statements name it: the same one whatever a session's search path is."""
        return table_named(self.table, schema=self.schema)

    def without_index(self, names: Iterable[str]) -> list[str]:
        """Return those of some attributes by whose columns a search has to read all rows."""
        known = [name for name in names if name.lower() in self.columns]
        return [n for n in known if self.columns[n.lower()].column.lower() not in self.indexed]

    def advice_on_index(self, dialect: Dialect, names: Iterable[str]) -> str:
        """Return what an operator has to do, so that polls find changes by an index."""
        columns = [self.columns[name.lower()].column for name in names]
        if self.is_view:
            return f"index {' and '.join(columns)} in the table that the view {self.table} reads"
        quote = dialect.identifier_preparer.quote
        return "; ".join(
            f"CREATE INDEX {quote(f'{self.table}_{column}')} ON {quote(self.table)}"
            f" ({quote(column)})"
            for column in columns
        )

    def describe(self, name: str) -> AttributeInfo | None:
        """Return the names of an attribute, of which its column's is one; None without a column."""
        if name in NOT_SHOWN:
            return AttributeInfo.named(name)
        return self._described.get(name)

    @cached_property
    def _described(self) -> dict[str, AttributeInfo]:
        return {
            name: AttributeInfo(frozenset({name, column.column.lower()}))
            for name, column in self.columns.items()
        }

    def without_column(self, name: str) -> str:
        """Return the sentence that says that an attribute has no column."""
        if self.mapped:
            return f"GLUU_CHANGES_SQL_COLUMNS names no column of {self.table} for {name}"
        return (
            f"the table {self.table} has no column {name}, and GLUU_CHANGES_SQL_COLUMNS names none"
        )


class DatabaseSchema:
    """The table info of a table, read on first use and again when it may have changed."""

    def __init__(self, table: str, attributes_table: str, mapping: Mapping[str, str]) -> None:
        self._table = table
        self._attributes_table = attributes_table
        self._mapping = mapping
        self._lock = forks.new_lock()
        self._cached: tuple[TableInfo, float] | None = None
        self._schema: str | None = None

    @property
    def names(self) -> tuple[object, ...]:
        """The tables, and the columns by their attributes."""
        return self._table, self._attributes_table, sorted(self._mapping.items())

    def current(self) -> TableInfo | None:
        """Return the table info, unless it is older than `TTL_SECONDS`."""
        cached = self._cached
        return cached[0] if cached and monotonic() - cached[1] < TTL_SECONDS else None

    def read(self, connection: Connection) -> TableInfo:
        """Read columns and types; raise SQLAlchemy's NoSuchTableError where there is no table."""
        with self._lock:
            if table_info := self.current():  # another thread was quicker
                return table_info
            schema = self._schema or _schema_of(connection, self._table)
            self._schema = None  # unless the table is there, it is looked for again
            table_info = self._read(connection, schema)
            self._schema = schema
            self._cached = table_info, monotonic()
            return table_info

    def _read(self, connection: Connection, schema: str | None) -> TableInfo:
        inspector = inspect(connection)
        reflected = inspector.get_columns(self._table, schema=schema)
        registered, unread = _registered(connection, inspector, schema, self._attributes_table)
        attributes = _attributes(self._table, reflected, self._mapping)
        columns = _columns(connection, schema, self._table, attributes, registered)
        own = {name: column.kind for name, column in columns.items() if column.kind}
        return TableInfo(
            table=self._table,
            columns=columns,
            types={**own, **registered},
            indexed=frozenset(_indexed(inspector, schema, self._table)),
            schema=schema,
            unread_types=unread,
            is_view=self._table in inspector.get_view_names(schema),
            mapped=bool(self._mapping),
        )

    def forget(self) -> None:
        """Have the table info read again before the next answer, because it may have changed."""
        self._cached = None


def _attributes(
    table: str, reflected: Iterable[ReflectedColumn], mapping: Mapping[str, str]
) -> dict[str, ReflectedColumn]:
    """Return the columns of the attributes in a mapping; without one, all by their own names."""
    if not mapping:
        return {c["name"]: c for c in reflected if c["name"].lower() not in NOT_SHOWN}
    by_name = {column["name"].lower(): column for column in reflected}
    by_name |= {column["name"]: column for column in by_name.values()}
    found = {a: by_name.get(name) or by_name.get(name.lower()) for a, name in mapping.items()}
    missing = [mapping[attribute] for attribute, column in found.items() if column is None]
    if missing:
        there = ", ".join(sorted({column["name"] for column in by_name.values()}))
        raise BackendRefused(
            f"GLUU_CHANGES_SQL_COLUMNS names {', '.join(missing)}, which {table} does not have;"
            f" its columns are {there}"
        )
    return {attribute: column for attribute, column in found.items() if column is not None}


def _columns(
    connection: Connection,
    schema: str | None,
    table: str,
    attributes: Mapping[str, ReflectedColumn],
    registered: Mapping[str, AttributeType],
) -> dict[str, Column]:
    """Return the columns by attribute; whatever type they have, an identity's names are text."""
    in_json, encoded = _checked_json(connection, schema, table), _is_encoded(connection)
    kinds = {**dict.fromkeys(IDENTITY, AttributeType.STRING), **registered}
    return {
        attribute.lower(): reflect_column(
            attribute,
            found["name"],
            found["type"],
            holds_json=found["name"] in in_json,
            registered=kinds.get(attribute.lower()),
            dialect=connection.dialect.name,
            encoded=encoded,
        )
        for attribute, found in attributes.items()
    }


def _schema_of(connection: Connection, table: str) -> str | None:
    """Return where a session finds a table."""
    match connection.dialect.name:
        case "postgresql":
            quoted = connection.dialect.identifier_preparer.quote(table)
            found = connection.scalar(_FOUND_IN, {"table": quoted})
        case "mysql" | "mariadb":
            found = connection.scalar(text("SELECT DATABASE()"))
        case _:
            found = None
    return None if found is None else str(found)


def _is_encoded(connection: Connection) -> bool:
    """Return whether the database knows how its text is encoded."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.scalar(text("SHOW server_encoding")) != "SQL_ASCII")


def _indexed(inspector: Inspector, schema: str | None, table: str) -> Iterator[str]:
    """Yield the columns by which the table can be searched without reading all of it."""
    for index in inspector.get_indexes(table, schema=schema):
        names = index["column_names"]
        if names and names[0]:
            yield names[0].lower()


def _checked_json(connection: Connection, schema: str | None, table: str) -> frozenset[str]:
    if not getattr(connection.dialect, "is_mariadb", False):
        return frozenset()
    quoted = connection.dialect.identifier_preparer.format_table(
        Table(table, MetaData(), schema=schema)
    )
    (shown,) = connection.exec_driver_sql(f"SHOW CREATE TABLE {quoted}").mappings()
    if "View" in shown:
        return frozenset(connection.scalars(_JSON_ALIASES, {"schema": schema, "table": table}))
    names = _JSON_CHECK.findall(shown["Create Table"])
    return frozenset(name.replace("``", "`") for name in names)


def _registered(
    connection: Connection, inspector: Inspector, schema: str | None, table: str
) -> tuple[dict[str, AttributeType], str]:
    """Read the types that administrators gave to attributes in Gluu's or Janssen's console.

    Returns the table's name, too, where it may not be read: the columns' own types count then.
    """
    if not table:
        return {}, ""
    try:
        with _savepoint(connection):
            return dict(_registrations(connection, inspector, schema, table)), ""
    except NoSuchTableError:
        log.info("there is no table %s of attribute types; the columns' own count alone", table)
        return {}, ""
    except DBAPIError as error:
        if error.connection_invalidated:  # the whole answer is asked for again
            raise
        log.warning("the attribute types in %s cannot be read: %s", table, error.orig)
        return {}, table


def _savepoint(connection: Connection) -> AbstractContextManager[object]:
    """Return a savepoint where the first error ends a transaction, as in PostgreSQL."""
    if connection.dialect.name == "postgresql":
        return connection.begin_nested()
    return nullcontext()


def _registrations(
    connection: Connection, inspector: Inspector, schema: str | None, table: str
) -> Iterator[tuple[str, AttributeType]]:
    if not inspector.has_table(table, schema=schema):
        schema = _schema_of(connection, table)
    present = {str(found["name"]) for found in inspector.get_columns(table, schema=schema)}
    for names, types in _REGISTRATIONS.items():
        if {names, types} <= present:
            both = select(column_named(names, String), column_named(types, String))
            rows = connection.execute(both.select_from(table_named(table, schema=schema)))
            yield from _known_types(rows)


def _known_types(rows: Any) -> Iterator[tuple[str, AttributeType]]:
    for name, kind in rows:
        if name and kind in set(AttributeType):
            yield name.lower(), AttributeType(kind)

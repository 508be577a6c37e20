"""The table of people, by reflection: its columns, their types, and whether times are indexed."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Inspector, String, inspect, select, text
from sqlalchemy import column as column_named
from sqlalchemy import table as table_named
from sqlalchemy.exc import DBAPIError

from ...values import AttributeType
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

_JSON_CHECK = re.compile(r"json_valid\(`(.+)`\)")
"""MariaDB keeps JSON in a text column with this constraint, which SQLAlchemy does not reflect."""

_CHECKS = text(
    "SELECT check_clause FROM information_schema.check_constraints"
    " WHERE constraint_schema = DATABASE() AND table_name = :table"
)


@dataclass(frozen=True, eq=False)
class TableInfo:
    """What is known of the table; the keys of `columns` and `types` are in lower case.

    indexed: the columns that an index begins with, in lower case.
    """

    table: str
    columns: Mapping[str, Column]
    types: Mapping[str, AttributeType]
    indexed: frozenset[str]

    def without_index(self, names: Iterable[str]) -> list[str]:
        """Return those of some columns by which a search has to read all rows."""
        return [name for name in names if name.lower() not in self.indexed]


class DatabaseSchema:
    """The table info of a table, read on first use and again when it may have changed."""

    def __init__(self, table: str, attributes_table: str) -> None:
        self._table = table
        self._attributes_table = attributes_table
        self._lock = threading.Lock()
        self._cached: tuple[TableInfo, float] | None = None

    def current(self) -> TableInfo | None:
        """Return the table info, unless it is older than `TTL_SECONDS`."""
        cached = self._cached
        return cached[0] if cached and monotonic() - cached[1] < TTL_SECONDS else None

    def read(self, connection: Connection) -> TableInfo:
        """Read columns and types; raise SQLAlchemy's NoSuchTableError where there is no table."""
        with self._lock:
            if table_info := self.current():  # another thread was quicker
                return table_info
            table_info = _table_info(connection, self._table, self._attributes_table)
            self._cached = table_info, monotonic()
            return table_info

    def forget(self) -> None:
        """Have the table info read again before the next answer, because it may have changed."""
        self._cached = None


def _table_info(connection: Connection, table: str, attributes_table: str) -> TableInfo:
    inspector = inspect(connection)
    reflected = inspector.get_columns(table)
    registered = _registered(connection, inspector, attributes_table)
    in_json = _checked_json(connection, table)
    columns = {
        found["name"].lower(): reflect_column(
            found["name"],
            found["type"],
            holds_json=found["name"] in in_json,
            registered=registered.get(found["name"].lower()),
            native=connection.dialect.name != "sqlite",
        )
        for found in reflected
        if found["name"].lower() not in NOT_SHOWN
    }
    own = {name: column.kind for name, column in columns.items() if column.kind}
    return TableInfo(table, columns, {**own, **registered}, frozenset(_indexed(inspector, table)))


def _indexed(inspector: Inspector, table: str) -> Iterator[str]:
    """Yield the columns by which the table can be searched without reading all of it."""
    for index in inspector.get_indexes(table):
        names = index["column_names"]
        if names and names[0]:
            yield names[0].lower()


def _checked_json(connection: Connection, table: str) -> frozenset[str]:
    if not getattr(connection.dialect, "is_mariadb", False):
        return frozenset()
    checks = connection.scalars(_CHECKS, {"table": table})
    found = (_JSON_CHECK.fullmatch(check) for check in checks)
    return frozenset(match[1] for match in found if match)


def _registered(
    connection: Connection, inspector: Inspector, table: str
) -> dict[str, AttributeType]:
    """Read the types that administrators gave to attributes in Gluu's or Janssen's console."""
    if not table:
        return {}
    if not inspector.has_table(table):
        log.info("there is no table %s of attribute types; the columns' own count alone", table)
        return {}
    try:
        with _savepoint(connection):
            return dict(_registrations(connection, inspector, table))
    except DBAPIError as error:
        if error.connection_invalidated:  # the whole answer is asked for again
            raise
        log.warning("the attribute types in %s cannot be read: %s", table, error.orig)
        return {}


def _savepoint(connection: Connection) -> AbstractContextManager[object]:
    """Return a savepoint where the first error ends a transaction, as in PostgreSQL."""
    if connection.dialect.name == "postgresql":
        return connection.begin_nested()
    return nullcontext()


def _registrations(
    connection: Connection, inspector: Inspector, table: str
) -> Iterator[tuple[str, AttributeType]]:
    present = {str(found["name"]) for found in inspector.get_columns(table)}
    for names, types in _REGISTRATIONS.items():
        if {names, types} <= present:
            both = select(column_named(names, String), column_named(types, String))
            rows = connection.execute(both.select_from(table_named(table)))
            yield from _known_types(rows)


def _known_types(rows: Any) -> Iterator[tuple[str, AttributeType]]:
    for name, kind in rows:
        if name and kind in set(AttributeType):
            yield name.lower(), AttributeType(kind)

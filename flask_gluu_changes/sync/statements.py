"""Statements that each database writes in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import mysql, postgresql, sqlite

Row = dict[str, Any]


def put(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, or replace what is under their keys."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, table), rows)


def _upsert(dialect: str, table: Table) -> Insert:
    others = [column.name for column in table.columns if not column.primary_key]
    if dialect in ("mysql", "mariadb"):
        statement = mysql.insert(table)
        return statement.on_duplicate_key_update({n: statement.inserted[n] for n in others})
    upsert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    values = {name: upsert.excluded[name] for name in others}
    result: Insert = upsert.on_conflict_do_update(index_elements=[*table.primary_key], set_=values)
    return result

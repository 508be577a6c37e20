"""Statements compiled once and run by the driver's own cursor, for what is asked most often.

Run by SQLAlchemy, a statement takes several times as long as SQLite needs to answer it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Dialect, Engine, Select
from sqlalchemy.engine.interfaces import DBAPICursor


class Prepared:
    """A SELECT in a database's own words. Its parameters are numbers or text, by name."""

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._places: list[str] | None = getattr(compiled, "positiontup", None)
        self._constants = compiled.params

    def run(self, cursor: DBAPICursor, **values: int) -> DBAPICursor:
        """Execute it; the rows are to be fetched from the cursor."""
        named, places = {**self._constants, **values}, self._places
        cursor.execute(self._text, named if places is None else [named[name] for name in places])
        return cursor


@contextmanager
def one_look(engine: Engine) -> Iterator[DBAPICursor]:
    """Give a cursor within a transaction, which ends with the block; raises the driver's errors."""
    with engine.connect() as connection, closing(connection.connection.cursor()) as cursor:
        if engine.dialect.name == "sqlite":  # the other drivers begin by themselves
            cursor.execute("BEGIN")
        yield cursor  # SQLAlchemy's pool rolls back what it gets back

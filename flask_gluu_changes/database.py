"""Statements that are compiled once and executed by the driver's own cursor.

Executed by SQLAlchemy, a statement takes several times as long as SQLite needs to answer it. The
exceptions are the driver's own then: `dialect.loaded_dbapi.Error`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.engine.interfaces import DBAPICursor


class CompiledQuery:
    """A SELECT in a database's own words. Its parameters, by name, are what drivers take."""

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._places: list[str] | None = getattr(compiled, "positiontup", None)
        self._constants = compiled.params

    def run(self, cursor: DBAPICursor, **values: object) -> DBAPICursor:
        """Execute it; the rows are to be fetched from the cursor."""
        named, places = {**self._constants, **values}, self._places
        cursor.execute(self.text, named if places is None else [named[name] for name in places])
        return cursor

"""Statements that are compiled once and executed by the driver's own cursor.

Executed by SQLAlchemy, a statement takes several times as long as SQLite needs to answer it. The
exceptions are the driver's own then: `dialect.loaded_dbapi.Error`.
"""

from __future__ import annotations

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.engine.interfaces import DBAPICursor


class CompiledQuery:
    """A SELECT as the text of one dialect. Its parameters, by name, are what drivers take."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        # The names in the order of the question marks, for drivers that take no names.
        self._order: list[str] | None = getattr(compiled, "positiontup", None)
        self._constants = compiled.params

    def run(self, cursor: DBAPICursor, **values: object) -> DBAPICursor:
        """Execute it; the rows are to be fetched from the cursor."""
        named, order = {**self._constants, **values}, self._order
        cursor.execute(self.text, named if order is None else [named[name] for name in order])
        return cursor

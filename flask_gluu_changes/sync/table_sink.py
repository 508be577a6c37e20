"""A table of people in a database, kept equal with the source."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, update
from sqlalchemy.exc import DBAPIError

from ..client import Change
from .database import Database
from .errors import RecordRefused
from .records import REMOVED
from .statements import Row, put
from .tables import people_table
from .target_options import Removals

_REFUSALS = {"DataError", "IntegrityError"}
_REFUSED_STATES = {"22", "23", "P0"}
"""Classes of SQLSTATE: data, constraints, and what a trigger raises in PL/pgSQL."""

_REFUSED_NUMBERS = {1644, 3819, 4025}
"""MariaDB and MySQL: what a trigger signals, and constraints."""


class TableSink:
    """Writes to a table within the transaction in which the state is written."""

    def __init__(self, database: Database, name: str, removals: Removals) -> None:
        self._database = database
        self._table = people_table(name)
        self._removals = removals

    def prepare(self) -> None:
        """Make the table, unless it is there."""
        self._database.make([self._table])

    def apply(self, changes: Sequence[Change]) -> None:
        """Write changes to the table."""
        connection = self._database.connection
        gone = [change.id for change in changes if change.kind == REMOVED]
        try:
            if gone:
                self._remove(connection, gone)
            put(connection, self._table, [_row(c) for c in changes if c.kind != REMOVED])
        except UnicodeError as error:
            raise RecordRefused("a text is no Unicode") from error
        except DBAPIError as error:
            if not _is_refusal(error):
                raise
            raise RecordRefused(f"the table refuses it: {_reason(error)}") from error

    def close(self) -> None:
        """Leave the session to its owner."""

    def _remove(self, connection: Connection, ids: list[str]) -> None:
        those = self._table.c.id.in_(ids)
        if self._removals == "delete":
            connection.execute(delete(self._table).where(those))
        elif self._removals == "disable":
            connection.execute(update(self._table).where(those).values(active=False))


class SeparateTableSink(TableSink):
    """Writes to a table of another database than that of the state, so at least once."""

    def prepare(self) -> None:
        """Open the database, and make the table unless it is there."""
        self._database.open()
        super().prepare()

    def apply(self, changes: Sequence[Change]) -> None:
        """Write changes in a transaction of their own."""
        with self._database.transaction():
            super().apply(changes)

    def close(self) -> None:
        """End the session."""
        self._database.close()


def _row(change: Change) -> Row:
    return {
        "id": change.id,
        "inum": change.inum,
        "version": change.version,
        "active": True,
        "attributes": change.attributes,
    }


def _is_refusal(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return False
    state = (getattr(error.orig, "sqlstate", None) or "")[:2]
    number = next(iter(getattr(error.orig, "args", ())), None)
    kind = type(error).__name__
    return kind in _REFUSALS or state in _REFUSED_STATES or number in _REFUSED_NUMBERS


def _reason(error: DBAPIError) -> str:
    """Name the kind of a refusal; what the database says may repeat values."""
    found = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
    number = next((n for n in getattr(error.orig, "args", ()) if isinstance(n, int)), None)
    return f"{type(error.orig).__name__} {found or number or ''}".strip()

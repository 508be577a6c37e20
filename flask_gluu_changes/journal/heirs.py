"""Who has an inum whose former owner is told to be removed afterwards.

A follower reads people as they are now, so it may hear of an inum's new owner before it hears that
the former one is gone. A client that keys on inums would remove the new owner then: so the new one
is told once more, behind the removal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from sqlalchemy import Connection, RowMapping, bindparam, select

from .records import with_version
from .tables import ENTRIES

REMEMBERED = 50_000
"""Those who got an inum last; whose removal is told even later is found by the next snapshot."""

_LIVING = select(ENTRIES).where(
    ENTRIES.c.id.in_(bindparam("ids", expanding=True)), ENTRIES.c.removed.is_(None)
)

_Row: TypeAlias = RowMapping | dict[str, Any]


class Heirs:
    """Who got which inum last, as far as the holder of the lease wrote it."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def note(self, row: _Row, known: _Row | None) -> None:
        """Take in a row that takes the place of a known one, if any."""
        had = known["inum"] if known is not None and known["removed"] is None else None
        if row["removed"] is None and row["inum"] != had:
            self._ids.pop(row["inum"], None)
            self._ids[row["inum"]] = row["id"]
            if len(self._ids) > REMEMBERED:
                del self._ids[next(iter(self._ids))]

    def rows(
        self, connection: Connection, written: Iterable[_Row], suspects: Iterable[str]
    ) -> list[dict[str, Any]]:
        """Return the rows of those who are to be told again, because of what is written now.

        suspects: ids that may be among them, besides those that were noted.
        """
        gone = {row["inum"] for row in written if row["removed"] is not None}
        noted = {self._ids[inum] for inum in gone if inum in self._ids}
        ids = {*noted, *suspects} - {row["id"] for row in written} if gone else ()
        found = connection.execute(_LIVING, {"ids": [*ids]}).mappings() if ids else ()
        return [_again(dict(row)) for row in found if row["inum"] in gone]


def _again(row: dict[Any, Any]) -> dict[str, Any]:
    version = row["version"] + 1
    return {**row, "version": version, "line": with_version(row["line"], version)}

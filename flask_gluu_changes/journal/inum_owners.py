"""Who has an inum whose former owner is told to have left it afterwards.

A follower reads people as they are now, so it may hear of an inum's new owner before it hears that
the former one is gone, or has another inum. A client that keys on inums would remove the new owner
then: so the new one is told once more, behind that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import Connection, LargeBinary, RowMapping, bindparam, select

from .records import with_version
from .rows import RowChange, Stamp
from .tables import ENTRIES, parts_of, to_octets

REMEMBERED = 50_000
"""Those who got an inum last; whose removal is told even later is found by the next snapshot."""

NO_INUM = ""
"""Of those who have none, and of all where inums are hidden."""

_LIVING = select(ENTRIES).where(
    ENTRIES.c.id.in_(bindparam("ids", expanding=True, type_=LargeBinary)),
    ENTRIES.c.removed.is_(None),
)


class InumOwners:
    """Who got which inum lately, as far as the holder of the lease knows."""

    def __init__(self) -> None:
        self._ids: dict[str, tuple[str, ...]] = {}

    def note_shared(self, inums: Mapping[str, str]) -> None:
        """Take in who has which inum, by id, of all people.

        Of several who share one, each may turn out to be the former owner.
        """
        numbers = Counter(inums.values())
        for id_, inum in inums.items():
            if numbers[inum] > 1:
                self._note_owner(inum, id_)

    def told_again(
        self,
        connection: Connection,
        changes: list[RowChange],
        suspects: Iterable[str],
        stamp: Stamp,
    ) -> list[RowChange]:
        """Return what tells those again whose inum somebody had who leaves it by changes.

        suspects: ids that may be among them, besides those that were noted. Whoever gets an inum by
        the changes is noted.
        """
        gone = {inum for change in changes for inum in _left(*change)} - {NO_INUM}
        found = self._living(connection, gone, changes, suspects) if gone else ()
        for change in changes:
            self._note(*change)
        return [
            _again(row, changes[-1].row["seq"] + number, stamp)
            for number, row in enumerate(found, start=1)
        ]

    def _living(
        self,
        connection: Connection,
        gone: set[str],
        changes: list[RowChange],
        suspects: Iterable[str],
    ) -> list[RowMapping]:
        noted = chain.from_iterable(self._ids.get(inum, ()) for inum in gone)
        ids = {*noted, *suspects}.difference(row["id"] for row, _ in changes)
        if not ids:
            return []
        found = (
            connection.execute(_LIVING, {"ids": part}).mappings()
            for part in parts_of([*map(to_octets, ids)])
        )
        return [row for rows in found for row in rows if row["inum"] in gone]

    def _note(self, row: dict[str, Any], known: Any) -> None:
        """Take in a row that takes the place of a known one, if any."""
        had = known["inum"] if known is not None and known["removed"] is None else None
        if row["removed"] is None and row["inum"] != had:
            self._note_owner(row["inum"], row["id"])

    def _note_owner(self, inum: str, id_: str) -> None:
        """Keep all who got an inum: they are told in any order, the former owner last, too."""
        if inum == NO_INUM:
            return
        before = self._ids.pop(inum, ())
        self._ids[inum] = before if id_ in before else (*before, id_)
        if len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]


def _left(row: dict[str, Any], known: Any) -> Iterator[str]:
    """Yield the inum that somebody no longer has with a row, by removal or by another inum."""
    if row["removed"] is not None:
        yield row["inum"]
    elif known is not None and known["removed"] is None and known["inum"] != row["inum"]:
        yield known["inum"]


def _again(known: RowMapping, seq: int, stamp: Stamp) -> RowChange:
    line = with_version(known["line"], stamp.version)
    row = {**dict(known), "seq": seq, "version": stamp.version, "line": line}
    return RowChange(row, known)

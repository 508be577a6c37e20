"""From what an ingester saw to the rows that change: no-op writes end here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from .identities import Identity, line_of, removal_of
from .tables import ENTRIES

Row: TypeAlias = dict[str, Any]
Known: TypeAlias = RowMapping

AT_ONCE = 500
"""Identities to be looked up by one statement; databases limit parameters."""

_LOOK_UP = select(
    *(ENTRIES.c[name] for name in ("id", "version", "digest", "removed", "inum", "uid"))
).where(ENTRIES.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Change:
    """A row that will be written; known tells an update from an insert."""

    row: Row
    known: bool


def changes_of(
    connection: Connection, seen: Mapping[str, Identity | str], head: int, floor: int
) -> list[Change]:
    """Compare what was seen with what is known; give each difference a place behind the head.

    floor: removals up to there may have been forgotten. A version never exceeds its row's place, so
    whoever comes back from among them begins above all versions that were ever told.
    """
    known = _known(connection, list(seen))
    found: list[Change] = []
    places = count(head + 1)
    for id_, identity in seen.items():
        row = _difference(identity, known.get(id_), floor + 1)
        if row is not None:
            found.append(Change({**row, "seq": next(places)}, id_ in known))
    return found


def apply(connection: Connection, changes: list[Change], at: int) -> None:
    """Write the rows. at: when, which is kept for removed identities."""
    for change in changes:
        change.row["removed_at"] = at if change.row["removed"] else None
    new = [change.row for change in changes if not change.known]
    moved = [{**change.row, "known_id": change.row["id"]} for change in changes if change.known]
    if new:
        _insert(connection, new)
    if moved:
        connection.execute(_MOVE, moved)


def _insert(connection: Connection, rows: list[Row]) -> None:
    """Insert without SQLAlchemy's work on each row, which costs as much as the database's."""
    compiled = insert(ENTRIES).compile(dialect=connection.dialect)
    names = compiled.positiontup or []
    values = [tuple(map(row.__getitem__, names)) for row in rows] if names else rows
    connection.exec_driver_sql(str(compiled), values)


_MOVE = (
    update(ENTRIES)
    .where(ENTRIES.c.id == bindparam("known_id"))
    .values({column.name: bindparam(column.name) for column in ENTRIES.c})
)


def _known(connection: Connection, ids: list[str]) -> dict[str, Known]:
    rows = (
        row._mapping for part in _parts(ids) for row in connection.execute(_LOOK_UP, {"ids": part})
    )
    return {row["id"]: row for row in rows}


def _parts(ids: list[str]) -> Iterator[list[str]]:
    return (ids[i : i + AT_ONCE] for i in range(0, len(ids), AT_ONCE))


def _difference(seen: Identity | str, known: Known | None, first: int) -> Row | None:
    alive = known is not None and known["removed"] is None
    version = known["version"] + 1 if known else first
    if isinstance(seen, Identity):
        same = alive and known is not None and known["digest"] == seen.digest
        return None if same else _row(seen, version, created=not alive)
    return _removal(known, seen, version) if alive and known is not None else None


def _row(identity: Identity, version: int, *, created: bool) -> Row:
    return {
        "id": identity.id,
        "version": version,
        "digest": identity.digest,
        "changed_at": identity.changed_at,
        "counts_until": identity.counts_until,
        "removed": None,
        "inum": identity.inum,
        "uid": identity.uid,
        "sort_key": identity.sort_key,
        "line": line_of(identity, version, created=created),
    }


def _removal(known: Known, reason: str, version: int) -> Row:
    """Keep the names of a removed identity, and nothing of its content."""
    id_, inum, uid = known["id"], known["inum"], known["uid"]
    return {
        "id": id_,
        "version": version,
        "digest": b"",
        "changed_at": 0,
        "counts_until": 0,
        "removed": reason,
        "inum": inum,
        "uid": uid,
        "sort_key": b"",
        "line": removal_of(id_, inum, uid, reason, version),
    }

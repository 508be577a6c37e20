"""The rows of identities: what is known of them, what differs, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.types import UserDefinedType

from .batch import Change, WriteBatch
from .records import Identity, line_of, removal_of
from .tables import ENTRIES, JournalState, now, parts_of, to_octets

DELETE_SIZE = 5000
"""Rows to be deleted by one statement."""

LAST_TIME = 2**52
"""Of a clock, in microseconds (2112): every reader of JSON takes whole numbers up to 2**53."""

_OCTET_TEXTS = ("id", "inum", "uid")
_OCTETS = ("digest", "sort_key", "line")

_Row: TypeAlias = dict[str, Any]
_Known: TypeAlias = RowMapping | _Row


class _Bound(UserDefinedType[Any]):
    """What is bound as it is, without SQLAlchemy's work on each."""

    cache_ok = True


# Built once: SQLAlchemy takes as long to build a statement as to execute it.
_LOOK_UP = select(*(ENTRIES.c[name] for name in ("id", "digest", "removed", "inum", "uid"))).where(
    ENTRIES.c.id.in_(bindparam("ids", expanding=True, type_=_Bound))
)
_REPLACE = (
    update(ENTRIES)
    .where(ENTRIES.c.id == bindparam("known_id"))
    .values({column.name: bindparam(column.name) for column in ENTRIES.c})
)


class Names(NamedTuple):
    """What a removal tells of somebody besides the id."""

    inum: str
    uid: str


class RowChange(NamedTuple):
    """A row that will be written; known: what was known of it, then it is an update."""

    row: _Row
    known: RowMapping | _Row | None


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the changes of one transaction have in common.

    version: the time, or one more than the last version where the clock stands, was set back or
    cannot be right. So it is higher than all versions before, also than those that were given out
    by a journal that was lost, or restored from a backup. epoch: in another one, what is known
    has to be told again.
    """

    at: int
    version: int
    epoch: str

    @classmethod
    def after(cls, state: JournalState, given_out: int = 0) -> Stamp:
        """Return the stamp of the transaction that comes after a state, and after a version."""
        at = now()
        last = max(state.version, given_out)
        return cls(at, max(last + 1, at if at <= LAST_TIME else 0), state.epoch)


def row_changes(
    connection: Connection,
    batch: WriteBatch,
    state: JournalState,
    stamp: Stamp,
    lost: Mapping[str, Names],
) -> list[RowChange]:
    """Compare what was seen with what is known; each difference gets a seq behind the head.

    Removals come first: who is created again under the same inum must not be removed after it.

    lost: people whom clients may know though the journal does not, by id; a batch that repairs
    tells that they are gone.
    """
    seen = batch.changes
    known = {} if batch.strangers else known_rows(connection, list(seen))
    seqs = count(state.head + 1)
    changes: list[RowChange] = []
    removed = {id_: change for id_, change in seen.items() if isinstance(change, str)}
    for id_, change in {**removed, **seen}.items():
        before: _Known | None = known.get(id_)
        if batch.repairs:
            before = _distrusted(before or _lost_row(id_, lost, change))
        row = _difference(change, before, stamp)
        if row is not None:
            row["seq"] = next(seqs)
            changes.append(RowChange(row, known.get(id_)))
    return changes


def with_true_head(connection: Connection, state: JournalState) -> JournalState:
    """Return the state with its head behind every row, also those that nobody should have."""
    last = connection.scalar(select(func.max(ENTRIES.c.seq))) or 0
    return replace(state, head=max(state.head, last))


def _lost_row(id_: str, lost: Mapping[str, Names], change: Change) -> _Row | None:
    """Return what clients may know of somebody who is gone."""
    if id_ not in lost or not isinstance(change, str):
        return None
    return {"id": id_, **lost[id_]._asdict()}


def _distrusted(known: _Known | None) -> _Known | None:
    """Return what is known of an identity such that every change of it is one."""
    return None if known is None else {**known, "digest": None, "removed": None}


def known_rows(connection: Connection, ids: list[str]) -> dict[str, RowMapping]:
    """Return what is known of some identities, by id; nothing of those that never were."""
    bound = _bound_by(connection)
    keys = [bound(to_octets(id_)) for id_ in ids]
    found = (connection.execute(_LOOK_UP, {"ids": part}).mappings() for part in parts_of(keys))
    return {row["id"]: row for rows in found for row in rows}


def _difference(change: Change, known: _Known | None, stamp: Stamp) -> _Row | None:
    entry = known if known is not None and known["removed"] is None else None
    if isinstance(change, Identity):
        digest = change.digest_in(stamp.epoch)
        same = entry is not None and entry["digest"] == digest
        return None if same else _entry_row(change, digest, stamp.version, created=entry is None)
    if isinstance(change, str) and entry is not None:
        return _removal_row(entry, change, stamp)
    return None


def _entry_row(identity: Identity, digest: bytes, version: int, *, created: bool) -> _Row:
    return {
        "id": identity.id,
        "version": version,
        "digest": digest,
        "changed_at": identity.changed_at,
        "counts_until": identity.counts_until,
        "removed": None,
        "removed_at": None,
        "inum": identity.inum,
        "uid": identity.uid,
        "sort_key": identity.sort_key,
        "line": line_of(identity, version, created=created),
    }


def _removal_row(known: _Known, reason: str, stamp: Stamp) -> _Row:
    """Keep the names of a removed identity, and nothing of its content."""
    id_, inum, uid = known["id"], known["inum"], known["uid"]
    return {
        "id": id_,
        "version": stamp.version,
        "digest": b"",
        "changed_at": 0,
        "counts_until": 0,
        "removed": reason,
        "removed_at": stamp.at,
        "inum": inum,
        "uid": uid,
        "sort_key": b"",
        "line": removal_of(id_, inum, uid, reason, stamp.version),
    }


def count_removals(changes: list[RowChange]) -> int:
    """Return how many changes remove somebody."""
    return sum(row["removed"] is not None for row, _ in changes)


def write_rows(connection: Connection, changes: list[RowChange]) -> None:
    """Write changed rows; who is known moves to its new place."""
    new = [row for row, known in changes if known is None]
    moved = [{**row, "known_id": row["id"]} for row, known in changes if known is not None]
    if new:
        _insert(connection, new)
    if moved:
        connection.execute(_REPLACE, moved)


def _bound_by(connection: Connection) -> type[bytes] | type[bytearray]:
    """Return the type of octets that a driver binds most quickly.

    Python's sqlite3 asks its adapters about each object but for a few types, of which bytes are
    none: that takes as long as SQLite's own work on a row.
    """
    return bytearray if connection.dialect.name == "sqlite" else bytes


def _insert(connection: Connection, rows: list[_Row]) -> None:
    """Insert without SQLAlchemy's work on each row, which costs as much as the database's."""
    filled = _filled_columns(rows)
    compiled = insert(ENTRIES).compile(dialect=connection.dialect, column_keys=filled)
    names = compiled.positiontup or filled
    bound = _bound_by(connection)
    values: Any = zip(*(_column(rows, name, bound) for name in names), strict=True)
    if not compiled.positiontup:
        values = (dict(zip(names, row, strict=True)) for row in values)
    connection.exec_driver_sql(str(compiled), [*values])


def _filled_columns(rows: list[_Row]) -> list[str]:
    """Name the columns but those that may be empty and are, of which nearly no row has anything.

    Python's sqlite3 asks its adapters about None, too.
    """
    empty = {c.name for c in ENTRIES.c if c.nullable and all(row[c.name] is None for row in rows)}
    return [name for name in ENTRIES.c.keys() if name not in empty]  # noqa: SIM118


def _column(rows: list[_Row], name: str, bound: Callable[[bytes], Any]) -> list[Any]:
    """Return what is bound for a column; None stays, and the database refuses it by its error."""
    values = [row[name] for row in rows]
    if name in _OCTET_TEXTS:
        return [bound(text.encode("utf-8", "surrogatepass")) for text in values]
    return [value and bound(value) for value in values] if name in _OCTETS else values


def delete_entries(connection: Connection, which: ColumnElement[bool]) -> None:
    """Delete in parts: each statement has to end within the time-out for an answer."""
    some = select(ENTRIES.c.seq).where(which).limit(DELETE_SIZE)
    while seqs := connection.scalars(some).all():
        connection.execute(delete(ENTRIES).where(ENTRIES.c.seq.in_(seqs)))

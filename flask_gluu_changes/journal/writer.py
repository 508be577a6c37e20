"""Writing the journal: by one process at a time, each batch in one transaction.

A lease in the database says who writes. Every transaction checks it, so that a writer whose lease
was taken over cannot write any more, however late it wakes. Writes that change nothing end here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias

from sqlalchemy import (
    Connection,
    Engine,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from ..errors import GluuChangesError
from .records import Identity, line_of, removal_of
from .tables import (
    COMMITS,
    ENTRIES,
    STATE,
    JournalState,
    commit_row,
    create,
    new_epoch,
    now,
    read_state,
    writer_engine,
)

DELETED, OUT_OF_SCOPE = "deleted", "outOfScope"
"""Why an identity is removed."""

EXACT, LAGGING = "exact", "lagging"
"""How a source is followed."""

SECOND = 1_000_000
"""In microseconds."""

LOOKUP_SIZE = 500
"""Identities to be looked up by one statement; databases limit parameters."""

# Built once: SQLAlchemy takes as long to build a statement as to execute it.
_RENEW_LEASE = (
    update(STATE).where(STATE.c.holder == bindparam("mine")).values(held_until=bindparam("until"))
)
_ADVANCE = update(STATE).values(
    {name: bindparam(name) for name in ("confirmed_at", "head", "cookie", "built")}
)
_ADD_COMMIT = insert(COMMITS)
_LOOK_UP = select(
    *(ENTRIES.c[name] for name in ("id", "version", "digest", "removed", "inum", "uid"))
).where(ENTRIES.c.id.in_(bindparam("ids", expanding=True)))
_REPLACE = (
    update(ENTRIES)
    .where(ENTRIES.c.id == bindparam("known_id"))
    .values({column.name: bindparam(column.name) for column in ENTRIES.c})
)

_Row: TypeAlias = dict[str, Any]


class LeaseLost(GluuChangesError):
    """Another ingester has taken over; this one must end without writing."""


@dataclass
class WriteBatch:
    """What one transaction writes; of several changes of an identity the last one counts.

    cookie: how far the source has been read with this batch; None leaves it. built: True with the
    batch that completes the first reading of an epoch. changes: by id, an identity or the reason
    for its removal.
    """

    cookie: str | None = None
    built: bool | None = None
    changes: dict[str, Identity | str] = field(default_factory=dict)

    def put(self, identity: Identity) -> None:
        """Add or change an identity; nothing is written when its content is the one known."""
        self.changes.pop(identity.id, None)
        self.changes[identity.id] = identity

    def remove(self, id_: str, reason: str) -> None:
        """Remove an identity, for the reason `deleted` or `outOfScope`; unknown ones do no harm."""
        self.changes.pop(id_, None)
        self.changes[id_] = reason


class Writer:
    """The holder of the lease. Its methods raise LeaseLost when it no longer is.

    seconds: how long the lease lasts without being renewed; every commit renews it.
    """

    def __init__(self, engine: Engine, *, seconds: float = 15.0) -> None:
        self._engine = writer_engine(engine)
        self._lease_micros = int(seconds * SECOND)
        self.name = secrets.token_hex(8)

    def acquire(self) -> bool:
        """Take the lease if nobody holds it; False while somebody does."""
        create(self._engine)
        free = or_(STATE.c.holder.in_(["", self.name]), STATE.c.held_until < now())
        held = {"holder": self.name, "held_until": now() + self._lease_micros}
        with self._engine.begin() as connection:
            return connection.execute(update(STATE).where(free).values(held)).rowcount == 1

    def renew(self) -> None:
        """Renew the lease without writing anything."""
        with self._transaction():
            pass

    def release(self) -> None:
        """Release the lease, so that another can take it at once."""
        mine = STATE.c.holder == self.name
        with self._engine.begin() as connection:
            connection.execute(update(STATE).where(mine).values(holder="", held_until=0))

    def state(self) -> JournalState:
        """Read the journal's state."""
        with self._engine.begin() as connection:
            return read_state(connection)

    def inums(self) -> dict[str, str]:
        """Return the inum of every identity that is not removed, by its id."""
        with self._engine.begin() as connection:
            entries = select(ENTRIES.c.id, ENTRIES.c.inum).where(ENTRIES.c.removed.is_(None))
            return {row.id: row.inum for row in connection.execute(entries)}

    def follow(self, source: str, level: str, why: str) -> None:
        """Note what is followed and how; another source than before begins a new epoch.

        The first word of a source tells what its identities are. Where they are others than
        before, all that is known is forgotten: it would be removed under the people's own inums.
        """
        before = self.state().source
        if before not in {"", source}:
            self.begin_epoch(forget=before.split()[0] != source.split()[0])
        with self._transaction() as connection:
            connection.execute(update(STATE).values(source=source, level=level, why=why))

    def begin_epoch(self, *, forget: bool = False) -> None:
        """Begin a new epoch, because continuity cannot be proven: every token becomes void.

        What is known stays, so that versions go on; the next reading of the source corrects it.
        Unless it is to be forgotten.
        """
        with self._transaction() as connection:
            head = read_state(connection).head
            fresh = {"epoch": new_epoch(), "floor": head, "built": False, "cookie": ""}
            connection.execute(update(STATE).values(fresh))
            if forget:
                connection.execute(delete(ENTRIES))

    def commit(self, batch: WriteBatch) -> int:
        """Write a batch, all of it or nothing; return the number of identities that changed."""
        with self._transaction() as connection:
            state = read_state(connection)
            changes = _row_changes(connection, batch.changes, state, now())
            _write(connection, changes)
            _advance(connection, state, batch, len(changes))
        return len(changes)

    def prune(self, before: int) -> None:
        """Forget removals and commits from before a time; tokens that need them get a 410."""
        old = ENTRIES.c.removed_at < before
        with self._transaction() as connection:
            highest = connection.scalar(select(func.max(ENTRIES.c.seq)).where(old))
            if highest is not None:
                connection.execute(delete(ENTRIES).where(old))
                floor = max(highest, read_state(connection).floor)
                connection.execute(update(STATE).values(floor=floor))
            last = connection.scalar(select(func.max(COMMITS.c.seq)).where(COMMITS.c.at < before))
            if last is not None:  # it stays: until the next commit, tokens were issued at it
                connection.execute(delete(COMMITS).where(COMMITS.c.seq < last))

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Begin a transaction that holds the state's row, if the lease is still ours."""
        with self._engine.begin() as connection:
            mine = {"mine": self.name, "until": now() + self._lease_micros}
            if connection.execute(_RENEW_LEASE, mine).rowcount != 1:
                raise LeaseLost("another process follows the source now; this one ends")
            yield connection


@dataclass(frozen=True, slots=True)
class _RowChange:
    """A row that will be written; known: as an update, else as an insert."""

    row: _Row
    known: bool


def _row_changes(
    connection: Connection, seen: Mapping[str, Identity | str], state: JournalState, at: int
) -> list[_RowChange]:
    """Compare what was seen with what is known; each difference gets a seq behind the head.

    Removals up to the floor may have been forgotten. A version never exceeds its row's seq, so
    whoever comes back from among them begins above all versions that clients ever got.
    """
    known = _known_rows(connection, list(seen))
    seqs = count(state.head + 1)
    changes: list[_RowChange] = []
    for id_, change in seen.items():
        row = _difference(change, known.get(id_), state.floor + 1, at)
        if row is not None:
            changes.append(_RowChange({**row, "seq": next(seqs)}, id_ in known))
    return changes


def _known_rows(connection: Connection, ids: list[str]) -> dict[str, RowMapping]:
    parts = (ids[i : i + LOOKUP_SIZE] for i in range(0, len(ids), LOOKUP_SIZE))
    found = (connection.execute(_LOOK_UP, {"ids": part}).mappings() for part in parts)
    return {row["id"]: row for rows in found for row in rows}


def _difference(
    change: Identity | str, known: RowMapping | None, first_version: int, at: int
) -> _Row | None:
    is_entry = known is not None and known["removed"] is None
    version = known["version"] + 1 if known else first_version
    if isinstance(change, Identity):
        same = is_entry and known is not None and known["digest"] == change.digest
        return None if same else _entry_row(change, version, created=not is_entry)
    return _removal_row(known, change, version, at) if is_entry and known is not None else None


def _entry_row(identity: Identity, version: int, *, created: bool) -> _Row:
    return {
        "id": identity.id,
        "version": version,
        "digest": identity.digest,
        "changed_at": identity.changed_at,
        "counts_until": identity.counts_until,
        "removed": None,
        "removed_at": None,
        "inum": identity.inum,
        "uid": identity.uid,
        "sort_key": identity.sort_key,
        "line": line_of(identity, version, created=created),
    }


def _removal_row(known: RowMapping, reason: str, version: int, at: int) -> _Row:
    """Keep the names of a removed identity, and nothing of its content."""
    id_, inum, uid = known["id"], known["inum"], known["uid"]
    return {
        "id": id_,
        "version": version,
        "digest": b"",
        "changed_at": 0,
        "counts_until": 0,
        "removed": reason,
        "removed_at": at,
        "inum": inum,
        "uid": uid,
        "sort_key": b"",
        "line": removal_of(id_, inum, uid, reason, version),
    }


def _write(connection: Connection, changes: list[_RowChange]) -> None:
    new = [change.row for change in changes if not change.known]
    moved = [{**change.row, "known_id": change.row["id"]} for change in changes if change.known]
    if new:
        _insert(connection, new)
    if moved:
        connection.execute(_REPLACE, moved)


def _insert(connection: Connection, rows: list[_Row]) -> None:
    """Insert without SQLAlchemy's work on each row, which costs as much as the database's."""
    compiled = insert(ENTRIES).compile(dialect=connection.dialect)
    names = compiled.positiontup or []
    values = [tuple(map(row.__getitem__, names)) for row in rows] if names else rows
    connection.exec_driver_sql(str(compiled), values)


def _advance(connection: Connection, state: JournalState, batch: WriteBatch, changed: int) -> None:
    head = state.head + changed
    values: _Row = {
        "confirmed_at": now(),
        "head": head,
        "cookie": state.cookie if batch.cookie is None else batch.cookie,
        "built": state.built if batch.built is None else batch.built,
    }
    connection.execute(_ADVANCE, values)
    if changed:
        connection.execute(_ADD_COMMIT, commit_row(head))

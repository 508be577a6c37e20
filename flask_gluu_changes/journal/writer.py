"""Writing the journal: by one process at a time, each batch in one transaction.

A lease in the database says who writes. Every transaction checks it, so that a writer whose lease
was taken over cannot write any more, however late it wakes. Writes that change nothing end here,
and what the database does not take is set aside, entry by entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    Connection,
    Engine,
    LargeBinary,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from .failures import JournalUnavailable, journal_errors, reason_of, refuses_values
from .files import forget_overwritten
from .lease import SECOND as SECOND
from .lease import Lease
from .lease import LeaseLost as LeaseLost
from .quarantine import Quarantine, Unwritable, forget_quarantined
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
    to_octets,
    writer_engine,
)

DELETED, OUT_OF_SCOPE = "deleted", "outOfScope"
"""Why an identity is removed."""

EXACT, LAGGING = "exact", "lagging"
"""How a source is followed."""

LOOKUP_SIZE = 500
"""Identities to be looked up by one statement; databases limit parameters."""

# Built once: SQLAlchemy takes as long to build a statement as to execute it.
_ADVANCE = update(STATE).values(
    {name: bindparam(name) for name in ("confirmed_at", "head", "cookie", "built")}
)
_OCTET_TEXTS = ("id", "inum", "uid")
_ADD_COMMIT = insert(COMMITS)
_LOOK_UP = select(
    *(ENTRIES.c[name] for name in ("id", "version", "digest", "removed", "inum", "uid"))
).where(ENTRIES.c.id.in_(bindparam("ids", expanding=True, type_=LargeBinary)))
_REPLACE = (
    update(ENTRIES)
    .where(ENTRIES.c.id == bindparam("known_id"))
    .values({column.name: bindparam(column.name) for column in ENTRIES.c})
)

_Row: TypeAlias = dict[str, Any]
_Change: TypeAlias = Identity | str | Unwritable


@dataclass
class WriteBatch:
    """What one transaction writes; of several changes of an identity the last one counts.

    cookie: how far the source has been read with this batch; None leaves it. built: True with the
    batch that completes the first reading of an epoch. changes: by id, an identity, the reason for
    its removal, or what says that it cannot be written. confirmed_at: the moment of which nothing
    is missing with this batch; None leaves it.
    """

    cookie: str | None = None
    confirmed_at: int | None = None
    built: bool | None = None
    changes: dict[str, _Change] = field(default_factory=dict)

    def put(self, identity: Identity) -> None:
        """Add or change an identity; nothing is written when its content is the one known."""
        self.changes.pop(identity.id, None)
        self.changes[identity.id] = identity

    def set_aside(self, id_: str, unwritable: Unwritable) -> None:
        """Note that an entry cannot be written; what is known of the identity stays."""
        self.changes.pop(id_, None)
        self.changes[id_] = unwritable

    def parts(self) -> tuple[WriteBatch, WriteBatch]:
        """Return the batch as two of half its changes each, to be written one after the other."""
        changes = [*self.changes.items()]
        half = len(changes) // 2
        return WriteBatch(changes=dict(changes[:half])), replace(self, changes=dict(changes[half:]))

    def remove(self, id_: str, reason: str) -> None:
        """Remove an identity, for the reason `deleted` or `outOfScope`; unknown ones do no harm."""
        self.changes.pop(id_, None)
        self.changes[id_] = reason


class Writer:
    """The holder of the lease. Its methods raise LeaseLost when it no longer is.

    They raise JournalUnavailable while the database cannot be used. seconds: how long the lease
    lasts without being renewed; every commit renews it.
    """

    def __init__(self, engine: Engine, *, seconds: float = 15.0) -> None:
        self._reading = engine
        self._engine = writer_engine(engine)
        self._lease = Lease(engine, seconds)
        self._quarantine = Quarantine()
        self._created = False

    @property
    def name(self) -> str:
        """The name by which the journal knows this writer."""
        return self._lease.name

    @name.setter
    def name(self, name: str) -> None:
        self._lease.name = name

    def acquire(self) -> bool:
        """Take the lease if nobody holds it; False while somebody does."""
        self._quarantine.reset()
        try:
            with journal_errors():
                if not self._created:
                    create(self._reading)
                    self._created = True
                return self._lease.take()
        except JournalUnavailable:
            self._created = False  # it may come back without its tables
            raise

    def renew(self) -> None:
        """Renew the lease without writing anything."""
        with self._transaction():
            pass

    def release(self) -> None:
        """Release the lease, so that another can take it at once."""
        with journal_errors():
            self._lease.release()

    def state(self) -> JournalState:
        """Read the journal's state."""
        with journal_errors(), self._engine.begin() as connection:
            return read_state(connection)

    def inums(self) -> dict[str, str]:
        """Return the inum of every identity that is not removed, by its id.

        Those that could not be written are among them.
        """
        with journal_errors(), self._engine.begin() as connection:
            entries = select(ENTRIES.c.id, ENTRIES.c.inum).where(ENTRIES.c.removed.is_(None))
            inums = dict.fromkeys(self._quarantine.ids(connection), "")
            inums.update((row.id, row.inum) for row in connection.execute(entries))
        return inums

    def largest_entry(self) -> int | None:
        """Return how many octets the JSON of an entry may have here; None for no limit."""
        with journal_errors(), self._engine.begin() as connection:
            return self._quarantine.largest_entry(connection)

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
                forget_quarantined(connection)
        self._quarantine.reset()

    def commit(self, batch: WriteBatch) -> int:
        """Write a batch; return the number of identities that changed.

        All of it is written or nothing, except for entries that the database does not take: they
        are set aside, and the batch is written in parts.
        """
        try:
            return self._commit_whole(batch)
        except Exception as error:
            if not refuses_values(error):
                raise
            return self._commit_apart(batch, error)

    def _commit_whole(self, batch: WriteBatch) -> int:
        with self._transaction() as connection:
            self._quarantine.sift(connection, batch.changes)
            state = read_state(connection)
            changes = _row_changes(connection, batch.changes, state, now())
            _write(connection, changes)
            ids = self._quarantine.write(connection, batch.changes)
            _advance(connection, state, batch, len(changes))
        self._quarantine.note(ids, batch.changes)
        return len(changes)

    def _commit_apart(self, batch: WriteBatch, error: Exception) -> int:
        """Find the entries that the database does not take, by halves, and set them aside."""
        if len(batch.changes) > 1:
            first, second = batch.parts()
            return self.commit(first) + self.commit(second)
        for id_, change in batch.changes.items():
            if isinstance(change, Identity):
                set_aside = {id_: Unwritable(reason_of(error))}
                return self.commit(replace(batch, changes={**set_aside}))
        raise error

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
        if self._engine.dialect.name == "sqlite":
            with journal_errors():
                forget_overwritten(self._engine)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Begin a transaction that holds the state's row, if the lease is still ours."""
        with journal_errors(), self._engine.begin() as connection:
            self._lease.renew(connection)
            yield connection


class _RowChange(NamedTuple):
    """A row that will be written; known: as an update, else as an insert."""

    row: _Row
    known: bool


def _row_changes(
    connection: Connection, seen: Mapping[str, _Change], state: JournalState, at: int
) -> list[_RowChange]:
    """Compare what was seen with what is known; each difference gets a seq behind the head.

    Removals come first: who is created again under the same inum must not be removed after it.
    Removals up to the floor may have been forgotten. A version never exceeds its row's seq, so
    whoever comes back from among them begins above all versions that clients ever got.
    """
    known = _known_rows(connection, list(seen))
    seqs = count(state.head + 1)
    changes: list[_RowChange] = []
    for id_, change in sorted(seen.items(), key=lambda item: not isinstance(item[1], str)):
        row = _difference(change, known.get(id_), state.floor + 1, at)
        if row is not None:
            row["seq"] = next(seqs)
            changes.append(_RowChange(row, id_ in known))
    return changes


def _known_rows(connection: Connection, ids: list[str]) -> dict[str, RowMapping]:
    keys = [*map(to_octets, ids)]
    parts = (keys[i : i + LOOKUP_SIZE] for i in range(0, len(keys), LOOKUP_SIZE))
    found = (connection.execute(_LOOK_UP, {"ids": part}).mappings() for part in parts)
    return {row["id"]: row for rows in found for row in rows}


def _difference(
    change: _Change, known: RowMapping | None, first_version: int, at: int
) -> _Row | None:
    if isinstance(change, Unwritable):
        return None
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
    for row in rows:
        for name in _OCTET_TEXTS:
            row[name] = to_octets(row[name])
    values = [tuple(map(row.__getitem__, names)) for row in rows] if names else rows
    connection.exec_driver_sql(str(compiled), values)


def _advance(connection: Connection, state: JournalState, batch: WriteBatch, changed: int) -> None:
    head = state.head + changed
    values: _Row = {
        "confirmed_at": state.confirmed_at if batch.confirmed_at is None else batch.confirmed_at,
        "head": head,
        "cookie": state.cookie if batch.cookie is None else batch.cookie,
        "built": state.built if batch.built is None else batch.built,
    }
    connection.execute(_ADVANCE, values)
    if changed:
        connection.execute(_ADD_COMMIT, commit_row(head))

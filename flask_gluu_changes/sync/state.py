"""What a job remembers between two runs: where it is, whom it knows, what it could not hand on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, inspect, select

from ..client import Change
from .database import Database
from .errors import SyncError
from .records import body_of, change_of, digest_of, head_of
from .spool import Spooled
from .statements import Row, put
from .tables import StateTables

FORMAT = "1"
"""Of the tables; another version of the program may have another one."""

ROWS = 1000
"""Fetched at a time, and named by one statement."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the index knows of an identity.

    Attributes:
        id: The identity.
        version: The highest version that was applied.
        digest: That of the content; empty for those who were removed.
        inum: The inum that came with it.
    """

    id: str
    version: int
    digest: bytes
    inum: str


@dataclass(frozen=True, slots=True)
class Aside:
    """A record that a target refused: what it was, why it was refused, and when (ISO 8601)."""

    spooled: Spooled
    reason: str
    at: str


class State:
    """The tables of a state within a database that is open.

    All that writes takes the connection of a transaction that its caller began.
    """

    def __init__(self, database: Database, prefix: str) -> None:
        self.database = database
        self.tables = StateTables.named(prefix)

    def prepare(self) -> None:
        """Make the tables that are not there; raise SyncError for those of another format."""
        self.database.make(self.tables.metadata.sorted_tables)
        with self.database.transaction() as connection:
            found = self._facts(connection).get("format")
            if found is None:
                self.note(connection, format=FORMAT)
            elif found != FORMAT:
                raise SyncError(
                    f"the state in {self.database.place} has format {found}, and this version of"
                    f" gluu-changes knows {FORMAT}; begin another state"
                )

    def is_there(self) -> bool:
        """Return whether the tables are there."""
        with self.database.transaction() as connection:
            return inspect(connection).has_table(self.tables.facts.name)

    def facts(self) -> Mapping[str, str]:
        """Return all facts by their names."""
        with self.database.transaction() as connection:
            return self._facts(connection)

    def note(self, connection: Connection, **facts: str) -> None:
        """Write facts."""
        rows = [{"name": name, "value": value} for name, value in facts.items()]
        put(connection, self.tables.facts, rows)

    def position(self, selection: str) -> str:
        """Return where to go on; empty where there is no position, or one of another selection.

        selection: the URL and the attributes, as a text.
        """
        facts = self.facts()
        position = facts.get("position", "")
        if position and facts.get("selection") != selection:
            return ""
        return position

    def move(self, connection: Connection, position: str, selection: str) -> None:
        """Note where to go on."""
        self.note(connection, position=position, selection=selection)

    def time(self, name: str) -> datetime | None:
        """Return a fact that is a time."""
        text = self.facts().get(name)
        return datetime.fromisoformat(text) if text else None

    def count(self) -> int:
        """Return how many people are known and not removed."""
        index = self.tables.index.c
        query = select(func.count()).where(index.digest.is_not(None))
        with self.database.transaction() as connection:
            return int(connection.scalar(query) or 0)

    def known(self, connection: Connection, ids: Iterable[str]) -> dict[str, Known]:
        """Return what is known of some identities."""
        rows = connection.execute(self._known, {"ids": [*ids]})
        return {row.id: Known(row.id, row.version, row.digest or b"", row.inum) for row in rows}

    def present(self, ids: Sequence[str]) -> Iterator[Known]:
        """Yield those of some identities who are known and not removed."""
        for i in range(0, len(ids), ROWS):
            with self.database.transaction() as connection:
                found = self.known(connection, ids[i : i + ROWS])
            yield from (known for known in found.values() if known.digest)

    def everybody(self) -> Iterator[Known]:
        """Yield all who are known and not removed, in the order of their ids."""
        last = ""
        while rows := self._after(last):
            yield from rows
            last = rows[-1].id

    def write(self, connection: Connection, rows: Sequence[Known]) -> None:
        """Write what is known from now on."""
        put(connection, self.tables.index, [_row(known) for known in rows])

    def forget_removed(self, connection: Connection) -> None:
        """Forget who was removed: after a reading of everybody, nothing older can come."""
        index = self.tables.index
        connection.execute(delete(index).where(index.c.digest.is_(None)))

    def aside(self) -> list[Aside]:
        """Return the records that were set aside."""
        with self.database.transaction() as connection:
            rows = connection.execute(select(self.tables.aside)).all()
        return [
            Aside(Spooled(change_of(row.head, row.body), row.digest), row.reason, row.at)
            for row in rows
        ]

    def aside_digests(self, connection: Connection) -> dict[str, bytes]:
        """Return the digests of the records that were set aside."""
        aside = self.tables.aside.c
        rows = connection.execute(select(aside.id, aside.digest))
        return {row.id: row.digest for row in rows}

    def set_aside(self, connection: Connection, change: Change, reason: str) -> None:
        """Keep a record that a target refuses."""
        body = body_of(change)
        row = {"id": change.id, "head": head_of(change), "body": body, "digest": digest_of(body)}
        put(connection, self.tables.aside, [{**row, "reason": reason, "at": _now()}])

    def take_back(self, connection: Connection, ids: Iterable[str]) -> None:
        """Forget what was set aside of some identities."""
        connection.execute(delete(self.tables.aside).where(self.tables.aside.c.id.in_([*ids])))

    def held(self) -> list[tuple[str, str]]:
        """Return ids and inums of those whose removal the brake held back."""
        held = self.tables.held.c
        with self.database.transaction() as connection:
            return [(row.id, row.inum) for row in connection.execute(select(held.id, held.inum))]

    def hold(self, connection: Connection, removals: Mapping[str, str]) -> None:
        """Replace the list of those whose removal is held back; inums by id."""
        connection.execute(delete(self.tables.held))
        rows = [{"id": id_, "inum": inum} for id_, inum in removals.items()]
        if rows:
            connection.execute(insert(self.tables.held), rows)

    @cached_property
    def _known(self) -> Select[tuple[str, int, bytes, str]]:
        index = self.tables.index.c
        query = select(index.id, index.version, index.digest, index.inum)
        return query.where(index.id.in_(bindparam("ids", expanding=True)))

    def _after(self, last: str) -> list[Known]:
        index = self.tables.index.c
        query = select(index.id, index.version, index.digest, index.inum)
        query = query.where(index.digest.is_not(None), index.id > last)
        with self.database.transaction() as connection:
            rows = connection.execute(query.order_by(index.id).limit(ROWS)).all()
        return [Known(row.id, row.version, row.digest, row.inum) for row in rows]

    def _facts(self, connection: Connection) -> dict[str, str]:
        facts = self.tables.facts.c
        return {row.name: row.value for row in connection.execute(select(facts.name, facts.value))}


def _row(known: Known) -> Row:
    return {
        "id": known.id,
        "version": known.version,
        "digest": known.digest or None,
        "inum": known.inum,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

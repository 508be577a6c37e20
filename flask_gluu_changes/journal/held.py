"""The removals that are held back, because too many would go at once.

Who is held back stays as an entry, until the source has it again, or an operator confirms that it
is meant to go. All is kept in the journal's database, so that it outlives whoever fills it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from .records import Identity
from .tables import ENTRIES, HELD, STATE, now, parts_of

FEW = 10
"""Removals that always go: of a small number of people everybody may."""

WINDOW = 600_000_000
"""Microseconds within which removals count together."""


class Held(NamedTuple):
    """Stands for a removal that is held back; inum: of the entry, which stays."""

    inum: str
    reason: str


class HeldRemovals:
    """The removals that are held back, as far as the holder of the lease knows them.

    known: by id; None before they were read.
    """

    def __init__(self) -> None:
        self.known: dict[str, Held] | None = None

    def reset(self) -> None:
        """Forget what is known: another process may have written since."""
        self.known = None

    def load(self, connection: Connection) -> dict[str, Held]:
        """Return who is held back, by id."""
        if self.known is None:
            found = connection.execute(select(HELD.c.id, HELD.c.inum, HELD.c.reason))
            self.known = {id_: Held(inum, reason) for id_, inum, reason in found}
        return self.known

    def choose(
        self, connection: Connection, gone: Mapping[str, str], coming: Collection[str], share: float
    ) -> dict[str, str]:
        """Return those of the gone whose removal is to be held back; inums by id.

        gone: they are entries still. coming: inums of those who are added. Who only has another id
        now is not gone: a client that keys on inums must not lose the new one by a late removal.
        """
        held = self.load(connection)
        lost = {id_: inum for id_, inum in gone.items() if inum not in coming}
        known, fresh = lost.keys() & held.keys(), lost.keys() - held.keys()
        if fresh and (held or exceeds(connection, len(fresh), share)):
            staying = _inums_besides(connection, gone.keys() | held.keys())
            fresh = {id_ for id_ in fresh if lost[id_] not in staying}
        too_many = held or exceeds(connection, len(fresh), share)
        return {id_: lost[id_] for id_ in (known | fresh if too_many else known)}

    def sift(self, connection: Connection, changes: dict[str, Any]) -> None:
        """Add the removals of those whose inum comes with another id: they are replaced."""
        held = self.load(connection)
        if held:
            ids = {known.inum: id_ for id_, known in held.items() if known.inum}
            for change in [*changes.values()]:
                id_ = ids.get(change.inum) if isinstance(change, Identity) else None
                if id_ is not None and not isinstance(changes.get(id_), Identity):
                    changes[id_] = held[id_].reason

    def write(self, connection: Connection, changes: Mapping[str, Any], at: int) -> dict[str, Held]:
        """Write who is held back from now on, and who no longer is; return all after it."""
        before = self.load(connection)
        new = {i: c for i, c in changes.items() if isinstance(c, Held) and i not in before}
        ended = {i for i in before.keys() & changes.keys() if not isinstance(changes[i], Held)}
        for part in parts_of([*ended]):
            connection.execute(delete(HELD).where(HELD.c.id.in_(part)))
        if new:
            connection.execute(insert(HELD), [_row(id_, held, at) for id_, held in new.items()])
        if not new and not ended:
            return before
        return {i: held for i, held in before.items() if i not in ended} | new

    def note(self, held: dict[str, Held]) -> None:
        """Take in what was committed."""
        self.known = held


def exceeds(connection: Connection, removals: int, share: float) -> bool:
    """Return whether so many removals are too many, with those of a short time before.

    That is before now, or before the first of those that are held back. Those before the last
    release do not count: an operator knows of them.
    """
    began = connection.scalar(select(func.min(HELD.c.at))) or now()
    released = connection.scalar(select(STATE.c.released_at)) or 0
    recent = _count(connection, ENTRIES.c.removed_at > max(began - WINDOW, released))
    if removals + recent <= FEW:
        return False
    everybody = _count(connection, ENTRIES.c.removed_at.is_(None)) + recent
    return removals + recent > share * everybody


def count_held(connection: Connection) -> int:
    """Return how many removals are held back."""
    return connection.scalar(select(func.count()).select_from(HELD)) or 0


def confirmed_removals(connection: Connection) -> dict[str, str]:
    """Return the removals that were held back and confirmed: reasons by id."""
    found = connection.execute(select(HELD.c.id, HELD.c.reason).where(HELD.c.confirmed.is_(True)))
    return {row.id: row.reason for row in found}


def confirm_removals(connection: Connection) -> int:
    """Confirm the removals that are held back now; return how many they are."""
    return connection.execute(update(HELD).values(confirmed=True)).rowcount


def forget_held(connection: Connection) -> None:
    """Forget all removals that are held back, because their entries are forgotten."""
    connection.execute(delete(HELD))


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(ENTRIES).where(condition)) or 0


def _inums_besides(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return the inums of all entries but some."""
    entries = select(ENTRIES.c.id, ENTRIES.c.inum).where(ENTRIES.c.removed_at.is_(None))
    return {inum for id_, inum in connection.execute(entries) if inum and id_ not in ids}


def _row(id_: str, held: Held, at: int) -> dict[str, object]:
    return {"id": id_, "inum": held.inum, "reason": held.reason, "at": at, "confirmed": False}

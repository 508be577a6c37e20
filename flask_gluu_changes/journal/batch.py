"""What one transaction of the journal writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from .held import Held
from .quarantine import Unwritable
from .records import Identity

Change: TypeAlias = Identity | str | Unwritable | Held | None
"""Of an identity: how it is, the reason for its removal, what stands for either, or none."""


@dataclass
class WriteBatch:
    """What one transaction writes; of several changes of an identity the last one counts.

    cookie: how far the source has been read with this batch; None leaves it. built: True with the
    batch that completes the first reading of an epoch. changes: by id. confirmed_at: the moment of
    which nothing is missing with this batch; None leaves it. releases: the removals were held back,
    and may go now. repairs: changes are written whatever is known, which is not to be trusted.
    doubted: the cookie of its parts, where it cannot be written as a whole; None leaves it.
    again: ids of people who may have the inum of one who is removed with this batch; they are told
    again, behind the removal. strangers: nobody of the changes was ever written, so nobody is
    looked up.
    """

    cookie: str | None = None
    confirmed_at: int | None = None
    built: bool | None = None
    changes: dict[str, Change] = field(default_factory=dict)
    releases: bool = False
    repairs: bool = False
    again: set[str] = field(default_factory=set)
    strangers: bool = False
    doubted: str | None = None

    def put(self, identity: Identity) -> None:
        """Add or change an identity; nothing is written when its content is the one known."""
        self.changes.pop(identity.id, None)
        self.changes[identity.id] = identity

    def set_aside(self, id_: str, unwritable: Unwritable) -> None:
        """Note that an entry cannot be written; what is known of the identity stays."""
        self.changes.pop(id_, None)
        self.changes[id_] = unwritable

    def remove(self, id_: str, reason: str) -> None:
        """Remove an identity, for the reason `deleted` or `outOfScope`; unknown ones do no harm."""
        self.changes.pop(id_, None)
        self.changes[id_] = reason

    def keep(self, id_: str) -> None:
        """Note that an identity is as it was: its removal is no longer held back."""
        self.changes.setdefault(id_, None)

    def hold(self, id_: str, inum: str, reason: str) -> None:
        """Hold a removal back; the entry stays."""
        self.changes[id_] = Held(inum, reason)

    def told(self) -> dict[str, Change]:
        """Return the changes that the source told, and that are not held back."""
        marks = (Held, type(None))
        return {id_: c for id_, c in self.changes.items() if not isinstance(c, marks)}

    def removals(self) -> dict[str, str]:
        """Return the reasons of all removals, by id."""
        return {id_: change for id_, change in self.changes.items() if isinstance(change, str)}

    def halves(self) -> tuple[WriteBatch, WriteBatch]:
        """Return the batch as two of half its changes each, to be written one after the other."""
        first, second = self.parts(max(1, (len(self.changes) + 1) // 2))
        return first, second

    def parts(self, most: int) -> Iterator[WriteBatch]:
        """Yield batches of so many changes at most, to be written one after the other."""
        changes = [*self.changes.items()]
        while len(changes) > most:
            part = dict(changes[:most])
            yield replace(self, changes=part, cookie=self.doubted, confirmed_at=None, built=None)
            changes = changes[most:]
        yield replace(self, changes=dict(changes))

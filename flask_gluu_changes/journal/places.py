"""What the journal's readers and their callers say to each other; needs no database."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import GluuChangesError


class Gone(GluuChangesError):
    """The journal can no longer tell what came since a place; only a full run helps."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a client has read: all up to `after`, on its way to `until`.

    epoch, mark: of the journal and of the commit at `until`, by which the place is recognized.
    removals: whether the run tells removals; a full run need not. Where `after` is `until` the run
    is over, and the next one goes from there to the head of that moment.
    """

    epoch: str
    after: int
    until: int
    mark: str
    removals: bool

    @property
    def is_end(self) -> bool:
        """Tell the end of a run, which a delta token names, from a place within it."""
        return self.after == self.until


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a run: the JSON objects of entries and of removals, in the order of seq.

    order: for each row whether it is an entry, so that a stream keeps the order. latest: the
    highest change time, microseconds since the epoch; 0 for none. next: where to go on. head: the
    place behind everything there was at this look.
    """

    entries: list[bytes]
    removed: list[bytes]
    order: list[bool]
    latest: int
    next: Place
    head: Place


@dataclass(frozen=True, slots=True)
class Status:
    """What operators want to know of a journal; see `tables.STATE` for the fields."""

    level: str
    why: str
    epoch: str
    head: int
    built: bool
    confirmed_at: int

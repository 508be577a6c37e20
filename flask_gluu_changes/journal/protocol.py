"""What a backend that keeps changes in order offers to its callers; needs no database to import."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from ..backend import Backend
from ..errors import GluuChangesError


class ResyncRequired(GluuChangesError):
    """The journal can no longer tell what came since a position; only a full run helps."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a client has read: all up to `after`, on its way to `until`.

    epoch, commit_id: of the journal and of the commit at `until`, by which the position is recognized.
    removals: whether the run tells removals; a full run need not. Where `after` is `until` the run
    is over, and the next one goes from there to the head of that moment.
    """

    epoch: str
    after: int
    until: int
    commit_id: str
    removals: bool

    @property
    def is_end(self) -> bool:
        """Tell the end of a run, which a delta token names, from a position within it."""
        return self.after == self.until


@dataclass(frozen=True, slots=True)
class Slice:
    """Some rows of a run: the JSON objects of entries and of removals, in the order of seq.

    order: for each row whether it is an entry, so that a stream keeps the order. latest: the
    highest change time, microseconds since the epoch; 0 for none. next: where to go on. head: the
    position behind everything there was at this look.
    """

    entries: list[bytes]
    removed: list[bytes]
    order: list[bool]
    latest: int
    next: Position
    head: Position


@dataclass(frozen=True, slots=True)
class Status:
    """What operators want to know of a journal; see `tables.STATE` for the fields."""

    level: str
    why: str
    epoch: str
    head: int
    built: bool
    confirmed_at: int


class SequenceBackend(Backend):
    """A backend that knows the order of changes, so that clients follow it by tokens.

    Its methods raise BackendUnavailable while it cannot answer, and Gone for a position that it
    cannot go on from. source: whom `flask gluu-changes follow` fills it from, if it is filled so.
    """

    source: Backend | None = None

    @abstractmethod
    def read_slice(self, position: Position | None, size: int) -> Slice:
        """Read at most `size` rows from a position; None begins a full run."""

    @abstractmethod
    def latest(self) -> Position:
        """Give the position behind everything there is."""

    @abstractmethod
    def status(self) -> Status:
        """Tell how the journal is, built or not."""

    @abstractmethod
    def wait(self, position: Position, seconds: float, *, most: int) -> bool:
        """Return True when something came after a position, False after so many seconds without.

        The end of the waits counts as something. most: so many may wait in this process; beyond it
        BackendUnavailable is raised.
        """

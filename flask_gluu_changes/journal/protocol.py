"""What a backend that keeps changes in order offers to its callers; needs no database to import."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from ..backend import Backend
from ..errors import GluuChangesError


class ResyncRequired(GluuChangesError):
    """The journal can no longer say what came since a position; only a full run helps."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a client has read: everything up to `after`, in a run that ends at `until`.

    Where `after` equals `until` the run is over, and the next one goes from there to the head of
    that moment.

    Attributes:
        epoch: The epoch of the journal.
        after: The seq of the last row that was read.
        until: The seq of the last row of the run.
        commit_id: The id of the commit at `until`, by which the position is recognized.
        removals: Whether the run reports removals; a full run need not.
    """

    epoch: str
    after: int
    until: int
    commit_id: str
    removals: bool

    @property
    def is_end(self) -> bool:
        """Whether this is the end of a run, which a delta token names, and not within one."""
        return self.after == self.until

    def moved(self, after: int, *, removals: bool) -> Position:
        """Return the position behind another row of the same run."""
        return Position(self.epoch, after, self.until, self.commit_id, removals)


@dataclass(frozen=True, slots=True)
class Slice:
    """Some rows of a run, as the JSON objects that clients get.

    Attributes:
        entries: Objects of entries, in the order of seq; or a few texts of several each, joined.
        removed: Objects of removed identities, in the order of seq.
        order: For each row whether it is an entry, so that a stream can keep the order of seq.
        latest: The highest change time, in microseconds since the epoch; 0 for none.
        next: Where to go on.
        head: The position behind everything that the journal held when the slice was read.
        settings_digest: `Settings.digest` under which the objects were written; empty where that is
            not known.
    """

    entries: list[bytes]
    removed: list[bytes]
    order: list[bool]
    latest: int
    next: Position
    head: Position
    settings_digest: str = ""

    @property
    def total(self) -> int:
        """The number of entries, joined or not."""
        return len(self.order) - len(self.removed)


@dataclass(frozen=True, slots=True)
class Status:
    """What operators want to know of a journal.

    Attributes:
        level: `exact` when no change is missed, `lagging` when the source is polled, `unknown`
            before anything was followed.
        why: The reason for the level, as a sentence.
        epoch: The epoch, which changes whenever continuity cannot be proven.
        head: The highest seq.
        built: Whether everything has been read once in this epoch.
        confirmed_at: When the source was last known to hold nothing newer, in microseconds since
            the epoch; 0 for never.
        quarantined: How many entries could not be written as they are now.
        held: How many removals are held back, because too many came at once.
    """

    level: str
    why: str
    epoch: str
    head: int
    built: bool
    confirmed_at: int
    quarantined: int = 0
    held: int = 0


class SequenceBackend(Backend):
    """A backend that knows the order of changes, so that clients can follow it by tokens.

    All its methods raise BackendUnavailable while it cannot answer.

    Attributes:
        source: The backend that `flask gluu-changes follow` fills it from, if it is filled so.
    """

    source: Backend | None = None

    @abstractmethod
    def read_slice(self, position: Position | None, size: int) -> Slice:
        """Read the next rows of a run.

        Args:
            position: Where to go on; None begins a full run.
            size: The highest number of rows.

        Raises:
            ResyncRequired: The run cannot go on from the position.
        """

    def read_joined(self, position: Position | None, size: int, separator: bytes) -> Slice:
        """Read the same, the entries joined where the store does that more quickly.

        Args:
            position: Where to go on; None begins a full run.
            size: The highest number of rows.
            separator: What stands between two objects.

        Raises:
            ResyncRequired: The run cannot go on from the position.
        """
        return self.read_slice(position, size)

    @abstractmethod
    def latest(self, told: Position | None = None) -> Position:
        """Return the position behind everything there is.

        Args:
            told: How far the client was told; then it may be one of a while ago.
        """

    @abstractmethod
    def status(self) -> Status:
        """Return what the journal says of itself, built or not."""

    def count_people(self) -> int | None:
        """Return how many people there are, for metrics; by default nobody counts them."""
        return None

    @abstractmethod
    def wait(self, position: Position, seconds: float, *, gone: Callable[[], bool]) -> bool:
        """Return True when something came after a position, False after so many seconds without.

        The end of the waits counts as something, and so does a client that has gone.

        Args:
            position: How far the client has read.
            seconds: The longest wait.
            gone: Returns whether the client has closed its connection; to be asked now and then.
        """

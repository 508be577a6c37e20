"""The events by which a store of people that can be followed reports its changes to the journal.

A follower reads a store from a cookie on and yields events until the stop signal is set. The
journal's ingest writes what they report; how they were found is the follower's own matter.
"""

from __future__ import annotations

import os
import select
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple, Protocol, TypeAlias

from .errors import GluuChangesError
from .model import Entry


class NotFollowable(GluuChangesError):
    """A store cannot report each change, for the reason in the text; it is polled instead."""


class ContinuityLost(GluuChangesError):
    """The changes after the cookie cannot be reported any more; a new epoch must begin."""


class SnapshotStarted(NamedTuple):
    """A snapshot begins; a complete one names everybody, else those who may have changed."""

    complete: bool


class Upserted(NamedTuple):
    """An identity as it is now."""

    id: str
    entry: Entry


class Unchanged(NamedTuple):
    """Identities that exist and have not changed since the cookie."""

    ids: list[str]


class Deleted(NamedTuple):
    """Identities that are no longer among the people."""

    ids: list[str]


class DeleteUnmentioned(NamedTuple):
    """All that the snapshot named neither as upserted nor as unchanged are deleted.

    Before that `Follower.present` is asked about them.
    """


class Checkpoint(NamedTuple):
    """All changes up to a cookie have been reported; `ends_snapshot` says that a snapshot ends."""

    cookie: str
    ends_snapshot: bool = False


class Heartbeat(NamedTuple):
    """There is nothing to report at the moment; `pending` changes are known, but not read yet."""

    pending: bool = False


Event: TypeAlias = (
    SnapshotStarted | Upserted | Unchanged | Deleted | DeleteUnmentioned | Checkpoint | Heartbeat
)


class StopSignal:
    """Ends a follower from outside: from a signal handler or another thread.

    A pipe stands for it, so that a follower can wait for it and for its connection at once.

    Attributes:
        heartbeat_interval: After how many seconds without a change a follower yields a Heartbeat.
        is_set: Whether the follower should stop.
    """

    def __init__(self, heartbeat_interval: float = 5.0) -> None:
        self.heartbeat_interval = heartbeat_interval
        self.is_set = False
        self._read_end, self._write_end = os.pipe()

    def set(self) -> None:
        """Ask the follower to stop, and wake it if it waits."""
        self.is_set = True
        # allowed in a signal handler, and wakes select() also where no signal interrupts it
        os.write(self._write_end, b"!")

    def wait(self, seconds: float, *files: int) -> bool:
        """Wait for the stop signal or for files to become readable.

        Args:
            seconds: The longest time to wait.
            files: File descriptors.

        Returns:
            False where the time passed before anything happened.
        """
        return bool(select.select([self._read_end, *files], [], [], max(0.0, seconds))[0])

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._read_end)
        os.close(self._write_end)


class Follower(Protocol):
    """Follows the changes of one store.

    Attributes:
        source: What is followed, the first word being the kind of identity. Cookies are of no use
            to a follower with another source.
        level: `exact` where no change is missed, else `lagging`.
        why: The reason for the level, as a sentence that clients read in the status.
    """

    source: str
    level: str
    why: str

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Yield what happened after a cookie, beginning with a SnapshotStarted.

        Args:
            cookie: The cookie of a Checkpoint; "" is before everything.
            stop: Ends the follower.

        Raises:
            BackendUnavailable: The store cannot answer; trying again may help.
            BackendRefused: The store cannot answer until its operator acts.
            ContinuityLost: The cookie is of no use any more.
        """

    def doubted(self, cookie: str) -> str:
        """Return a cookie that stands for the same, and for nothing that was told before it.

        It is saved with identities of which no Checkpoint tells yet. A follower whose cookies say
        nothing of how identities were told returns the cookie as it is.

        Args:
            cookie: The cookie of a Checkpoint; "" is before everything.
        """

    def present(self, ids: Collection[str]) -> set[str]:
        """Return those identities that are there though a snapshot did not name them.

        A search of a store that goes on meanwhile may miss whoever is moved. They are left as they
        are, and the follower reports them later. One that cannot look identities up returns nobody.
        """

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Return those of the deleted identities that still exist outside of what is followed."""

    def read(self, ids: Collection[str] | None = None) -> Iterator[Upserted]:
        """Yield identities as they are now: those of some ids, or everybody; follows nothing.

        Raises:
            BackendUnavailable: The store cannot answer; trying again may help.
            BackendRefused: The store cannot answer until its operator acts.
        """

    def count(self) -> int | None:
        """Return the number of people, to show progress; None where counting takes long."""


class SnapshotProgress:
    """Is told the progress of a complete snapshot; this one ignores it."""

    def started(self, follower: Follower) -> None:
        """Take note that a complete snapshot begins."""

    def advanced(self, number: int) -> None:
        """Take note of how many identities were read since the last call."""

    def finished(self) -> None:
        """Take note that everybody was read."""


class FollowMeter:
    """Is told what the journal's ingest does; this one ignores it."""

    def connected(self, is_connected: bool) -> None:
        """Take note of whether this process reads the source."""

    def written(self, changes: int, removals: int, confirmed_at: int | None) -> None:
        """Take note of changes that were written, and of the removals among them.

        Args:
            changes: How many.
            removals: How many of them are removals.
            confirmed_at: When the source was known to hold nothing newer, in microseconds since the
                epoch; None where it is not known now.
        """

    def swept(self, result: str) -> None:
        """Take note that a snapshot has `completed`, or `failed` before its end."""

    def held(self, number: int) -> None:
        """Take note of how many removals are held back."""

"""The events by which a store that can be followed tells its changes to the journal.

A follower reads a store of people from a cookie on and yields events until it is told to stop. The
journal writes what they say; it does not know how they were found.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypeAlias

from .errors import GluuChangesError
from .model import Entry


class NotFollowable(GluuChangesError):
    """A store cannot tell each change, for the reason in the text: it is asked at intervals."""


class ContinuityLost(GluuChangesError):
    """What lies between the cookie and now cannot be told: a new epoch must begin."""


class SnapshotStarted(NamedTuple):
    """A listing begins. complete: it names everybody, or else those who may have changed."""

    complete: bool


class Upserted(NamedTuple):
    """An identity as it is now."""

    id: str
    entry: Entry


class Unchanged(NamedTuple):
    """Identities that are there and have not changed since the cookie."""

    ids: list[str]


class Deleted(NamedTuple):
    """Identities that are no longer among the people."""

    ids: list[str]


class DeleteUnmentioned(NamedTuple):
    """Whoever the listing has neither seen nor called present is gone."""


class Checkpoint(NamedTuple):
    """All up to a cookie has been told. ends_snapshot: this ends the listing."""

    cookie: str
    ends_snapshot: bool = False


class Heartbeat(NamedTuple):
    """Nothing else is known to have happened at the moment."""


Event: TypeAlias = (
    SnapshotStarted | Upserted | Unchanged | Deleted | DeleteUnmentioned | Checkpoint | Heartbeat
)


class StopSignal:
    """Ends a follower from outside, by a signal's handler or another thread.

    beat: seconds after which a follower that waits shows a sign of life.
    """

    def __init__(self, heartbeat_interval: float = 5.0) -> None:
        self.heartbeat_interval = heartbeat_interval
        self.is_set = False
        self._read_end, self._write_end = os.pipe()

    def set(self) -> None:
        """Ask for the end, which comes as soon as whoever waits has woken."""
        self.is_set = True
        os.write(self._write_end, b"!")

    def wait(self, seconds: float, *files: int) -> bool:
        """Wait for the stop or for something to read; False when the time passed before."""
        return bool(select.select([self._read_end, *files], [], [], max(0.0, seconds))[0])

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._read_end)
        os.close(self._write_end)


class Follower(Protocol):
    """A way to follow a store.

    source: what is followed, its first word the kind of identity; another text means that cookies
    are of no use. level: `exact` when nothing is missed, else `lagging`. why: a sentence.
    """

    source: str
    level: str
    why: str

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Yield what happened after a cookie, beginning with a SnapshotStarted; "" is before everything.

        Raises BackendUnavailable, BackendRefused, and ContinuityLost for a cookie of no use.
        """

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Name those of the gone identities that still exist outside of what is followed."""

    def count(self) -> int | None:
        """Count the people, for whoever watches the first reading; None where that is dear."""


class SnapshotProgress:
    """Sees how far a listing is; this one does not care."""

    def started(self, follower: Follower) -> None:
        """Hear that a listing of everybody begins."""

    def advanced(self, number: int) -> None:
        """Hear how many identities were read since the last call."""

    def finished(self) -> None:
        """Hear that everybody was read."""

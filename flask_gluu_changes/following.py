"""Between a store that can be followed and the journal: what happened, one event after the other.

A follower reads a store of people from a cookie on and yields events, for as long as its bell has
not been rung. The journal writes what they say; it knows nothing of how they were found.
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


class Listing(NamedTuple):
    """A listing begins. whole: it names everybody, or else those who may have changed."""

    whole: bool


class Seen(NamedTuple):
    """An identity as it is now."""

    id: str
    entry: Entry


class Present(NamedTuple):
    """Identities that are there and have not changed since the cookie."""

    ids: list[str]


class Gone(NamedTuple):
    """Identities that are no longer among the people."""

    ids: list[str]


class Unmentioned(NamedTuple):
    """Whoever the listing has neither seen nor called present is gone."""


class Reached(NamedTuple):
    """All up to a cookie has been told. listed: this ends the listing."""

    cookie: str
    listed: bool = False


class Idle(NamedTuple):
    """Nothing else is known to have happened at the moment."""


Event: TypeAlias = Listing | Seen | Present | Gone | Unmentioned | Reached | Idle


class Bell:
    """Ends a follower from outside, by a signal's handler or another thread.

    beat: seconds after which a follower that waits shows a sign of life.
    """

    def __init__(self, beat: float = 5.0) -> None:
        self.beat = beat
        self.rung = False
        self._hears, self._rings = os.pipe()

    def ring(self) -> None:
        """Ask for the end, which comes as soon as whoever waits has woken."""
        self.rung = True
        os.write(self._rings, b"!")

    def wait(self, seconds: float, *files: int) -> bool:
        """Wait for the bell or for something to read; False when the time passed before."""
        return bool(select.select([self._hears, *files], [], [], max(0.0, seconds))[0])

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._hears)
        os.close(self._rings)


class Follower(Protocol):
    """A way to follow a store.

    source: what is followed, its first word the kind of identity; another text means that cookies
    are of no use. level: `exact` when nothing is missed, else `lagging`. why: a sentence.
    """

    source: str
    level: str
    why: str

    def events(self, cookie: str, bell: Bell) -> Iterator[Event]:
        """Yield what happened after a cookie, beginning with a Listing; "" is before everything.

        Raises BackendUnavailable, BackendRefused, and ContinuityLost for a cookie of no use.
        """

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Name those of the gone identities that still exist outside of what is followed."""

    def count(self) -> int | None:
        """Count the people, for whoever watches the first reading; None where that is dear."""


class Watcher:
    """Sees how far a listing is; this one does not care."""

    def begins(self, follower: Follower) -> None:
        """Hear that a listing of everybody begins."""

    def read(self, number: int) -> None:
        """Hear how many identities were read since the last call."""

    def ends(self) -> None:
        """Hear that everybody was read."""

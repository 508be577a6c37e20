"""Whether the operation is ready: the store answers, and the journal is built and confirmed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic, time

from .. import forks
from ..backend import Backend
from ..errors import GluuChangesError
from ..journal.protocol import SequenceBackend, Status
from ..model import ChangesQuery

log = logging.getLogger(__name__)

NOBODY_SINCE = datetime(9999, 1, 1, tzinfo=UTC)
"""A time since which nobody changed."""

LOOK_EVERY = 1.0
"""Seconds for which what was seen is told to everybody who asks."""

LOOK_PATIENCE = 5.0
"""Seconds for which it is told while the store is looked at; one that takes longer is not ready."""

STORE, BUILT, CONFIRMED = "store", "built", "confirmed"
"""The checks, in their order."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was seen at one look.

    Attributes:
        failed: The check that failed: `store`, `built` or `confirmed`; empty where none did.
        why: What is wrong, for the operator; it may name the store.
        status: The journal's own; None without a journal, and where it cannot be read.
        age: Seconds since the journal was confirmed; None where it never was.
    """

    failed: str = ""
    why: str = ""
    status: Status | None = None
    age: float | None = None


class Readiness:
    """Looks at the store for those who ask, however many they are: once a second at most.

    Args:
        backend: The store.
        query: A query that nobody matches.
        lag: The highest age of the journal's last confirmation, in seconds.
        elapsed: Returns seconds that only ever grow.
        now: Returns the seconds since the epoch.
    """

    def __init__(
        self,
        backend: Backend,
        query: ChangesQuery,
        lag: float,
        *,
        elapsed: Callable[[], float] = monotonic,
        now: Callable[[], float] = time,
    ) -> None:
        self._backend = backend
        self._query = query
        self._lag = lag
        self._elapsed = elapsed
        self._now = now
        self._looking = forks.new_lock()
        self._seen: tuple[Health, float] | None = None
        self._said = ""

    def health(self) -> Health:
        """Return what was seen within the last second; while the store is slow, a little longer."""
        if (held := self._held(LOOK_EVERY)) is not None:
            return held
        if not self._looking.acquire(blocking=False):
            is_slow = Health(STORE, "the store has not answered yet")
            return self._held(LOOK_PATIENCE) or is_slow
        try:
            return self._held(LOOK_EVERY) or self._look_again()
        finally:
            self._looking.release()

    def look(self) -> Health:
        """Look at the store now."""
        try:
            if not isinstance(self._backend, SequenceBackend):
                self._backend.ping(self._query)
                return Health()
            status = self._backend.status()
        except Exception as error:  # whatever a host's own backend raises, it does not answer
            is_ours = isinstance(error, GluuChangesError)
            return Health(STORE, str(error) if is_ours else type(error).__name__)
        return self._judge(status)

    def _held(self, seconds: float) -> Health | None:
        seen = self._seen
        return seen[0] if seen and self._elapsed() - seen[1] < seconds else None

    def _look_again(self) -> Health:
        health = self.look()
        self._seen = health, self._elapsed()
        self._say(health)
        return health

    def _judge(self, status: Status) -> Health:
        age = self._now() - status.confirmed_at / 1_000_000 if status.confirmed_at else None
        if not status.built:
            return Health(BUILT, "`follow` has not read everybody yet", status, age)
        if age is None or age > self._lag:
            since = "never" if age is None else f"{age:.0f} s ago"
            why = f"the journal was confirmed {since}; see the log of `follow`"
            return Health(CONFIRMED, why, status, age)
        return Health(status=status, age=age)

    def _say(self, health: Health) -> None:
        """Log that the operation is not ready, and that it is again."""
        if health.failed and health.failed != self._said:
            log.warning("not ready, the check %s fails: %s", health.failed, health.why)
        elif self._said and not health.failed:
            log.info("ready again")
        self._said = health.failed

"""What the ingest tells its operator: outages, once a minute, and what it did in an hour."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from ...errors import BackendUnavailable

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0
"""Seconds between two tries while something cannot be reached, doubled each time."""

SAY_EVERY = 60.0
"""Seconds between two lines about the same outage."""

HOUR = 3600.0
"""In seconds."""


class Outage:
    """The time for which the store or the journal has not been available, if it is not."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._said: dict[type, float] = {}
        self._wait = FIRST_WAIT

    def note(self, error: BackendUnavailable) -> float:
        """Say what is not available, unless it was said; return the seconds until the next try."""
        now = self._clock()
        self._began = now if self._began is None else self._began
        if now - self._said.get(type(error), -SAY_EVERY) >= SAY_EVERY:
            self._said[type(error)] = now
            log.warning("%s; waiting for it since %.0f s", error, now - self._began)
        wait, self._wait = self._wait, min(self._wait * 2, LONGEST_WAIT)
        return wait

    def end(self) -> None:
        """Say that all is available again, if it was not."""
        if self._began is not None:
            log.info("it goes on, after %.0f s", self._clock() - self._began)
            self._began = None
            self._said.clear()
        self._wait = FIRST_WAIT


class Activity:
    """What was done since the last hourly line."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._changes = 0

    def note(self, changes: int) -> None:
        """Count changes that were written, and say once an hour how many there were."""
        self._changes += changes
        if self._clock() - self._since >= HOUR:
            log.info("changes written to the journal in the last hour: %d", self._changes)
            self._since, self._changes = self._clock(), 0

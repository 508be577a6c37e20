"""People to be read again, because a group says that their memberOf changes.

slapd reports the group before it has written memberOf on the last member. What does not show yet
is read again, less and less often, until it shows or until nobody writes memberOf here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic

from .memberships import Expected

FIRST_DELAY = 0.01
LAST_DELAY = 5.0
"""Seconds between two looks, doubled each time."""


class Rereads:
    """What is expected of whom, and when to look."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._waiting: dict[tuple[str, str], tuple[Expected, float, float]] = {}

    def expect(self, changes: Iterable[Expected]) -> None:
        """Look at once; a newer expectation takes the place of an older one."""
        for change in changes:
            self._waiting[change.person, change.group] = (change, self._clock(), FIRST_DELAY)

    def due(self) -> list[Expected]:
        """Give what is to be looked at now."""
        now = self._clock()
        return [change for change, at, _ in self._waiting.values() if at <= now]

    def looked(self, change: Expected, *, settled: bool) -> None:
        """Be done with an expectation, or look again later."""
        _, _, delay = self._waiting.pop((change.person, change.group))
        if not settled and delay <= LAST_DELAY:
            key = change.person, change.group
            self._waiting[key] = (change, self._clock() + delay, delay * 2)

    def pause(self) -> float | None:
        """Give the seconds until the next look; None when all is settled."""
        times = [at for _, at, _ in self._waiting.values()]
        return max(0.0, min(times) - self._clock()) if times else None

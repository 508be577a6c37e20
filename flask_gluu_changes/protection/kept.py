"""One value that is fetched when needed, shared by all threads, and fetched again when old."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .clock import Clock
from .flights import Flights

T = TypeVar("T")


class Kept(Generic[T]):
    """Keeps what `fetch` gives for the seconds that come with it; failures are never kept."""

    def __init__(self, fetch: Callable[[], tuple[T, float]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._flights: Flights[T] = Flights()
        self._held: tuple[T, float] | None = None

    def get(self) -> T:
        """Give the value, fetched anew if it is too old."""
        held = self.held()
        if held is not None:
            return held
        return self._flights.share(None, self._renew)

    def held(self) -> T | None:
        """Give the value if it is there and not too old; nothing is fetched."""
        held = self._held
        return held[0] if held and self._clock.elapsed() < held[1] else None

    def renew(self, stale: T) -> T:
        """Fetch although it is not old; the old value stays if that fails, or was replaced."""
        return self._flights.share(None, lambda: self._renew(stale))

    def _renew(self, stale: T | None = None) -> T:
        held = self.held()
        if held is not None and held is not stale:
            return held
        value, seconds = self._fetch()
        self._held = (value, self._clock.elapsed() + seconds)
        return value

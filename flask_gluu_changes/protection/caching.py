"""Values that several threads share: fetched once however many ask, and again when they are old.

The clock is in one place, so that a test can move it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar


class Clock:
    """The wall clock for what tokens say, the monotonic one for how long things are kept."""

    def now(self) -> float:
        """Give the seconds since the epoch."""
        return time.time()

    def elapsed(self) -> float:
        """Give seconds that only ever grow, from an unknown start."""
        return time.monotonic()


T = TypeVar("T")


class SingleFlight(Generic[T]):
    """The first thread to want a key works; those that come meanwhile share what it gets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[Hashable, Future[T]] = {}

    def share(self, key: Hashable, work: Callable[[], T]) -> T:
        """Give the result of `work`, or raise its exception, in every thread that waited."""
        with self._lock:
            flight = self._open.get(key)
            mine = flight is None
            flight = self._open.setdefault(key, flight or Future())
        if mine:
            self._fly(key, flight, work)
        return flight.result()

    def _fly(self, key: Hashable, flight: Future[T], work: Callable[[], T]) -> None:
        try:
            flight.set_result(work())
        except BaseException as error:
            flight.set_exception(error)
            if not isinstance(error, Exception):
                raise
        finally:
            with self._lock:
                del self._open[key]


class CachedValue(Generic[T]):
    """Keeps what `fetch` gives for the seconds that come with it; failures are never kept."""

    def __init__(self, fetch: Callable[[], tuple[T, float]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._flight: SingleFlight[T] = SingleFlight()
        self._held: tuple[T, float] | None = None

    def get(self) -> T:
        """Give the value, fetched anew if it is too old."""
        held = self.held()
        if held is not None:
            return held
        return self._flight.share(None, self._renew)

    def held(self) -> T | None:
        """Give the value if it is there and not too old; nothing is fetched."""
        held = self._held
        return held[0] if held and self._clock.elapsed() < held[1] else None

    def renew(self, stale: T) -> T:
        """Fetch although it is not old; the old value stays if that fails, or was replaced."""
        return self._flight.share(None, lambda: self._renew(stale))

    def _renew(self, stale: T | None = None) -> T:
        held = self.held()
        if held is not None and held is not stale:
            return held
        value, seconds = self._fetch()
        self._held = (value, self._clock.elapsed() + seconds)
        return value

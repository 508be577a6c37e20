"""Values that several threads share: fetched once however many ask, and again when they are old.

cachetools' `cached(condition=…)` is not used for it: after a failure each waiting thread would ask
by itself, one after the other, and wait for one time-out more than the thread before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from .. import forks

FAILURE_SECONDS = 3.0
"""Nothing is fetched again so long after a failure."""


class Clock:
    """The wall clock for what tokens say, the monotonic clock for how long values are cached.

    Tests hand in one that they can move.
    """

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def elapsed(self) -> float:
        """Return seconds that only ever grow, from an unknown start."""
        return time.monotonic()


T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Merges simultaneous calls: the first thread to want a key works, the others share its result.

    Nothing is cached: a call that comes after the end of another one works again.
    """

    def __init__(self) -> None:
        self._lock = forks.new_lock()
        self._pending: dict[Hashable, Future[T]] = {}
        forks.in_child(self, lambda inherited: inherited._pending.clear())

    def share(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return the result of `work`, or raise its exception, in every thread that waited."""
        with self._lock:
            is_first = key not in self._pending
            pending = self._pending.setdefault(key, Future())
        if is_first:
            self._run(key, pending, work)
        return pending.result()

    def _run(self, key: Hashable, pending: Future[T], work: Callable[[], T]) -> None:
        try:
            pending.set_result(work())
        except BaseException as error:
            # Waiting threads must wake up even when this one is being interrupted.
            pending.set_exception(error)
            if not isinstance(error, Exception):
                raise
        finally:
            with self._lock:
                del self._pending[key]


class Passing(Exception):
    """The base of exceptions that may be over at once: no value is held back for them."""


class CachedValue(Generic[T]):
    """One value, cached for the seconds that `fetch` returns with it.

    An exception is raised again for a few seconds without another fetch, so that those who ask
    without a right to anything do not make us fetch again and again.
    """

    def __init__(self, fetch: Callable[[], tuple[T, float]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._failed: tuple[Exception, float] | None = None
        self._single_flight: SingleFlight[T] = SingleFlight()
        self._entry: tuple[T, float] | None = None

    def get(self) -> T:
        """Return the value, fetched anew if it is too old."""
        held = self.held()
        if held is not None:
            return held
        return self._single_flight.share(None, self._renew)

    def held(self) -> T | None:
        """Return the value if it is there and not too old; nothing is fetched."""
        entry = self._entry
        return entry[0] if entry and self._clock.elapsed() < entry[1] else None

    def renew(self, stale: T) -> T:
        """Fetch although the value is not old, unless another thread has replaced `stale` already.

        If that fails, the old value stays.
        """
        return self._single_flight.share(None, lambda: self._renew(stale))

    def _renew(self, stale: T | None = None) -> T:
        held = self.held()
        if held is not None and held is not stale:
            return held
        if self._failed and self._clock.elapsed() < self._failed[1]:
            raise self._failed[0].with_traceback(None)  # which would grow with each raise
        try:
            value, seconds = self._fetch()
        except Passing:
            raise
        except Exception as error:
            self._failed = (error, self._clock.elapsed() + FAILURE_SECONDS)
            raise
        self._failed, self._entry = None, (value, self._clock.elapsed() + seconds)
        return value

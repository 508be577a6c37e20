"""One flight per key: threads that want the same answer at the same time ask for it once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
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

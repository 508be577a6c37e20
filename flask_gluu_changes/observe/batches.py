"""What requests leave to another thread: it costs less when much of it is done at a time."""

from __future__ import annotations

import atexit
from collections import deque
from collections.abc import Callable, Iterator
from threading import Timer
from time import monotonic
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from .. import forks

T = TypeVar("T")

INTERVAL = 0.1
"""Seconds."""


class Batches(Generic[T]):
    """Hands items over in order, all of an interval together.

    A process that is killed loses the items of its last interval; one that ends by itself hands
    them over first. A forked process begins without any.

    Args:
        take: Takes the items, in one thread at a time; it must not raise.
        interval: Seconds that an item waits. Where threads do not run, as under uWSGI without
            `enable-threads`, it is twice as long, and until the next item.
    """

    def __init__(self, take: Callable[[list[T]], None], interval: float = INTERVAL) -> None:
        self._take = take
        self._interval = interval
        self._taking = forks.new_lock()
        self._begin()
        forks.in_child(self, Batches[T]._begin)
        _ALL.add(self)

    def _begin(self) -> None:
        self._items: deque[T] = deque()
        self._late = 0.0
        self._timer = self._new_timer()

    def put(self, item: T) -> None:
        """Have an item handed over soon."""
        self._items.append(item)
        if monotonic() > self._late:
            self._arrange()

    def flush(self) -> None:
        """Hand over what there is, and return when that is done."""
        with self._taking:
            self._timer.cancel()
            self._late = 0.0  # before any is taken: who puts one later has to arrange for it
            if items := list(self._rest()):
                self._take(items)

    def _arrange(self) -> None:
        """Have a thread hand over; do it here where that is late, or there can be no thread."""
        if self._late:
            self.flush()
            return
        self._late = monotonic() + 2 * self._interval
        self._timer = self._new_timer()
        try:
            self._timer.start()
        except RuntimeError:  # Python ends, or the system allows no more
            self.flush()

    def _new_timer(self) -> Timer:
        timer = Timer(self._interval, self.flush)
        timer.daemon = True
        return timer

    def _rest(self) -> Iterator[T]:
        while self._items:
            yield self._items.popleft()


_ALL: WeakSet[Batches[Any]] = WeakSet()


@atexit.register
def _flush_all() -> None:
    for batches in list(_ALL):
        batches.flush()

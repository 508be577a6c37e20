"""What requests leave to another thread: it costs less when much of it is done at a time."""

from __future__ import annotations

import atexit
import logging
from collections import deque
from collections.abc import Callable, Iterator
from threading import Timer
from time import monotonic
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from .. import forks

T = TypeVar("T")

log = logging.getLogger(__name__)

INTERVAL = 0.1
"""Seconds."""

MOST = 100_000
"""Items that are kept while others are taken, and nobody waits for that."""

PATIENCE = 1.0
"""Seconds that a fork, the end of the process, or a request where there are too many items waits
until others are taken."""


class Batches(Generic[T]):
    """Hands items over in order, all of an interval together.

    A process that is killed, or ends by `os._exit`, loses the items of its last interval; one that
    ends in good order hands them over first. A forked process begins without any.

    Args:
        take: Takes the items, in one thread at a time. Where it raises they are lost, and the log
            says so.
        interval: Seconds that an item waits. Where threads do not run, as under uWSGI without
            `enable-threads`, it is twice as long, and until the next item.
    """

    def __init__(self, take: Callable[[list[T]], None], interval: float = INTERVAL) -> None:
        self._take = take
        self._interval = interval
        self._taking = forks.new_lock()
        self._begin()
        forks.before_fork(self, Batches[T]._hold)
        forks.in_parent(self, Batches[T]._go_on)
        forks.in_child(self, Batches[T]._begin)
        _ALL.add(self)

    def _begin(self) -> None:
        self._items: deque[T] = deque()
        self._in_hand = 0
        self._late = 0.0
        self._timer: Timer | None = None
        self._is_held = False

    def put(self, item: T) -> None:
        """Have an item handed over soon."""
        self._items.append(item)
        if monotonic() > self._late:
            self._arrange()

    def flush(self, patience: float = -1) -> None:
        """Hand over what there is, and return when that is done.

        patience: seconds to wait for others who do the same; -1: as long as it takes.
        """
        if self._taking.acquire(timeout=patience):
            try:
                self._hand_over()
            finally:
                self._taking.release()

    def end(self) -> None:
        """Hand over what there is before the process ends; the log says what is lost instead."""
        self.flush(PATIENCE)
        if lost := self._in_hand + len(self._items):
            _tell_lost(lost)

    def _arrange(self) -> None:
        """Have a thread hand over; do it here where that is late, or there can be no thread.

        While others are at it, a slow disk say, nobody waits, unless there are too many items.
        """
        if self._late or not self._has_thread():
            self.flush(PATIENCE if len(self._items) > MOST else 0)

    def _has_thread(self) -> bool:
        self._late = monotonic() + 2 * self._interval
        try:
            timer = Timer(self._interval, self.flush)
            timer.daemon = True
            self._timer = timer
            timer.start()
        except RuntimeError:  # Python ends, the system allows no more, or the interpreter none
            return False
        return True

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._late = 0.0  # before any is taken: who puts one later has to arrange for it
        items = list(self._rest())
        self._in_hand = len(items)
        try:
            if items:
                self._take(items)
        except Exception as error:
            _tell_lost(len(items), error)
        self._in_hand = 0

    def _rest(self) -> Iterator[T]:
        while self._items:
            yield self._items.popleft()

    def _hold(self) -> None:
        """Have nothing taken during a fork: locks that `take` needs would never be free again."""
        if self._taking.acquire(timeout=PATIENCE):
            self._is_held = True

    def _go_on(self) -> None:
        if self._is_held:
            self._is_held = False
            self._taking.release()


def _tell_lost(count: int, error: Exception | None = None) -> None:
    log.error("what requests left to another thread is lost; items: %d", count, exc_info=error)


_ALL: WeakSet[Batches[Any]] = WeakSet()


@atexit.register
def _flush_all() -> None:
    for batches in list(_ALL):
        batches.end()

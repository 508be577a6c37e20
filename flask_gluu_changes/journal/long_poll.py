"""Waiting for a change: one thread a process looks at the head, and only while somebody waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from operator import ne
from typing import Any

from .. import forks

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
"""Between two looks at the head."""


class _Waiter:
    """Somebody who knows a head and wants another one, unless it has gone meanwhile."""

    def __init__(self, known: object, gone: Callable[[], bool]) -> None:
        self.known = known
        self.gone = gone
        self.done = threading.Event()


class HeadWatcher:
    """Holds threads until the head is another one; a failing look lets all of them go.

    look: gives the head. is_news: whether a head tells who knows another one anything.
    """

    def __init__(self, look: Callable[[], Any], is_news: Callable[[Any, Any], bool] = ne) -> None:
        self._look = look
        self._is_news = is_news
        self._lock = forks.new_lock()
        self._waiters: set[_Waiter] = set()
        self._watcher: threading.Thread | None = None
        self._closed = False
        forks.in_child(self, HeadWatcher._forget_inherited)

    def wait(self, known: object, seconds: float, *, gone: Callable[[], bool]) -> bool:
        """Return True when woken, False when nothing came for so many seconds.

        What wakes: the head is news to who knows `known`, it is the end, or `gone` says so.
        """
        waiter = _Waiter(known, gone)
        self._enter(waiter)
        try:
            return waiter.done.wait(seconds)
        finally:
            with self._lock:
                self._waiters.discard(waiter)

    def close(self) -> None:
        """Let everybody go, within one look; safe in a signal's handler, since it takes no lock."""
        self._closed = True

    def _forget_inherited(self) -> None:
        self._watcher = None
        self._waiters.clear()  # their threads are the parent's

    def _enter(self, waiter: _Waiter) -> None:
        with self._lock:
            self._waiters.add(waiter)
            if self._watcher is None or not self._watcher.is_alive():
                self._watcher = threading.Thread(target=self._watch, name="journal", daemon=True)
                self._watcher.start()

    def _watch(self) -> None:
        pause = threading.Event()
        while waiters := self._present():
            head = self._head()
            for waiter in waiters:
                if self._closed or self._wakes(head, waiter) or waiter.gone():
                    waiter.done.set()
            pause.wait(POLL_SECONDS)

    def _wakes(self, head: object, waiter: _Waiter) -> bool:
        return isinstance(head, Exception) or self._is_news(head, waiter.known)

    def _present(self) -> list[_Waiter]:
        """List who waits; when nobody does, the next one starts a new watcher."""
        with self._lock:
            if not self._waiters:
                self._watcher = None
            return list(self._waiters)

    def _head(self) -> object:
        """Look; a failure is news to all waiters, so that they go and meet it themselves."""
        try:
            return self._look()
        except Exception as error:
            log.warning("The journal's head cannot be looked at: %s", error)
            return error

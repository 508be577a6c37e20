"""Fail fast while the authorization server is down, so that requests do not queue for time-outs."""

from __future__ import annotations

import threading

from .clock import Clock

FAILURES = 5
"""So many failures in a row open the breaker."""

PAUSE = 5.0
"""Seconds between two probes while it is open."""


class Breaker:
    """Counts failures in a row; from the fifth on, lets one call through every five seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._next_probe = 0.0

    def admits(self) -> bool:
        """Tell whether a call may be made. A probe that never reports only delays the next one."""
        with self._lock:
            if self._failures < FAILURES:
                return True
            if self._clock.elapsed() < self._next_probe:
                return False
            self._next_probe = self._clock.elapsed() + PAUSE
            return True

    def succeeded(self) -> None:
        """Note an answer: the server is there."""
        with self._lock:
            self._failures = 0

    def failed(self) -> bool:
        """Note a failure; True when this one opened the breaker."""
        with self._lock:
            self._failures += 1
            self._next_probe = self._clock.elapsed() + PAUSE
            return self._failures == FAILURES

"""A stop signal for tests: nobody sleeps, and the waits are noted."""

from __future__ import annotations

from collections.abc import Callable

from flask_gluu_changes.follower import StopSignal


class Stop(StopSignal):
    """Stops at the wait with this number; `during` is called in each wait."""

    def __init__(self, after: int, heartbeat_interval: float = 5.0) -> None:
        super().__init__(heartbeat_interval)
        self.close()
        self._after = after
        self.waits: list[float] = []
        self.during: Callable[[], None] = lambda: None

    def wait(self, seconds: float, *files: int) -> bool:
        """Note it."""
        self.waits.append(seconds)
        self.during()
        self.is_set = self.is_set or len(self.waits) >= self._after
        return self.is_set

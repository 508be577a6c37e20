"""Time, in one place so that a test can move it."""

from __future__ import annotations

import time


class Clock:
    """The wall clock for what tokens say, the monotonic one for how long things are kept."""

    def now(self) -> float:
        """Give the seconds since the epoch."""
        return time.time()

    def elapsed(self) -> float:
        """Give seconds that only ever grow, from an unknown start."""
        return time.monotonic()

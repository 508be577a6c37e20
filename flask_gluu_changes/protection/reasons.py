"""Why tokens are refused, for the operator: a client is told no more than that its token is bad."""

from __future__ import annotations

import logging

from .caching import Clock

log = logging.getLogger(__name__)

QUIET_SECONDS = 60.0
"""The same reason is logged once in this time, since anybody can bring a bad token."""


class Reasons:
    """Logs why tokens are refused, in words that hold nothing of the token."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}

    def tell(self, why: str) -> None:
        """Log a reason, which is one of a few, unless it has been logged a moment ago.

        Args:
            why: The end of a sentence, which names the setting if there is one.
        """
        now = self._clock.elapsed()
        if now >= self._told.get(why, now):
            self._told[why] = now + QUIET_SECONDS
            log.warning("A token was refused: %s", why)

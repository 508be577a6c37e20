"""How far a source by time stamps has come, as a text that is kept between two runs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..client import ChangesError
from ..timestamps import from_micros, parse_timestamp, to_instant, to_micros

QUIET = 3600 * 10**6
"""Microseconds. Where nothing new comes, the position is not left further behind than this.

After thousands were changed at one moment, and nobody since, they would be read with each run.
"""


@dataclass(frozen=True, slots=True)
class TimePosition:
    """Up to which time changes were read, and when everybody was.

    Attributes:
        reached: Changes with a lower time were read, but for those that became visible late.
        full_at: When the last complete reading of everybody began, by the clock of this machine.
    """

    reached: int
    full_at: int

    def moved(self, reached: int, began_at: int) -> TimePosition:
        """Return the position after a run.

        What was written since the run began may be behind its pages, so no time after that is
        reached, whatever a writer with a clock ahead has noted.

        Args:
            reached: The highest time that was read; 0 for none.
            began_at: When the run began.
        """
        highest = max(reached, self.reached, began_at - QUIET)
        return TimePosition(min(highest, began_at), self.full_at)

    def to_text(self) -> str:
        """Return it as JSON that people can read as well."""
        times = {"reached": self.reached, "full": self.full_at}
        return json.dumps({name: to_instant(from_micros(time)) for name, time in times.items()})

    @staticmethod
    def is_text(text: str) -> bool:
        """Return whether a position was made by a source by time stamps; no token is an object."""
        return text.startswith("{")

    @classmethod
    def from_text(cls, text: str) -> TimePosition:
        """Return the position that a text stands for.

        Raises:
            ChangesError: It was made by another kind of source.
        """
        try:
            times = json.loads(text)
            reached, full = (to_micros(parse_timestamp(times[n])) for n in ("reached", "full"))
        except (ValueError, KeyError, TypeError) as error:
            raise ChangesError(
                "the state has no time up to which changes were read: it was kept by tokens; begin"
                " with a new state to follow by time stamps"
            ) from error
        return cls(reached, full)

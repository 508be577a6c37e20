"""psycopg's connection, with an end to the waits for a server that says nothing.

libpq has time-outs for connecting and for lines that are cut, and none for a server that stands
still: its system goes on to acknowledge what it gets.
"""

from __future__ import annotations

from collections.abc import Generator
from math import inf
from time import monotonic
from typing import Any, Self

import psycopg


class LimitedConnection(psycopg.Connection[Any]):
    """A connection whose waits end.

    Attributes:
        limit: The longest wait for the next part of an answer, in seconds.
    """

    limit = inf

    @classmethod
    def connected(cls, seconds: float, *arguments: Any, **options: Any) -> Self:
        """Connect, and limit the waits."""
        connection = cls.connect(*arguments, **options)
        connection.limit = seconds
        return connection

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Do what psycopg waits for here, within the limit."""
        return super().wait(self._within_limit(gen), *arguments, **options)

    def _within_limit(self, steps: Any) -> Generator[Any, Any, Any]:
        """Pass on what psycopg's steps want and get; while they wait, nothing at times."""
        until = monotonic() + self.limit
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if ready:
                    until = monotonic() + self.limit
                elif monotonic() > until:
                    self._give_up()
                wanted = steps.send(ready)
        except StopIteration as end:
            return end.value

    def _give_up(self) -> None:
        self.pgconn.finish()
        raise psycopg.OperationalError(f"no answer within {self.limit:g} s")

"""Following a store that can only be asked who changed since a time.

Each look begins where the last one began, less a lag for writes that become visible late, so that
looks overlap; what comes twice is no change. Now and then everybody is read: whoever is missing
was deleted. Identities are inums.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ...backend import Backend
from ...following import Bell, ContinuityLost, Event, Idle, Listing, Reached, Seen, Unmentioned
from ...model import ChangesQuery, Entry
from ...values import untyped

log = logging.getLogger(__name__)

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Pace:
    """Seconds. interval: between two looks. lag: how late a write may become visible.

    sweep: between two readings of everybody, which is how late a deletion may be noticed.
    """

    interval: float = 10.0
    lag: float = 60.0
    sweep: float = 3600.0


@dataclass(frozen=True)
class Bounds:
    """What a cookie holds: where the next look begins, and when everybody was read."""

    since: datetime
    swept: datetime

    @classmethod
    def parse(cls, cookie: str) -> Bounds | None:
        """Read what `str()` wrote; None when there is nothing. ContinuityLost for anything else."""
        try:
            return cls(*map(datetime.fromisoformat, json.loads(cookie))) if cookie else None
        except (ValueError, TypeError) as error:
            raise ContinuityLost("the saved bounds cannot be read") from error

    def __str__(self) -> str:
        return json.dumps([self.since.isoformat(), self.swept.isoformat()])


def _now() -> datetime:
    return datetime.now(UTC)


class LaggingFollower:
    """Follows any backend. why: the reason for which it is not followed exactly."""

    level = "lagging"

    def __init__(
        self,
        backend: Backend,
        query: ChangesQuery,
        pace: Pace,
        why: str,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._backend = backend
        self._query = query
        self._pace = pace
        self._clock = clock
        self.source = f"inum by {type(backend).__module__}.{type(backend).__qualname__}"
        self.why = why

    def events(self, cookie: str, bell: Bell) -> Iterator[Event]:
        """Look again and again until the bell rings."""
        bounds = Bounds.parse(cookie)
        while not bell.rung:
            now = self._clock()
            if bounds is None or (now - bounds.swept).total_seconds() >= self._pace.sweep:
                bounds = Bounds(self._next(now, bounds), now)
                yield from self._everybody(bounds)
            else:
                since, bounds = bounds.since, replace(bounds, since=self._next(now, bounds))
                yield from self._changed(since)
                yield Reached(str(bounds))
            yield from self._rest(bell)

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Name nobody: such a store cannot tell who was deleted from who was moved away."""
        return set()

    def count(self) -> int | None:
        """Leave the number open: counting would take as long as reading."""
        return None

    def _next(self, now: datetime, bounds: Bounds | None) -> datetime:
        since = now - timedelta(seconds=self._pace.lag)
        if bounds and since < bounds.since:
            raise ContinuityLost(
                f"the clock went back: it was {bounds.since} already, less the lag"
            )
        return since

    def _everybody(self, bounds: Bounds) -> Iterator[Event]:
        yield Listing(whole=True)
        yield from self._changed(LONG_AGO)
        yield Unmentioned()
        yield Reached(str(bounds), listed=True)

    def _changed(self, since: datetime) -> Iterator[Event]:
        whole = since.replace(microsecond=since.microsecond // 1000 * 1000)
        for entry in self._backend.changes(replace(self._query, since=whole)):
            if inum := _inum(entry):
                yield Seen(inum, entry)
            else:
                log.warning("an entry without inum cannot be told from others: it is left out")

    def _rest(self, bell: Bell) -> Iterator[Event]:
        """Wait for the next look, with a sign of life at each beat."""
        left = self._pace.interval
        yield Idle()
        while left > 0 and not bell.wait(min(left, bell.beat)):
            left -= bell.beat
            yield Idle()


def _inum(entry: Entry) -> str:
    return min(map(untyped, entry.get("inum", ())), default="")

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
from ...follower import (
    Checkpoint,
    ContinuityLost,
    DeleteUnmentioned,
    Event,
    Heartbeat,
    SnapshotStarted,
    StopSignal,
    Upserted,
)
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
class PollingBounds:
    """What a cookie holds: where the next look begins, and when everybody was read."""

    since: datetime
    swept: datetime

    @classmethod
    def parse(cls, cookie: str) -> PollingBounds | None:
        """Read what `str()` wrote; None when there is nothing. ContinuityLost for anything else."""
        try:
            return cls(*map(datetime.fromisoformat, json.loads(cookie))) if cookie else None
        except (ValueError, TypeError) as error:
            raise ContinuityLost("the saved bounds cannot be read") from error

    def __str__(self) -> str:
        return json.dumps([self.since.isoformat(), self.swept.isoformat()])


def _now() -> datetime:
    return datetime.now(UTC)


class PollingFollower:
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

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Look again and again until it is told to stop."""
        bounds = PollingBounds.parse(cookie)
        while not stop.is_set:
            now = self._clock()
            if bounds is None or (now - bounds.swept).total_seconds() >= self._pace.sweep:
                bounds = PollingBounds(self._next(now, bounds), now)
                yield from self._everybody(bounds)
            else:
                since, bounds = bounds.since, replace(bounds, since=self._next(now, bounds))
                yield from self._changed(since)
                yield Checkpoint(str(bounds))
            yield from self._rest(stop)

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Name nobody: such a store cannot tell who was deleted from who was moved away."""
        return set()

    def count(self) -> int | None:
        """Leave the number open: counting would take as long as reading."""
        return None

    def _next(self, now: datetime, bounds: PollingBounds | None) -> datetime:
        since = now - timedelta(seconds=self._pace.lag)
        if bounds and since < bounds.since:
            raise ContinuityLost(
                f"the clock went back: it was {bounds.since} already, less the lag"
            )
        return since

    def _everybody(self, bounds: PollingBounds) -> Iterator[Event]:
        yield SnapshotStarted(complete=True)
        yield from self._changed(LONG_AGO)
        yield DeleteUnmentioned()
        yield Checkpoint(str(bounds), ends_snapshot=True)

    def _changed(self, since: datetime) -> Iterator[Event]:
        whole = since.replace(microsecond=since.microsecond // 1000 * 1000)
        for entry in self._backend.changes(replace(self._query, since=whole)):
            if inum := _inum(entry):
                yield Upserted(inum, entry)
            else:
                log.warning("an entry without inum cannot be told from others: it is left out")

    def _rest(self, stop: StopSignal) -> Iterator[Event]:
        """Wait for the next look, with a sign of life at each beat."""
        left = self._pace.interval
        yield Heartbeat()
        while left > 0 and not stop.wait(min(left, stop.heartbeat_interval)):
            left -= stop.heartbeat_interval
            yield Heartbeat()


def _inum(entry: Entry) -> str:
    return min(map(untyped, entry.get("inum", ())), default="")

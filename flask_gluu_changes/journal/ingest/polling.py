"""Following a store that can only be asked who changed since a time.

Each poll begins where the last one began, less a lag for writes that become visible late, so that
polls overlap; what comes twice is no change. Now and then everybody is read, in a sweep, whatever
their times: whoever is missing was deleted. Identities are inums, or digests of them where clients
may not see inums.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

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
from ...settings.journal import FollowSettings
from ...values import untyped
from ...visibility import Visibility

log = logging.getLogger(__name__)

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""The time in a query for everybody, for backends that know of no such query."""


@dataclass(frozen=True)
class PollingBounds:
    """What a cookie holds: where the next poll begins, and when everybody was read."""

    since: datetime
    swept: datetime

    @classmethod
    def parse(cls, cookie: str) -> PollingBounds | None:
        """Read what `str()` wrote; None when there is nothing. ContinuityLost for anything else."""
        try:
            return cls(*map(_moment, json.loads(cookie))) if cookie else None
        except (OverflowError, RecursionError, TypeError, ValueError) as error:
            raise ContinuityLost("the saved bounds cannot be read") from error

    def __str__(self) -> str:
        return json.dumps([self.since.isoformat(), self.swept.isoformat()])


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("it has no zone")
    return moment.astimezone(UTC)


def _now() -> datetime:
    return datetime.now(UTC)


class PollingFollower:
    """Follows any backend. why: the reason for which it is not followed exactly."""

    level = "lagging"

    def __init__(
        self,
        backend: Backend,
        query: ChangesQuery,
        settings: FollowSettings,
        why: str,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._backend = backend
        self._query = query
        self._settings = settings
        self._clock = clock
        self._shows_inum = Visibility.of_query(query).shows("inum")
        kind = "inum" if self._shows_inum else "inum-digest"
        self.source = f"{kind} by {type(backend).__module__}.{type(backend).__qualname__}"
        self.why = why

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Poll until the stop signal is set."""
        bounds = PollingBounds.parse(cookie)
        while not stop.is_set:
            now = self._clock()
            if bounds is None or self._sweep_is_due(bounds, now):
                bounds = PollingBounds(self._next_since(now, bounds), now)
                yield from self._snapshot(bounds)
            else:
                since, bounds = bounds.since, replace(bounds, since=self._next_since(now, bounds))
                yield from self._changed(since)
                yield Checkpoint(str(bounds))
            yield from self._pause(stop)

    def doubted(self, cookie: str) -> str:
        """Return the cookie as it is: it says nothing of how identities were told."""
        return cookie

    def present(self, ids: Collection[str]) -> set[str]:
        """Return nobody: the next sweep finds whom this one missed."""
        return set()

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Return nobody: such a store does not distinguish the deleted from those moved away."""
        return set()

    def read(self, ids: Collection[str] | None = None) -> Iterator[Upserted]:
        """Read everybody, also for the sake of a few: such a store does not look for inums."""
        for found in self._found(replace(self._query, since=LONG_AGO, everybody=True)):
            if ids is None or found.id in ids:
                yield found

    def count(self) -> int | None:
        """Leave the number open: counting would take as long as reading."""
        return None

    def _sweep_is_due(self, bounds: PollingBounds, now: datetime) -> bool:
        return (now - bounds.swept).total_seconds() >= self._settings.follow_sweep

    def _next_since(self, now: datetime, bounds: PollingBounds | None) -> datetime:
        since = now - timedelta(seconds=self._settings.follow_lag)
        if bounds and since < bounds.since:
            raise ContinuityLost(
                f"the clock went back: it was {bounds.since} already, less the lag"
            )
        return since

    def _snapshot(self, bounds: PollingBounds) -> Iterator[Event]:
        yield SnapshotStarted(complete=True)
        yield from self._found(replace(self._query, since=LONG_AGO, everybody=True))
        yield DeleteUnmentioned()
        yield Checkpoint(str(bounds), ends_snapshot=True)

    def _changed(self, since: datetime) -> Iterator[Event]:
        whole = since.replace(microsecond=since.microsecond // 1000 * 1000)
        yield from self._found(replace(self._query, since=whole))

    def _found(self, query: ChangesQuery) -> Iterator[Upserted]:
        for entry in self._backend.changes(query):
            if inum := _inum(entry):
                yield Upserted(inum if self._shows_inum else _digest(inum), entry)
            else:
                log.warning("an entry without inum is left out: it cannot be told from others")

    def _pause(self, stop: StopSignal) -> Iterator[Event]:
        """Wait for the next poll, with a heartbeat at each interval."""
        left = self._settings.follow_interval
        yield Heartbeat()
        while left > 0 and not stop.wait(min(left, stop.heartbeat_interval)):
            left -= stop.heartbeat_interval
            yield Heartbeat()


def _inum(entry: Entry) -> str:
    return min(map(untyped, entry.get("inum", ())), default="")


def _digest(inum: str) -> str:
    return blake2b(inum.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

"""A store that is polled is asked from where the last look began, less the lag."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_gluu_changes import ChangesQuery, Entry
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import (
    Checkpoint,
    ContinuityLost,
    DeleteUnmentioned,
    Event,
    Heartbeat,
    SnapshotStarted,
    Upserted,
)
from flask_gluu_changes.journal.ingest.polling import LONG_AGO, PollingBounds, PollingFollower
from flask_gluu_changes.settings.journal import FollowSettings
from tests.support.stopping import Stop

NOON = datetime(2024, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ANN: Entry = {"inum": ["1"], "updatedAt": [NOON]}


class Asked(MemoryBackend):
    """Notes from when it was asked."""

    def __init__(self, *entries: Entry) -> None:
        super().__init__(entries)
        self.queries: list[ChangesQuery] = []

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        self.queries.append(query)
        return iter(self.entries)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _follower(
    backend: MemoryBackend,
    clock: Clock,
    *,
    interval: float = 1.0,
    lag: float = 10.0,
    sweep: float = 100.0,
) -> PollingFollower:
    settings = FollowSettings(follow_interval=interval, follow_lag=lag, follow_sweep=sweep)
    return PollingFollower(backend, ChangesQuery(LONG_AGO), settings, "because", clock)


def _cookie(since: datetime, swept: datetime) -> str:
    return json.dumps([since.isoformat(), swept.isoformat()])


def _look(follower: PollingFollower, cookie: str = "") -> list[Event]:
    """Let it look once."""
    return [*follower.events(cookie, Stop(1))]


def test_the_first_look_reads_everybody(clock: Clock) -> None:
    """And the cookie says where the next one begins, and when this one was."""
    backend = Asked(ANN, {"inum": [b"2"]})
    assert _look(_follower(backend, clock)) == [
        SnapshotStarted(complete=True),
        Upserted("1", ANN),
        Upserted("2", {"inum": [b"2"]}),
        DeleteUnmentioned(),
        Checkpoint(_cookie(NOON - 10 * SECOND, NOON), ends_snapshot=True),
        Heartbeat(),
    ]
    assert backend.queries == [ChangesQuery(LONG_AGO, everybody=True)]
    assert datetime(1970, 1, 1, tzinfo=UTC) == LONG_AGO


def test_the_next_look_asks_since_the_last_one(clock: Clock) -> None:
    """In whole milliseconds, rounded to the past."""
    backend = Asked(ANN)
    since, swept = NOON.replace(minute=0, microsecond=999_000) - 20 * SECOND, NOON - 50 * SECOND
    assert _look(_follower(backend, clock), _cookie(since, swept)) == [
        Upserted("1", ANN),
        Checkpoint(_cookie(NOON - 10 * SECOND, swept)),
        Heartbeat(),
    ]
    asked = since.replace(microsecond=999_000)
    assert backend.queries == [ChangesQuery(asked)]


def test_looks_go_on_until_the_stop(clock: Clock) -> None:
    """Each from where the last one began."""
    backend, stop = Asked(), Stop(3)
    for event in _follower(backend, clock).events("", stop):
        clock.now += SECOND * isinstance(event, Checkpoint)
    first = NOON.replace(microsecond=123_000) - 10 * SECOND
    assert [query.since for query in backend.queries] == [LONG_AGO, first, first + SECOND]
    assert stop.waits == [1.0] * 3


@pytest.mark.parametrize(("age", "swept"), [(99.9, False), (100.0, True), (100.1, True)])
def test_everybody_is_read_again_after_the_time_of_a_sweep(
    clock: Clock, age: float, swept: bool
) -> None:
    """To the very second."""
    backend = Asked()
    events = _look(_follower(backend, clock), _cookie(NOON - 20 * SECOND, NOON - age * SECOND))
    assert (events[0] == SnapshotStarted(complete=True)) is swept
    assert (backend.queries[0].since == LONG_AGO) is swept
    assert backend.queries[0].everybody is swept


def test_nobody_is_asked_after_the_stop(clock: Clock) -> None:
    """Not even once."""
    stop, backend = Stop(1), Asked()
    stop.is_set = True
    assert [*_follower(backend, clock).events("", stop)] == []
    assert backend.queries == []


@pytest.mark.parametrize("swept", [NOON - 500 * SECOND, NOON - SECOND])
def test_a_clock_that_went_back_loses_continuity(clock: Clock, swept: datetime) -> None:
    """Whether everybody would be read or not; one that stands still does not."""
    follower = _follower(Asked(), clock)
    _look(follower, _cookie(NOON - 10 * SECOND, swept))
    with pytest.raises(ContinuityLost) as caught:
        _look(follower, _cookie(NOON - 9 * SECOND, swept))
    assert str(caught.value) == (
        "the clock went back: it was 2024-01-01 11:59:51.123456+00:00 already, less the lag"
    )


@pytest.mark.parametrize("cookie", ["x", "1", "null", "[]", '["x","y"]', "[1,2]", '["2024-01-01"]'])
def test_a_cookie_that_cannot_be_read_loses_continuity(clock: Clock, cookie: str) -> None:
    """It is not taken for none."""
    with pytest.raises(ContinuityLost) as caught:
        _look(_follower(Asked(), clock), cookie)
    assert str(caught.value) == "the saved bounds cannot be read"


def test_bounds_come_back_as_they_were() -> None:
    """To the microsecond."""
    bounds = PollingBounds(NOON, NOON + SECOND)
    assert PollingBounds.parse(str(bounds)) == bounds
    assert PollingBounds.parse("") is None


@pytest.mark.parametrize(
    ("interval", "waits"),
    [(0.0, []), (3.0, [3.0]), (5.0, [5.0]), (12.0, [5.0, 5.0, 2.0])],
)
def test_between_looks_there_is_a_sign_of_life_at_each_beat(
    clock: Clock, interval: float, waits: list[float]
) -> None:
    """However long the pause is."""
    stop = Stop(len(waits) + 1)
    events = _follower(Asked(), clock, interval=interval).events("", stop)
    seen = [next(events) for _ in range(3 + len(waits) + 1)]
    assert seen[3:] == [Heartbeat()] * (len(waits) + 1)
    assert stop.waits == waits
    assert isinstance(next(events), Checkpoint)


def test_a_stop_during_the_pause_ends_it(clock: Clock) -> None:
    """Without another sign of life."""
    stop = Stop(2)
    events = [*_follower(Asked(), clock, interval=100.0).events("", stop)]
    assert events[3:] == [Heartbeat()] * 2
    assert stop.waits == [5.0, 5.0]


def test_an_entry_is_identified_by_its_least_inum(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """One without cannot be told from others: it is left out, and the log says so."""
    entries: list[Entry] = [{"inum": ["b", b"a"]}, {"inum": []}, {"cn": ["x"]}, {"inum": ["c"]}]
    events = _look(_follower(Asked(*entries), clock))
    assert [event.id for event in events if isinstance(event, Upserted)] == ["a", "c"]
    assert (
        caplog.record_tuples
        == [
            (
                "flask_gluu_changes.journal.ingest.polling",
                logging.WARNING,
                "an entry without inum is left out: it cannot be told from others",
            )
        ]
        * 2
    )


def test_the_query_is_the_applications_but_for_the_time(clock: Clock) -> None:
    """Also what nobody will see is told."""
    backend = Asked()
    query = ChangesQuery(NOON, ("when",), frozenset({"cn"}), frozenset({"secret"}))
    follower = PollingFollower(backend, query, FollowSettings(), "because", clock)
    _look(follower)
    assert backend.queries == [
        ChangesQuery(LONG_AGO, ("when",), frozenset({"cn"}), frozenset({"secret"}), everybody=True)
    ]


def test_it_says_what_it_follows_and_why_not_exactly(clock: Clock) -> None:
    """By inums, of the backend's class."""
    follower = _follower(Asked(), clock)
    assert follower.source == f"inum by {__name__}.Asked"
    assert (follower.level, follower.why) == ("lagging", "because")
    assert follower.outside(["1"]) == set()
    assert follower.count() is None


def test_the_clock_is_the_systems_in_utc() -> None:
    """Unless another one is given."""
    follower = PollingFollower(Asked(), ChangesQuery(LONG_AGO), FollowSettings(), "")
    before = datetime.now(UTC)
    (cookie,) = [e.cookie for e in _look(follower) if isinstance(e, Checkpoint)]
    bounds: Any = PollingBounds.parse(cookie)
    assert before <= bounds.swept <= datetime.now(UTC)
    assert bounds.swept - bounds.since == 60 * SECOND

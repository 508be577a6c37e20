"""A store that can only be asked who changed since a time is followed by overlapping looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import islice

import pytest

from flask_gluu_changes import Entry
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.follower import (
    ContinuityLost,
    Event,
    Heartbeat,
    SnapshotProgress,
    StopSignal,
    Upserted,
)
from flask_gluu_changes.journal.ingest.ingester import Ingester
from flask_gluu_changes.journal.ingest.polling import LONG_AGO, PollingFollower
from flask_gluu_changes.journal.ingest.removal_limit import RemovalLimit
from flask_gluu_changes.journal.ingest.service import ingest_job
from flask_gluu_changes.journal.writer import Writer
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.settings.journal import FollowSettings
from flask_gluu_changes.testing import NOON, person
from tests.support.filling import Filler, Journal
from tests.support.memory_people import MemoryPeople

SECOND = timedelta(seconds=1)


class Looks:
    """A follower whose clock is set by hand, one look at a time."""

    def __init__(self, journal: Journal) -> None:
        self.now = NOON
        self.people = MemoryPeople()
        self.writer = Writer(journal.engine)
        assert self.writer.acquire()
        self.stop = StopSignal()
        self.restart()

    def restart(self) -> None:
        """Begin at the saved cookie, as a new process does."""
        settings = FollowSettings(follow_interval=0, follow_lag=10, follow_sweep=100)
        query = ChangesQuery(LONG_AGO)
        follower = PollingFollower(self.people.backend, query, settings, "", lambda: self.now)
        encoder = ingest_job({}, self.people.backend).encoder
        self._events = follower.events(self.writer.state().cookie, self.stop)
        removal_limit = RemovalLimit(self.writer, settings.follow_max_removals)
        self._ingester = Ingester(self.writer, encoder, follower, SnapshotProgress(), removal_limit)

    def look(self, after: float) -> None:
        """Look once more, some seconds later."""
        self.now += after * SECOND
        for event in self._one():
            self._ingester.handle(event)

    def _one(self) -> Iterator[Event]:
        for event in self._events:
            yield event
            if isinstance(event, Heartbeat):
                return


@pytest.fixture
def looks(journal: Journal) -> Iterator[Looks]:
    """A follower that has seen one person."""
    made = Looks(journal)
    made.people.add("1", person("ann", updated=NOON))
    made.look(after=0)
    yield made
    made.stop.close()


def test_changes_are_seen_at_the_next_look(looks: Looks, journal: Journal) -> None:
    """What comes twice, because looks overlap, is no change."""
    looks.people.add("2", person("bob", updated=NOON + SECOND))
    looks.look(after=1)
    before = journal.rows()
    looks.look(after=1)
    assert journal.rows() == before
    assert before.keys() == {"1", "2"}


def test_a_write_that_becomes_visible_late(looks: Looks, journal: Journal) -> None:
    """H8, a commit that is late: it is seen if it is no later than the lag."""
    looks.look(after=50)
    looks.people.add("2", person("bob", created=NOON + 41 * SECOND))
    looks.look(after=1)
    assert "2" in journal.living()


def test_deletions_are_found_by_the_sweep(looks: Looks, journal: Journal) -> None:
    """No look shows them before."""
    looks.people.add("2", person("bob"))
    looks.people.remove("1")
    looks.look(after=99)
    assert journal.rows()["1"].removed is None
    looks.look(after=1)
    assert journal.rows()["1"].removed == "deleted"


def test_changes_without_a_time_are_found_by_the_sweep(looks: Looks, journal: Journal) -> None:
    """H11, edits that set no time: they are seen as late as the sweep."""
    looks.look(after=50)
    looks.people.change("1", {"mail": [b"ann@example.org"]})
    looks.look(after=49)
    assert b"ann@example.org" not in journal.living()["1"]
    looks.look(after=1)
    assert b"ann@example.org" in journal.living()["1"]


TIMELESS: dict[str, list[bytes]] = {"updatedAt": [], "oxCreationTimestamp": []}


def test_who_loses_both_times_is_not_told_as_deleted(looks: Looks, journal: Journal) -> None:
    """Nor is anybody who never had one left out: the sweep reads everybody there is."""
    looks.people.add("2", {**person("bob"), **TIMELESS})
    looks.people.change("1", TIMELESS)
    looks.look(after=100)
    assert journal.living().keys() == {"1", "2"}
    looks.people.remove("2")
    looks.look(after=100)
    assert journal.rows()["2"].removed == "deleted"


def test_times_that_no_time_stamp_finds(looks: Looks, journal: Journal) -> None:
    """Before 1970, and what is no time at all, as after the year 9999."""
    for inum, time in enumerate([b"19040101000000Z", b"120240501000000Z", b"infinity"], start=2):
        times = {"updatedAt": [time], "oxCreationTimestamp": [time]}
        looks.people.add(str(inum), {**person("odd"), **times})
    looks.look(after=100)
    assert journal.living().keys() == {"1", "2", "3", "4"}


def test_a_backend_that_filters_by_the_time_alone(journal: Journal) -> None:
    """Backends that know nothing of a query for everybody are asked from long ago, as ever."""

    class ByTime(MemoryBackend):
        def changes(self, query: ChangesQuery) -> Iterator[Entry]:
            return super().changes(ChangesQuery(query.since))

    made = Looks(journal)
    made.people.backend = ByTime()
    made.restart()
    made.people.add("1", person("ann", updated=NOON))
    made.look(after=0)
    assert journal.living().keys() == {"1"}
    made.stop.close()


def test_a_restart_goes_on_where_the_last_look_ended(looks: Looks, journal: Journal) -> None:
    """Neither a new epoch nor another sweep."""
    epoch = journal.state().epoch
    looks.people.remove("1")
    looks.restart()
    looks.look(after=50)
    assert journal.rows()["1"].removed is None
    looks.restart()
    looks.look(after=50)
    assert journal.rows()["1"].removed == "deleted"
    assert journal.state().epoch == epoch


def test_a_clock_that_goes_back(looks: Looks) -> None:
    """What was written meanwhile may be older than the last look."""
    with pytest.raises(ContinuityLost, match="the clock went back"):
        looks.look(after=-1)


def test_bounds_that_cannot_be_read(looks: Looks, journal: Journal) -> None:
    """They are not taken for none."""
    follower = PollingFollower(looks.people.backend, ChangesQuery(LONG_AGO), FollowSettings(), "")
    with pytest.raises(ContinuityLost, match="cannot be read"):
        next(follower.events("garbage", looks.stop))


def test_an_entry_without_inum_is_left_out(
    looks: Looks, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody could tell it from others; the log says so."""
    looks.people.add("2", {**person("bob", updated=NOON), "inum": []})
    looks.look(after=1)
    assert list(journal.living()) == ["1"]
    assert "without inum" in caplog.text


def test_the_journal_says_that_it_lags_and_why(journal: Journal) -> None:
    """The backend's own reason, for whoever asks."""
    people = MemoryPeople()
    people.add("1", person("ann"))
    with Filler(journal, people.backend, FOLLOW_INTERVAL=0.02, FOLLOW_SWEEP=0.05) as filler:
        filler.built()
        assert (journal.state().level, journal.state().why) == (
            "lagging",
            "the store has no way to tell every change",
        )
        people.remove("1")
        filler.until(lambda: journal.rows()["1"].removed == "deleted")


def test_ids_do_not_show_inums_that_are_denied(journal: Journal) -> None:
    """They are told apart by digests then, and the journal is another one than by inums."""
    denied = ChangesQuery(LONG_AGO, excluded=frozenset({"inum"}))
    people = MemoryPeople()
    people.add("1", person("ann"))
    ids, kinds = set[str](), set[str]()
    for query in (ChangesQuery(LONG_AGO), denied):
        follower = PollingFollower(people.backend, query, FollowSettings(), "")
        kinds.add(follower.source.split()[0])
        with closing(follower.events("", StopSignal())) as events:  # type: ignore[type-var]
            ids.update(event.id for event in islice(events, 2) if isinstance(event, Upserted))
    assert len(kinds) == 2
    assert ids == {"1", "cea3878a334b240469d159ff840b6434"}


@pytest.mark.parametrize(
    "cookie",
    [
        '["2024-05-01T12:00:00", "2024-05-01T12:00:00"]',
        '["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"]',
        "[" * 5000,
    ],
)
def test_bounds_that_are_no_times_in_a_zone(looks: Looks, cookie: str) -> None:
    """Nor can those be compared with the clock, or nested ones be read."""
    follower = PollingFollower(looks.people.backend, ChangesQuery(LONG_AGO), FollowSettings(), "")
    with pytest.raises(ContinuityLost, match="cannot be read"):
        next(follower.events(cookie, StopSignal()))

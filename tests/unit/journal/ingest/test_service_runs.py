"""The service holds the lease, follows, tries again, begins anew, and gives the lease back."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from flask_gluu_changes import (
    BackendRefused,
    BackendUnavailable,
)
from flask_gluu_changes.follower import (
    Checkpoint,
    ContinuityLost,
    Event,
    Heartbeat,
    SnapshotStarted,
    Upserted,
)
from flask_gluu_changes.journal.failures import JournalUnavailable
from flask_gluu_changes.journal.ingest import service as module
from flask_gluu_changes.journal.tables import (
    now,
)

from .scripted import LISTING, Script, World, raising

DAY = 86_400 * 10**6
LATE = 2**62
NAME = "flask_gluu_changes.journal.ingest.service"


def test_what_is_followed_is_written_and_the_lease_given_back() -> None:
    """The journal says who and how."""
    world = World(lambda: LISTING)
    state = world.run()
    assert (state.source, state.level) == ("uuid by a test as digest", "exact")
    assert (state.why, state.cookie, state.head) == ("it is scripted", "c1", 1)
    assert (state.holder, world.follower.closed) == ("", 1)


def test_following_goes_on_from_the_saved_cookie() -> None:
    """Again and again, until the stop."""
    world = World(lambda: LISTING, lambda: (Checkpoint("c2"), Heartbeat()), stop=3)
    world.run()
    assert world.follower.cookies == ["", "c1", "c2"]


def test_after_a_stop_nothing_is_followed() -> None:
    """The lease is not even taken."""
    world = World()
    world.stop.is_set = True
    world.run()
    assert world.follower.cookies == []


def test_a_stop_is_heeded_in_the_middle_of_a_reading() -> None:
    """A follower that goes on reading is closed, and nothing more is written."""

    def goes_on() -> Iterator[Event]:
        yield from LISTING
        world.stop.is_set = True
        yield SnapshotStarted(complete=False)
        yield Checkpoint("late", ends_snapshot=True)

    world = World(goes_on)
    assert world.run().cookie == "c1"
    assert world.follower.closed == 1


def test_only_the_first_reading_is_watched() -> None:
    """Later ones are nobody's business."""
    world = World(lambda: LISTING, lambda: LISTING, stop=2, built=False)
    world.run()
    assert world.progress.started_with == [world.follower]


def test_while_another_holds_the_lease_it_waits(caplog: pytest.LogCaptureFixture) -> None:
    """The log says so once; a beat later, but within a second, it asks again."""
    caplog.set_level(logging.INFO)
    world = World(stop=6)
    world.set(holder="another", held_until=LATE)

    def other_leaves() -> None:
        if len(world.stop.waits) == 2:
            world.set(holder="")
        if len(world.stop.waits) == 3:
            world.set(holder="another", held_until=LATE)

    world.stop.during = other_leaves
    world.run()
    assert world.stop.waits == [1.0, 1.0, 0, 1.0, 1.0, 1.0]
    assert world.follower.cookies == [""]
    text = "another process fills the journal; this one waits to take over"
    fills = "this process fills the journal now, at the level exact: it is scripted"
    assert caplog.record_tuples == [(NAME, logging.INFO, said) for said in (text, fills, text)]
    assert world.state().holder == "another"


def test_a_short_beat_makes_it_ask_sooner() -> None:
    """It is what the lease leaves time for."""
    world = World(stop=1)
    world.stop.heartbeat_interval = 0.25
    world.set(holder="another", held_until=LATE)
    world.run()
    assert world.stop.waits == [0.25]


def test_a_lost_lease_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """The journal is the other one's; this one waits."""
    world = World(stop=1)

    def overtaken() -> Iterator[Event]:
        world.set(holder="another", held_until=LATE)
        yield Upserted("a", {"inum": ["1"]})
        yield Heartbeat()

    world.follower = Script(overtaken)
    assert world.run().head == 0
    assert world.follower.closed == 1
    assert caplog.record_tuples == [
        (
            NAME,
            logging.WARNING,
            "another process took the lease of the journal; this one waits to take over",
        )
    ]


def test_lost_continuity_begins_a_new_epoch(caplog: pytest.LogCaptureFixture) -> None:
    """And the source is read anew at once."""
    world = World(lambda: LISTING, raising(ContinuityLost("the log was cut")), stop=2)
    before = world.state().epoch
    state = world.run()
    assert (state.epoch == before, state.built, state.cookie) == (False, False, "")
    assert world.follower.cookies == ["", "c1", ""]
    assert world.checks == 2  # before it follows a source that is new, and before the new epoch
    assert caplog.record_tuples == [(NAME, logging.WARNING, "a new epoch begins: the log was cut")]


def test_no_token_becomes_void_for_a_source_that_cannot_answer() -> None:
    """What it cannot answer is said before, and the epoch stays."""
    world = World(raising(ContinuityLost("the log was cut")))
    world.writer.acquire()
    world.writer.follow("uuid by a test as digest", "exact", "")
    before = world.state().epoch

    def refuse() -> None:
        raise BackendRefused("no such attribute")

    world.during_check = refuse
    with pytest.raises(BackendRefused, match="no such attribute"):
        world.run()
    assert (world.state().epoch, world.state().holder) == (before, "")


def test_a_source_that_is_down_is_tried_again_ever_more_rarely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At first after a tenth of a second, at last every five; the log says so once a minute."""
    down = raising(BackendUnavailable("no server"))
    world = World(*[down] * 8, stop=8)
    world.run()
    assert world.stop.waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    text = "no server; waiting for it since 0 s"
    assert caplog.record_tuples == [
        ("flask_gluu_changes.journal.ingest.report", logging.WARNING, text)
    ]


def test_a_journal_that_is_down_is_waited_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It follows as soon as its database is back."""
    world = World(lambda: LISTING, stop=3)
    tries = iter([JournalUnavailable("no database"), JournalUnavailable("no database")])
    acquire = world.writer.acquire

    def try_to_acquire() -> bool:
        for error in tries:
            raise error
        return acquire()

    monkeypatch.setattr(world.writer, "acquire", try_to_acquire)
    assert world.run().head == 1
    assert world.stop.waits == [0.1, 0.2, 0]


def test_a_lease_that_cannot_be_given_back_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The database is away at the end: that is no error."""
    world = World()

    def fail() -> None:
        raise JournalUnavailable("no database")

    monkeypatch.setattr(world.writer, "release", fail)
    world.run()
    text = "the lease is not given back, and ends by itself: no database"
    assert caplog.record_tuples == [(NAME, logging.WARNING, text)]


@pytest.mark.parametrize(
    ("events", "waits"),
    [
        ((Checkpoint("c"),), [0.1, 0.2, 0.1, 0.2]),
        ((Heartbeat(),), [0.1, 0.2, 0.1, 0.2]),
        ((SnapshotStarted(complete=True),), [0.1, 0.2, 0.4, 0.8]),
        ((Upserted("a", {"inum": ["1"]}),), [0.1, 0.2, 0.4, 0.8]),
    ],
)
def test_progress_makes_the_next_try_a_quick_one(
    events: tuple[Event, ...], waits: list[float]
) -> None:
    """A listing that begins is none: it may break off for ever."""
    error = BackendUnavailable("no server")
    steps = [raising(error), raising(error), raising(error, *events), raising(error)]
    world = World(*steps, stop=4)
    world.run()
    assert world.stop.waits == waits


def test_what_an_operator_must_mend_ends_it() -> None:
    """The lease is given back all the same."""
    world = World(raising(BackendRefused("no rights")))
    with pytest.raises(BackendRefused, match="no rights"):
        world.run()
    assert (world.state().holder, world.follower.closed) == ("", 1)


def test_old_removals_are_pruned_in_quiet_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first one, and then every ten minutes."""
    clock, pruned = [1000.0], list[int]()
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])

    def quiet() -> Iterator[Event]:
        yield Checkpoint("c")
        assert pruned == []
        for seconds, times in ((0.0, 1), (599.9, 1), (600.0, 2), (1199.9, 2), (1200.0, 3)):
            clock[0] = 1000.0 + seconds
            yield Heartbeat()
            yield Checkpoint("c")
            assert len(pruned) == times

    world = World(quiet)
    monkeypatch.setattr(world.writer, "prune", pruned.append)
    before = now()
    world.run()
    assert all(before <= at + 30 * DAY <= now() for at in pruned)
    assert len(pruned) == 3

"""What a follower tells ends up in the journal, in an order that no client is misled by."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from flask_gluu_changes.follower import (
    Checkpoint,
    ContinuityLost,
    Deleted,
    DeleteUnmentioned,
    Event,
    Heartbeat,
    SnapshotStarted,
    Unchanged,
)
from flask_gluu_changes.journal.ingest import ingester as module
from flask_gluu_changes.journal.tables import ENTRIES, UNKNOWN_COMMITS
from flask_gluu_changes.journal.writer import DELETED, WriteBatch, Writer
from tests.support.world import copy_of, put_back

from .ingesting import World, seen


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An ingester of a journal that was built before, on a clock that stands still."""
    monkeypatch.setattr(module, "monotonic", lambda: 1000.0)
    return World()


def test_changes_are_written_when_there_is_a_quiet_moment(world: World) -> None:
    """All at once, with the cookie up to which they were told."""
    assert world.tell(seen("a"), seen("b"), Deleted(["a"]), Checkpoint("c1")) == []
    told = [("b", "ib"), ("a", "deleted")]
    assert world.tell(Heartbeat()) == [(told, "c1", None)]
    assert world.state().cookie == "c1"


def test_few_who_change_all_the_time_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source may have no quiet moment; the lease is renewed so as well."""
    clock = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    world = World()
    assert world.tell(seen("a", "1"), Checkpoint("c1"), seen("a", "2")) == []
    clock[0] += module.COMMIT_EVERY
    assert world.tell(Checkpoint("c2")) == [([("a", "2")], "c2", None)]
    assert world.tell(seen("a", "3"), Checkpoint("c3")) == []
    clock[0] += module.COMMIT_EVERY
    assert world.tell(SnapshotStarted(complete=False)) == [([("a", "3")], "c3", None)]
    clock[0] += module.COMMIT_EVERY
    assert world.tell(seen("b"), Checkpoint("c4")) == []


def test_who_is_there_though_a_snapshot_did_not_name_him_stays(world: World) -> None:
    """He is asked about before he is removed; whoever is not there goes."""
    world.tell(seen("a"), seen("b"), seen("c"), Checkpoint("c1"), Heartbeat())
    world.follower.there = {"b", "unknown"}
    events = (SnapshotStarted(complete=True), seen("a"), DeleteUnmentioned())
    told = world.tell(*events, Checkpoint("c2", ends_snapshot=True))
    assert [change for batch, _, _ in told for change in batch] == [("a", "ia"), ("c", "deleted")]


def test_large_batches_are_written_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no transaction grows without bound; the cookie follows with the last."""
    monkeypatch.setattr(module, "MAX_BATCH", 1)
    batches = world.tell(seen("a"), seen("b"), seen("c"), Checkpoint("c1"))
    assert batches == [
        ([("a", "ia"), ("b", "ib")], None, None),
        ([("c", "ic")], "c1", None),
    ]
    assert world.tell(Deleted(["a", "b", "c"]), Heartbeat()) == [
        ([("a", "deleted"), ("b", "deleted")], "c1?", None),
        ([("c", "deleted")], "c1?", None),
    ]


def test_a_thousand_changes_are_a_batch(world: World) -> None:
    """Which ends with a cookie, if one comes among as many again; one less waits for more."""
    events: list[Event] = [seen(f"{number}") for number in range(999)]
    assert world.tell(*events, Checkpoint("c1"), seen("last")) == []
    ((told, cookie, _),) = world.tell(Checkpoint("c2"))
    assert (len(told), cookie) == (1000, "c2")
    assert world.tell(*(seen(f"{number} again") for number in range(1999))) == []
    ((told, cookie, _),) = world.tell(seen("last again"))
    assert (len(told), cookie) == (2000, "c2?")


def test_a_thousand_changes_of_a_listing_are_a_batch() -> None:
    """No cookie comes before its end."""
    world = World(built=False)
    world.tell(SnapshotStarted(complete=True), *(seen(f"{number}") for number in range(999)))
    (batch,) = world.tell(seen("last"))
    assert len(batch[0]) == 1000


def test_who_moved_away_is_out_of_scope(world: World) -> None:
    """Others were deleted."""
    world.tell(seen("a"), seen("b"), Heartbeat())
    world.follower.moved = {"b"}
    assert world.tell(Deleted(["a", "b"]), Heartbeat()) == [
        ([("a", "deleted"), ("b", "outOfScope")], None, None)
    ]


def test_the_first_quiet_moment_is_noted(world: World) -> None:
    """Nobody knows how old the last note is."""
    assert world.tell(Heartbeat()) == [([], None, None)]


def test_quiet_moments_are_noted_ten_times_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That there is nothing newer is worth a transaction now and then."""
    clock = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    nothing: tuple[list[object], None, None] = ([], None, None)
    assert world.tell(seen("first"), Heartbeat()) != []
    clock[0] = 0.09
    assert world.tell(Heartbeat()) == []
    clock[0] = 0.1
    assert world.tell(Heartbeat(), Heartbeat()) == [nothing]
    assert world.tell(seen("a"), Heartbeat()) == [([("a", "ia")], None, None)]
    assert world.tell(Checkpoint("c"), Heartbeat()) == [([], "c", None)]
    assert world.writer.renewed == 0


def test_the_first_listing_builds_the_journal() -> None:
    """With its last batch, and progress is told."""
    world = World(built=False)
    events = (SnapshotStarted(complete=True), seen("a"), seen("b"), DeleteUnmentioned())
    assert world.tell(*events) == []
    assert world.tell(Checkpoint("c1", ends_snapshot=True)) == [
        ([("a", "ia"), ("b", "ib")], "c1", True)
    ]
    assert world.state().built
    assert world.progress.heard == [world.follower, 2, "end"]


def test_a_partial_listing_is_no_progress_to_tell(world: World) -> None:
    """It is short; neither its beginning nor its end is told."""
    world.tell(SnapshotStarted(complete=False), seen("a"), Checkpoint("c", ends_snapshot=True))
    assert world.progress.heard == []


def test_a_later_listing_is_no_progress_to_tell(world: World) -> None:
    """Clients are served meanwhile."""
    world.tell(*_listing(seen("a")), END)
    assert world.progress.heard == []


def test_a_commit_outside_of_a_listing_is_no_progress(world: World) -> None:
    """Nobody waits for it."""
    world.tell(seen("a"), Heartbeat())
    assert world.progress.heard == []


def test_a_listing_only_renews_the_lease_in_quiet_moments(world: World) -> None:
    """What it has read so far may not be the whole."""
    started = SnapshotStarted(complete=True)
    assert world.tell(started, seen("a"), Heartbeat(), Checkpoint("x"), Heartbeat()) == []
    assert world.writer.renewed == 2
    (batch,) = world.tell(Checkpoint("c", ends_snapshot=True))
    assert batch == ([("a", "ia")], "c", True)
    world.tell(Heartbeat())
    assert world.writer.renewed == 2


def _listing(*events: Event) -> tuple[Event, ...]:
    return (SnapshotStarted(complete=True), *events, DeleteUnmentioned())


END = Checkpoint("c", ends_snapshot=True)


def test_who_is_not_mentioned_is_removed(world: World) -> None:
    """Those who were seen, or called unchanged, are not."""
    world.tell(seen("a"), seen("b"), seen("c"), Heartbeat())
    batches = world.tell(*_listing(seen("a"), Unchanged(["b"])), END)
    assert batches == [([("a", "ia"), ("c", "deleted")], "c", True)]
    assert world.journal.writer.inums() == {"a": "ia", "b": "ib"}


def test_a_removal_comes_before_whoever_takes_its_inum(world: World) -> None:
    """A client that keys on inums would remove the new one otherwise."""
    world.tell(seen("old", "1"), seen("same", "2"), Heartbeat())
    batches = world.tell(*_listing(seen("new", "1"), seen("same", "2")), END)
    assert batches == [([("same", "2"), ("old", "deleted"), ("new", "1")], "c", True)]


def test_who_changed_the_inum_waits_for_the_removals_too(world: World) -> None:
    """The new one may be that of somebody who is removed."""
    world.tell(seen("a", "1"), seen("b", "2"), Heartbeat())
    batches = world.tell(*_listing(seen("b", "1")), END)
    assert batches == [([("a", "deleted"), ("b", "1")], "c", True)]


def test_who_took_over_an_inum_before_is_told_after_its_removal(world: World) -> None:
    """Its former owner's removal was still to come when `follow` was killed."""
    world.tell(seen("old", "1"), seen("other", "2"), seen("new", "1"), Heartbeat())
    world.tell(*_listing(Unchanged(["new", "other"])), END)
    with world.journal.engine.begin() as connection:
        order = connection.scalars(select(ENTRIES.c.id).order_by(ENTRIES.c.seq)).all()
    assert order == ["other", "old", "new"]


def test_in_a_new_epoch_nobody_is_held_back() -> None:
    """There is no client to see the removal first."""
    world = World(built=False)
    world.tell(seen("old", "1"), Heartbeat())
    batches = world.tell(*_listing(seen("new", "1")), END)
    assert batches == [([("new", "1"), ("old", "deleted")], "c", True)]


def test_whoever_is_deleted_during_a_listing_is_gone(world: World) -> None:
    """Although the listing had seen it, and held it back."""
    world.tell(seen("a", "1"), Heartbeat())
    events = _listing(seen("new", "9"), seen("a", "1"), Deleted(["new", "a"]))
    batches = world.tell(*events, END)
    assert batches == [([("new", "deleted"), ("a", "deleted")], "c", True)]


def test_strangers_that_are_called_unchanged_prove_another_past(world: World) -> None:
    """Nothing is removed then; a new epoch must begin."""
    world.tell(seen("a"), Heartbeat())
    with pytest.raises(ContinuityLost) as caught:
        world.tell(*_listing(Unchanged(["a", "x", "y"])))
    assert str(caught.value) == (
        "the source calls 2 identities unchanged that are not in the journal"
    )
    assert world.journal.writer.inums() == {"a": "ia"}


def test_who_is_seen_and_called_unchanged_is_no_stranger(world: World) -> None:
    """It came during the listing."""
    batches = world.tell(*_listing(seen("new"), Unchanged(["new"])), END)
    assert batches == [([("new", "inew")], "c", True)]


def test_one_listing_knows_nothing_of_the_one_before(world: World) -> None:
    """Whom it saw, held and called unchanged counts once."""
    world.tell(*_listing(seen("a"), seen("b")), END)
    world.tell(*_listing(Unchanged(["a", "b"])), END)
    assert world.journal.writer.inums() == {"a": "ia", "b": "ib"}
    assert world.tell(*_listing(Unchanged(["b"])), END) == [([("a", "deleted")], "c", True)]
    assert world.tell(*_listing(), END) == [([("b", "deleted")], "c", True)]


def test_between_listings_nobody_is_held_back(world: World) -> None:
    """An event of its own is in its place already."""
    world.tell(*_listing(seen("a")), END)
    assert world.tell(seen("b"), Heartbeat()) == [([("b", "ib")], "c?", None)]


def test_who_came_just_before_a_listing_is_known_in_it(world: World) -> None:
    """And is removed where it does not name him."""
    world.tell(seen("a"), seen("gone"), Checkpoint("c1"))
    world.tell(*_listing(seen("a")), END)
    assert world.journal.writer.inums() == {"a": "ia"}


def test_who_gets_the_former_inum_back_within_a_listing_is_written_so(world: World) -> None:
    """What was held back before is not written behind it."""
    world.tell(*_listing(seen("a", "1")), END)
    world.tell(*_listing(seen("a", "2"), seen("a", "1")), END)
    assert world.journal.writer.inums() == {"a": "1"}


def test_changes_that_are_pending_are_no_proof_that_there_is_nothing_newer(world: World) -> None:
    """What came is written, but no moment is confirmed until they have been read."""
    before = world.state().confirmed_at
    assert world.tell(seen("a"), Heartbeat(pending=True)) == [([("a", "ia")], None, None)]
    assert world.state().confirmed_at == before
    world.tell(seen("b"), Heartbeat())
    assert world.state().confirmed_at > before


def test_a_restored_journal_begins_a_new_epoch(world: World) -> None:
    """A client knows of a commit that was lost; within a listing that is not looked for."""
    row = {"commit_id": "lost", "seq": 7, "epoch": world.state().epoch}
    with world.journal.engine.begin() as connection:
        connection.execute(insert(UNKNOWN_COMMITS).values(row))
    world.tell(SnapshotStarted(complete=True), Heartbeat(), END)
    with pytest.raises(ContinuityLost, match="the journal was restored"):
        world.tell(seen("a"), Heartbeat())


def test_two_who_were_read_with_one_inum_are_told_apart_later() -> None:
    """One was renamed while people were read: who has the inum is told behind that, once more."""
    world = World(built=False)
    start = SnapshotStarted(complete=True)
    world.tell(
        start,
        seen("new", "1"),
        seen("old", "1"),
        DeleteUnmentioned(),
        Checkpoint("c", ends_snapshot=True),
    )
    world.tell(seen("old", "3"), Heartbeat())
    with world.journal.engine.begin() as connection:
        told = connection.scalars(select(ENTRIES.c.id).order_by(ENTRIES.c.seq)).all()
    assert told == ["old", "new"]


def test_who_has_the_inum_of_one_in_a_lost_commit_is_told_behind_it() -> None:
    """Another follower has told of them meanwhile, and this one heard nothing of it."""
    world = World()
    world.tell(seen("former", "i"), Heartbeat(False))
    engine = world.journal.engine
    copy = copy_of(engine)
    world.tell(Deleted(["former"]), Heartbeat(False))
    put_back(engine, copy)
    other, batch = Writer(engine), WriteBatch()
    assert other.acquire(by_force=True)
    batch.remove("former", DELETED)
    batch.put(world.journal.identity("new", {"inum": ["i"]}))
    other.commit(batch)
    assert world.writer.acquire(by_force=True)
    assert world.writer.find_lost() == 1
    world.ingester.tell_lost_again()
    with engine.begin() as connection:
        told = connection.scalars(select(ENTRIES.c.id).order_by(ENTRIES.c.seq)).all()
    assert told == ["former", "new"]

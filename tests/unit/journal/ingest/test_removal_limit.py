"""Too many removals at once are held back, until the people are there again or it is confirmed."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import select

from flask_gluu_changes.follower import (
    Checkpoint,
    Deleted,
    DeleteUnmentioned,
    Heartbeat,
    SnapshotStarted,
    Unchanged,
)
from flask_gluu_changes.journal import held
from flask_gluu_changes.journal.ingest import removal_limit as module
from flask_gluu_changes.journal.ingest.removal_limit import ALL
from flask_gluu_changes.journal.quarantine import Unwritable
from flask_gluu_changes.journal.tables import ENTRIES, now, writer_engine
from flask_gluu_changes.journal.writer import WriteBatch

from .ingesting import World, seen

PEOPLE = [f"p{number:02}" for number in range(20)]
BEGIN, END = SnapshotStarted(complete=True), Checkpoint("c", ends_snapshot=True)


@pytest.fixture
def world() -> World:
    """Twenty people in a journal whose limit of removals is the default."""
    return filled()


def filled(number: int = 20) -> World:
    """Make a journal with so many people."""
    world = World(share=0.1)
    world.tell(*(seen(f"p{i:02}") for i in range(number)), Heartbeat())
    return world


def living(world: World) -> set[str]:
    """Name those who are not removed."""
    with world.journal.engine.begin() as connection:
        return {*connection.scalars(select(ENTRIES.c.id).where(ENTRIES.c.removed.is_(None)))}


def counted(world: World) -> int:
    """Read from the status how many removals are held back."""
    return world.journal.backend.status().held


def confirm(world: World) -> int:
    """Do what the command does, over another transaction."""
    with writer_engine(world.journal.engine).begin() as connection:
        return held.confirm_removals(connection)


def take_over(world: World) -> World:
    """Have another process go on with the same journal."""
    world.journal.restart()
    after = World(share=0.1, journal=world.journal)
    after.tell(Heartbeat())
    return after


def test_nobody_goes_where_everybody_would(world: World) -> None:
    """Not by one look that finds nobody."""
    world.tell(Deleted([*PEOPLE]), Heartbeat())
    assert (living(world), counted(world)) == ({*PEOPLE}, 20)


def test_of_a_flood_of_single_removals_no_more_than_the_limit_go(world: World) -> None:
    """However they come: those of the last ten minutes count together."""
    for id_ in PEOPLE:
        world.tell(Deleted([id_]), Heartbeat())
    assert (len(living(world)), counted(world)) == (10, 10)


def test_removals_long_ago_do_not_count(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes later as many may go again."""
    world.tell(Deleted(PEOPLE[:10]), Heartbeat())
    later = now() + held.WINDOW
    monkeypatch.setattr(held, "now", lambda: later)
    world.tell(Deleted(PEOPLE[10:]), Heartbeat())
    assert (living(world), counted(world)) == (set(), 0)


@pytest.mark.parametrize(("gone", "left"), [(20, 180), (21, 200)])
def test_the_limit_is_a_share_of_all(gone: int, left: int) -> None:
    """A tenth goes, one more does not; those who went before belong to all."""
    world = filled(200)
    world.tell(Deleted([f"p{i:02}" for i in range(10)]), Heartbeat())
    world.tell(Deleted([f"p{i:02}" for i in range(10, gone)]), Heartbeat())
    assert len(living(world)) == (left if gone == 20 else 190)
    assert counted(world) == (0 if gone == 20 else 11)


def test_a_few_always_go() -> None:
    """Everybody may, where everybody is ten people."""
    world = filled(10)
    world.tell(Deleted(PEOPLE[:10]), Heartbeat())
    assert (living(world), counted(world)) == (set(), 0)


def test_large_sets_count_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not batch by batch, each of which is below the limit."""
    monkeypatch.setattr("flask_gluu_changes.journal.ingest.ingester.MAX_BATCH", 5)
    world = filled()
    world.tell(Deleted([*PEOPLE]), Heartbeat())
    assert (living(world), counted(world)) == ({*PEOPLE}, 20)
    confirm(world)
    world.tell(Heartbeat())
    assert (living(world), counted(world)) == (set(), 0)


def test_everything_else_goes_on_being_written(world: World) -> None:
    """Who is new, who changed, and the cookie."""
    world.tell(Deleted([*PEOPLE]), seen("new"), seen("p00x", "other"), Checkpoint("c9"))
    world.tell(Heartbeat())
    assert living(world) == {*PEOPLE, "new", "p00x"}
    assert world.state().cookie == "c9"


def test_while_some_are_held_back_nobody_goes(world: World) -> None:
    """Not even one: nobody knows yet what the source is worth."""
    world.tell(Deleted(PEOPLE[:15]), Heartbeat())
    world.tell(Deleted(PEOPLE[15:16]), Heartbeat())
    assert (len(living(world)), counted(world)) == (20, 16)


@pytest.mark.parametrize("built", [True, False])
def test_a_listing_without_them_removes_nobody(built: bool) -> None:
    """An empty replica, also where a new epoch began with it; a second one changes nothing."""
    world = filled()
    if not built:
        world.writer.begin_epoch()
    for _ in range(2):
        world.tell(BEGIN, DeleteUnmentioned(), END, Heartbeat())
        assert (living(world), counted(world)) == ({*PEOPLE}, 20)
    assert world.state().built


def test_who_comes_back_is_no_longer_held_back(world: World) -> None:
    """As it was: nothing is written for it, and the hold ends with the last one."""
    world.tell(Deleted([*PEOPLE]), Heartbeat())
    head = world.state().head
    world.tell(*map(seen, PEOPLE[:15]), Heartbeat())
    assert counted(world) == 5
    world.tell(BEGIN, Unchanged([*PEOPLE]), DeleteUnmentioned(), END, Heartbeat())
    assert (counted(world), world.state().head) == (0, head)
    world.tell(Deleted(PEOPLE[:10]), Heartbeat())
    assert len(living(world)) == 10


def test_after_a_confirmation_they_go(world: World) -> None:
    """With the reasons that they had, and as few or as many may go again."""
    world.follower.moved = {"p00"}
    world.tell(seen("more"), Heartbeat(), Deleted([*PEOPLE]), Heartbeat())
    assert confirm(world) == 20
    world.tell(Heartbeat())
    assert (living(world), counted(world)) == ({"more"}, 0)
    with world.journal.engine.begin() as connection:
        reasons = dict(connection.execute(select(ENTRIES.c.id, ENTRIES.c.removed)).all())
    assert (reasons["p00"], reasons["p01"]) == ("outOfScope", "deleted")
    world.tell(Deleted(["more"]), Heartbeat())
    assert living(world) == set()


def test_a_confirmation_is_for_those_who_were_held_back(world: World) -> None:
    """Who is held back later needs another one."""
    world.tell(Deleted(PEOPLE[:15]), Heartbeat())
    confirm(world)
    world.tell(BEGIN, DeleteUnmentioned(), END, Heartbeat())
    assert (living(world), counted(world)) == ({*PEOPLE[15:]}, 5)
    assert confirm(world) == 5
    assert confirm(filled()) == 0


def test_who_comes_back_after_the_confirmation_stays(world: World) -> None:
    """The source has the last word, until the removal is written."""
    world.tell(Deleted([*PEOPLE]), Heartbeat())
    confirm(world)
    world.tell(BEGIN, *map(seen, PEOPLE), END, Heartbeat())
    assert (living(world), counted(world)) == ({*PEOPLE}, 0)


def test_another_process_goes_on_with_it(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """After a restart or a takeover: it says so, holds back, and takes the confirmation."""
    world.tell(Deleted([*PEOPLE]), Heartbeat())
    caplog.clear()
    after = take_over(world)
    assert "too many people are gone from the source at once, 20:" in caplog.text
    after.tell(BEGIN, DeleteUnmentioned(), END, Heartbeat())
    assert (living(world), counted(world)) == ({*PEOPLE}, 20)
    confirm(world)
    after.tell(Heartbeat())
    assert (living(world), counted(world)) == (set(), 0)


def test_a_confirmation_before_the_next_start_counts(world: World) -> None:
    """The command needs no process that fills the journal."""
    world.tell(Deleted([*PEOPLE]), Heartbeat())
    confirm(world)
    take_over(world)
    assert (living(world), counted(world)) == (set(), 0)


def test_without_a_limit_everybody_goes() -> None:
    """Also those who were held back before it was turned off."""
    world = filled()
    world.tell(Deleted(PEOPLE[:15]), Heartbeat())
    world.journal.restart()
    after = World(share=ALL, journal=world.journal)
    after.tell(Deleted(PEOPLE[15:]), Heartbeat())
    assert (living(world), counted(world)) == (set(), 0)


def test_nothing_is_confirmed_while_the_journal_holds_who_is_gone(world: World) -> None:
    """`confirmedAt` stays before the first removal that is held back."""
    world.tell(Heartbeat())
    before = now()
    world.tell(Deleted([*PEOPLE]), Checkpoint("c"), Heartbeat(), Heartbeat(), Heartbeat())
    world.tell(BEGIN, DeleteUnmentioned(), END, Heartbeat(), Heartbeat())
    assert world.state().confirmed_at <= before
    confirm(world)
    world.ingester.handle(Heartbeat())
    world.ingester._committed_at = 0.0
    world.tell(Heartbeat())
    assert world.state().confirmed_at >= before


@pytest.mark.parametrize("listed", [True, False])
def test_who_only_has_another_id_is_not_gone(world: World, listed: bool) -> None:
    """A directory that was imported anew: the removal comes before who has the inum now."""
    again = [seen(f"{id_}n", f"i{id_}") for id_ in PEOPLE]
    if listed:
        world.tell(BEGIN, *again, DeleteUnmentioned(), END)
    else:
        world.tell(*again, Heartbeat(), Deleted([*PEOPLE]), Heartbeat())
    assert (living(world), counted(world)) == ({f"{id_}n" for id_ in PEOPLE}, 0)


def test_who_is_replaced_later_goes_before_the_other(world: World) -> None:
    """A client that keys on inums must see the removal first, and never after it."""
    world.tell(Deleted([*PEOPLE]), Heartbeat())
    world.tell(seen("new", "ip00"), Heartbeat())
    assert living(world) == {*PEOPLE[1:], "new"}
    assert counted(world) == 19
    with world.journal.engine.begin() as connection:
        seqs = dict(connection.execute(select(ENTRIES.c.id, ENTRIES.c.seq)).all())
    assert seqs["p00"] < seqs["new"]


def test_the_rest_goes_when_no_more_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes after the last one, if it is no more than may go at once."""
    clock = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    world.tell(Deleted([*PEOPLE]), Heartbeat(), *map(seen, PEOPLE[:18]), Heartbeat())
    clock[0] += module.SETTLING - 1
    world.tell(Heartbeat())
    assert counted(world) == 2
    clock[0] += 1
    world.tell(Heartbeat())
    assert (living(world), counted(world)) == ({*PEOPLE[:18]}, 0)


def test_the_rest_stays_while_it_is_too_much(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who went just before count, however long ago that is by now."""
    clock = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    for id_ in PEOPLE[:12]:
        world.tell(Deleted([id_]), Heartbeat())
    world.tell(seen("p11"), Heartbeat())
    later = now() + 100 * held.WINDOW
    monkeypatch.setattr(held, "now", lambda: later)
    clock[0] += module.SETTLING
    world.tell(Heartbeat())
    assert counted(world) == 1


def test_the_log_says_so_once_and_when_it_is_over(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again after a minute, if there are more; never whom it is about."""
    clock = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    caplog.set_level(logging.INFO)
    for number in (15, 16, 17):
        world.tell(Deleted(PEOPLE[:number]), Heartbeat(), Heartbeat())
        clock[0] += 20
    world.tell(Heartbeat())
    confirm(world)
    world.tell(Heartbeat(), Heartbeat())
    said = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == module.__name__]
    text = (
        "too many people are gone from the source at once, %d: their removal is held back; mend"
        " the source, or run `flask gluu-changes confirm-removals`"
    )
    assert said == [
        ("ERROR", text % 15),
        ("ERROR", text % 17),
        ("INFO", "no removal is held back any more"),
    ]


def test_an_entry_that_is_set_aside_is_held_back_too() -> None:
    """And stays set aside; who is unknown is nobody's loss."""
    world = filled()
    world.journal.writer.commit(_set_aside("p00", "unknown"))
    world.writer.acquire()
    world.tell(Deleted([*PEOPLE, "unknown", "never"]), Heartbeat())
    assert (counted(world), world.journal.backend.status().quarantined) == (20, 1)


def _set_aside(*ids: str) -> WriteBatch:
    batch = WriteBatch()
    for id_ in ids:
        batch.set_aside(id_, Unwritable("odd"))
    return batch


def test_other_identities_forget_who_was_held_back(world: World) -> None:
    """They are forgotten with all that is known."""
    world.tell(Deleted([*PEOPLE]), Heartbeat())
    world.writer.begin_epoch(forget=True)
    world.tell(Heartbeat())
    assert counted(world) == 0


def test_the_share_of_the_whole_holds_nobody_back() -> None:
    """It is how the setting is written that turns the limit off."""
    world = filled()
    after = World(share=1.0, journal=world.journal)
    after.writer.acquire()
    after.tell(Deleted([*PEOPLE]), Heartbeat())
    assert (living(world), counted(world)) == (set(), 0)


def test_already_the_first_is_said(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Where removals come one by one, the eleventh is the first that is held back."""
    for id_ in PEOPLE[:11]:
        world.tell(Deleted([id_]), Heartbeat())
    assert "at once, 1:" in caplog.text


def test_who_was_not_confirmed_does_not_go_by_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That others went is no sign that the source is well again."""
    clock = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    world.tell(Deleted(PEOPLE[:15]), Heartbeat())
    confirm(world)
    world.tell(BEGIN, DeleteUnmentioned(), END, Heartbeat())
    clock[0] += 2 * module.SETTLING
    world.tell(Heartbeat())
    assert (living(world), counted(world)) == ({*PEOPLE[15:]}, 5)


def test_who_is_held_back_after_a_confirmation_is_said_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """However many had been held back before: the operator has to run the command again."""
    world.tell(Deleted(PEOPLE[:15]), Heartbeat())
    confirm(world)
    world.tell(BEGIN, DeleteUnmentioned(), END, Heartbeat())
    assert counted(world) == 5
    assert "too many people are gone from the source at once, 5:" in caplog.text

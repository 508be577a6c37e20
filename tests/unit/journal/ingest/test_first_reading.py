"""A first reading asks an empty journal about nobody, and yet writes nobody twice."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, select

from flask_gluu_changes.follower import (
    Checkpoint,
    Deleted,
    DeleteUnmentioned,
    Event,
    Heartbeat,
    SnapshotStarted,
    Upserted,
)
from flask_gluu_changes.journal.ingest import ingester as module
from flask_gluu_changes.journal.tables import ENTRIES, QUARANTINE

from .ingesting import World, seen

STARTED = SnapshotStarted(complete=True)
END = (DeleteUnmentioned(), Checkpoint("c", ends_snapshot=True))
BROKEN = Upserted("a", {"inum": ["ia"], "uid": None})  # type: ignore[dict-item]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An ingester of a journal that was never filled, which writes each change at once."""
    monkeypatch.setattr(module, "MAX_BATCH", 1)
    return _resumed(World(built=False))


def _resumed(world: World) -> World:
    world.writer.resume()
    return world


def _look_ups(world: World) -> list[str]:
    """Return a list that grows by each statement that looks somebody up by the id."""
    found: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT gluu_changes_entry.id") and " IN (" in statement:
            found.append(statement)

    event.listen(world.journal.engine, "before_cursor_execute", note)
    return found


def _written(world: World) -> list[tuple[str, str, str | None]]:
    """Return id, inum and removal of all that is written, in its order; nothing is set aside."""
    columns = (ENTRIES.c.id, ENTRIES.c.inum, ENTRIES.c.removed)
    with world.journal.engine.begin() as connection:
        assert connection.execute(select(QUARANTINE)).all() == []
        return [(*row,) for row in connection.execute(select(*columns).order_by(ENTRIES.c.seq))]


def test_an_empty_journal_is_asked_about_nobody(world: World) -> None:
    """All that is read is new to it."""
    look_ups = _look_ups(world)
    world.tell(STARTED, seen("a"), seen("b"), *END)
    assert look_ups == []
    assert _written(world) == [("a", "ia", None), ("b", "ib", None)]


TWICE = {
    "changed": (seen("a"), seen("a", "2"), seen("b")),
    "deleted before": (Deleted(["a"]), seen("a"), seen("b"), seen("a", "2")),
    "deleted between": (seen("a"), Deleted(["a"]), seen("a", "2")),
    "broken before": (BROKEN, seen("a"), seen("a", "2")),
    "broken between": (seen("a"), BROKEN, seen("a", "2")),
}


@pytest.mark.parametrize("events", TWICE.values(), ids=TWICE)
def test_who_is_told_twice_is_looked_up(world: World, events: tuple[Event, ...]) -> None:
    """The directory is written while it is read."""
    look_ups = _look_ups(world)
    world.tell(STARTED, *events, *END)
    assert look_ups
    assert ("a", "2", None) in _written(world)


def test_who_is_deleted_during_a_first_reading_is_removed(world: World) -> None:
    """Though nobody was looked up until then."""
    world.tell(STARTED, seen("a"), Deleted(["a"]), *END)
    assert _written(world) == [("a", "ia", "deleted")]


def test_a_first_reading_that_begins_again_looks_everybody_up(world: World) -> None:
    """A part of them is there."""
    world.tell(STARTED, seen("a"))
    after = _resumed(World(built=False, journal=world.journal))
    after.tell(STARTED, seen("b"), seen("a", "2"), *END)
    assert _written(after) == [("b", "ib", None), ("a", "2", None)]


def test_who_waits_to_be_written_when_a_reading_begins_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The journal is empty still, and will not be."""
    world = _resumed(World())
    world.tell(seen("a"), SnapshotStarted(complete=False))
    monkeypatch.setattr(module, "MAX_BATCH", 1)
    world.tell(seen("b"), seen("a"), Checkpoint("c", ends_snapshot=True))
    assert _written(world) == [("a", "ia", None), ("b", "ib", None)]


def test_after_the_first_reading_everybody_is_looked_up(world: World) -> None:
    """Also where it found nobody."""
    look_ups = _look_ups(world)
    world.tell(STARTED, *END, seen("a"), seen("a", "2"), Heartbeat())
    assert look_ups
    assert _written(world) == [("a", "2", None)]


def test_a_journal_that_holds_more_than_was_left_is_asked(world: World) -> None:
    """A database may have committed what it said it had not, and is told the same again."""
    world.tell(STARTED, seen("a"))
    world.journal.put("b")
    world.tell(seen("b", "2"), *END)
    assert _written(world) == [("a", "ia", None), ("b", "2", None)]


def test_columns_that_are_empty_for_all_are_not_bound(world: World) -> None:
    """Python's sqlite3 takes longer over None than over any text."""
    inserts: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO gluu_changes_entry"):
            inserts.append(statement)

    event.listen(world.journal.engine, "before_cursor_execute", note)
    world.tell(STARTED, seen("a"), *END)
    (statement,) = inserts
    assert "counts_until" in statement
    assert "removed" not in statement

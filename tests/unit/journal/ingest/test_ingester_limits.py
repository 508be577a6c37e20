"""What is too large, or odd, is left out of a batch, named once, and keeps nobody else out."""

from __future__ import annotations

import logging

import pytest

from flask_gluu_changes.errors import BackendUnavailable
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
from flask_gluu_changes.journal.limits import SizeLimits
from flask_gluu_changes.journal.quarantine import Unwritable
from flask_gluu_changes.journal.tables import MOST_ID_OCTETS
from flask_gluu_changes.model import Entry

from .ingesting import World, seen

NAME = "flask_gluu_changes.journal.ingest.ingester"
ODD: Entry = {"inum": None}  # type: ignore[dict-item]
END = Checkpoint("c", ends_snapshot=True)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An ingester with small limits, on a clock that stands still."""
    monkeypatch.setattr(module, "monotonic", lambda: 1000.0)
    return World(limits=SizeLimits(value=100, entry=1000))


def _large(id_: str, *names: str) -> Upserted:
    return Upserted(id_, {"inum": [id_], **{name: ["x" * 200] for name in names}})


def test_what_is_left_out_is_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Until it is something else; ids are shown in ASCII, and never a value."""
    names = [("mail",), ("mail",), ("mail", "photo"), ("mail",)]
    world.tell(*(_large("ü", *each) for each in names), _large("b", "photo"), seen("c"))
    text = "of the entry {} is left out as too large: {}"
    assert caplog.record_tuples == [
        (NAME, logging.WARNING, text.format(*said))
        for said in (
            ("'\\xfc'", "mail"),
            ("'\\xfc'", "mail, photo"),
            ("'\\xfc'", "mail"),
            ("'b'", "photo"),
        )
    ]


def test_an_odd_entry_is_set_aside_by_the_kind_of_its_error(world: World) -> None:
    """An id that is too long is told as such, since its text holds no value."""
    long = "x" * (MOST_ID_OCTETS + 1)
    (batch,) = world.tell(Upserted("a", ODD), seen(long), seen("b"), Heartbeat())
    reason = f"its id has more than {MOST_ID_OCTETS} octets"
    assert batch[0] == [
        ("a", Unwritable("TypeError")),
        (long, Unwritable(reason)),
        ("b", "ib"),
    ]


def test_an_error_of_the_store_is_none_of_an_entry(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the following, which is tried again."""

    def fail(*_: object) -> None:
        raise BackendUnavailable("gone")

    monkeypatch.setattr(world.ingester._encoder, "encode", fail)
    with pytest.raises(BackendUnavailable, match="gone"):
        world.tell(seen("a"))
    monkeypatch.undo()
    assert world.tell(Heartbeat()) == [([], None, None)]


def test_who_is_held_back_and_becomes_odd_is_not_written(world: World) -> None:
    """The last that was told of it counts."""
    start = SnapshotStarted(complete=True)
    (batch,) = world.tell(start, seen("a"), Upserted("a", ODD), DeleteUnmentioned(), END)
    assert batch[0] == [("a", Unwritable("TypeError"))]


def test_who_is_odd_in_a_listing_was_mentioned(world: World) -> None:
    """It is there, so it is not removed."""
    world.tell(seen("a"), Heartbeat())
    world.tell(SnapshotStarted(complete=True), Upserted("a", ODD), DeleteUnmentioned(), END)
    assert world.writer.inums() == {"a": "ia"}


@pytest.mark.parametrize(("more", "expected"), [(0, ["abcd", "e"]), (1, ["abcde", "f"])])
def test_a_batch_of_many_octets_is_written_before(
    world: World, monkeypatch: pytest.MonkeyPatch, more: int, expected: list[str]
) -> None:
    """The entry that reaches the limit is its last, and the next one counts from nothing."""
    size = len(b'{"inum":["ia"],"uid":["a"]}')
    monkeypatch.setattr(module, "MAX_BATCH_OCTETS", 2 * size + more)
    batches = world.tell(*map(seen, "".join(expected)), Heartbeat())
    assert ["".join(id_ for id_, _ in told) for told, _, _ in batches] == expected


def test_a_batch_has_up_to_eight_mebioctets() -> None:
    """By the limit as it is."""
    assert module.MAX_BATCH_OCTETS == 8_388_608


def test_removals_are_written_by_two_thousand(world: World) -> None:
    """Of one event, too."""
    ids = [f"{number}" for number in range(2001)]
    batches = world.tell(Deleted(ids), Heartbeat())
    assert [len(told) for told, _, _ in batches] == [2000, 1]


def test_changes_that_were_written_are_counted_once(world: World) -> None:
    """Not those that are known already, and over several batches."""
    assert world.ingester.take_written() == 0
    world.tell(seen("a"), seen("b"), Heartbeat(), seen("b"), seen("c"), Heartbeat())
    assert world.ingester.take_written() == 3
    assert world.ingester.take_written() == 0
    world.tell(Deleted(["a"]), Heartbeat())
    assert world.ingester.take_written() == 1


def test_the_first_reading_is_said_with_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """And how many people it found; of a later one nothing is said."""
    caplog.set_level(logging.INFO, NAME)
    world = World(built=False)
    events: list[Event] = [SnapshotStarted(complete=True), *map(seen, "abc"), DeleteUnmentioned()]
    for _ in range(2):
        world.tell(*events, END)
    assert caplog.record_tuples == [
        (NAME, logging.INFO, said)
        for said in (
            "the first reading of everybody begins; until it ends, clients get 503",
            "the first reading has ended; people: 3",
        )
    ]

"""Each answer of the reader is one look at the journal, and says no more than holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, update

from flask_gluu_changes import BackendUnavailable
from flask_gluu_changes.journal.protocol import Position, ResyncRequired, Slice, Status
from flask_gluu_changes.journal.reader import JournalReader
from flask_gluu_changes.journal.tables import COMMITS, STATE
from flask_gluu_changes.journal.writer import WriteBatch
from tests.support.journals import Journal, memory_engine

YEAR_2024 = 1_704_067_200_000_000
SECOND = 10**6


@pytest.fixture
def journal() -> Journal:
    """An empty journal, built."""
    return Journal(memory_engine())


@pytest.fixture
def reader(journal: Journal) -> JournalReader:
    """A reader of the journal."""
    return JournalReader(journal.engine)


def _asks(reader: JournalReader) -> list[Callable[[], object]]:
    """List the questions that need a journal that is built, and ours."""
    return [
        reader.latest,
        lambda: reader.read_slice(None, 1),
        lambda: [*reader.since(0, everybody=False)],
    ]


def _ids(lines: list[bytes]) -> list[str]:
    return [orjson.loads(line)["@id"] for line in lines]


def _set(journal: Journal, **values: Any) -> None:
    with journal.engine.begin() as connection:
        connection.execute(update(STATE).values(values))


def test_the_status_is_what_the_journal_says_of_itself(
    journal: Journal, reader: JournalReader
) -> None:
    """Built or not."""
    journal.put("a", "b")
    state = journal.writer.state()
    for built in (True, False):
        _set(journal, built=built)
        assert reader.status() == Status(
            level="exact",
            why="a test writes it",
            epoch=state.epoch,
            head=2,
            built=built,
            confirmed_at=state.confirmed_at,
        )


def test_the_head_moves_with_each_change_and_with_the_epoch(
    journal: Journal, reader: JournalReader
) -> None:
    """A commit without a change leaves it."""
    epoch = journal.writer.state().epoch
    assert reader.head() == (epoch, 0)
    journal.put("a", "b")
    journal.writer.commit(WriteBatch())
    assert reader.head() == (epoch, 2)
    journal.writer.begin_epoch()
    assert reader.head() == (journal.writer.state().epoch, 2)


def test_the_latest_position_is_the_end_of_everything(
    journal: Journal, reader: JournalReader
) -> None:
    """Of a run that told removals, so that it can be followed."""
    journal.put("a", "b")
    latest = reader.latest()
    assert (latest.after, latest.until, latest.removals, latest.is_end) == (2, 2, True, True)
    assert latest.epoch == journal.writer.state().epoch
    assert reader.read_slice(latest, 9).order == []


def test_a_full_run_ends_where_the_head_was_when_it_began(
    journal: Journal, reader: JournalReader
) -> None:
    """What comes meanwhile belongs to the next run, which tells removals too."""
    journal.put("a", "b", "c")
    part = reader.read_slice(None, 2)
    assert (_ids(part.entries), part.removed, part.order) == (["a", "b"], [], [True, True])
    assert (part.next.after, part.next.until, part.next.removals) == (2, 3, False)
    assert part.head == reader.latest()
    journal.put("d")
    journal.remove("a")
    part = reader.read_slice(part.next, 2)
    assert (_ids(part.entries), part.next.after, part.next.removals) == (["c"], 3, True)
    assert part.next.is_end
    part = reader.read_slice(part.next, 9)
    assert (_ids(part.entries), _ids(part.removed)) == (["d"], ["a"])
    assert part.order == [True, False]
    assert part.next == part.head == reader.latest()


@pytest.mark.parametrize(("size", "after"), [(1, 1), (2, 2), (3, 3), (4, 3)])
def test_a_slice_says_where_to_go_on(
    journal: Journal, reader: JournalReader, size: int, after: int
) -> None:
    """Behind its last row, or at the end when there is no more."""
    journal.put("a", "b", "c")
    part = reader.read_slice(None, size)
    assert (len(part.entries), part.next.after) == (after, after)
    assert part.next.removals == part.next.is_end == (after == 3)


@pytest.mark.parametrize("size", [1, 9])
def test_a_full_run_skips_the_removed_and_still_ends_at_the_head(
    journal: Journal, reader: JournalReader, size: int
) -> None:
    """Although the last rows are removals."""
    journal.put("a", "b")
    journal.remove("b")
    part = reader.read_slice(None, size)
    assert (_ids(part.entries), part.removed, part.next) == (["a"], [], reader.latest())


def test_a_full_run_of_nobody_is_over_at_once(journal: Journal, reader: JournalReader) -> None:
    """All that there is was removed."""
    journal.put("a")
    journal.remove("a")
    head = reader.latest()
    assert reader.read_slice(None, 9) == Slice([], [], [], 0, next=head, head=head)


def test_a_delta_run_tells_removals_in_the_order_of_change(
    journal: Journal, reader: JournalReader
) -> None:
    """Among the entries, each row once."""
    journal.put("a", "b", "c")
    place = reader.latest()
    journal.remove("b")
    journal.put("a", mail="new")
    journal.remove("c")
    part = reader.read_slice(place, 2)
    assert (_ids(part.removed), _ids(part.entries), part.order) == (["b"], ["a"], [False, True])
    assert part.next.removals
    part = reader.read_slice(part.next, 2)
    assert (_ids(part.removed), part.entries, part.order) == (["c"], [], [False])


def test_a_slice_knows_its_latest_change(journal: Journal, reader: JournalReader) -> None:
    """Removals have none, and an empty slice neither."""
    assert reader.read_slice(None, 9).latest == 0
    journal.put("a", updatedAt="20240101000002Z")
    journal.put("b", updatedAt="20240101000001Z")
    journal.put("c", updatedAt="20240101000003Z")
    assert reader.read_slice(None, 2).latest == YEAR_2024 + 2 * SECOND
    place = reader.latest()
    journal.remove("c")
    assert reader.read_slice(place, 9).latest == 0
    assert reader.read_slice(reader.latest(), 9).latest == 0


def test_an_end_where_nothing_came_since_is_the_head(
    journal: Journal, reader: JournalReader
) -> None:
    """With neither rows nor another position."""
    journal.put("a")
    latest = reader.latest()
    part = reader.read_slice(latest, 9)
    assert (part.entries, part.removed, part.order, part.latest) == ([], [], [], 0)
    assert part.next == part.head == latest


def test_an_empty_journal_has_an_end(reader: JournalReader) -> None:
    """A client may begin there."""
    part = reader.read_slice(None, 9)
    assert (part.entries, part.removed, part.order) == ([], [], [])
    assert part.next == part.head == reader.latest()


def _refused(reader: JournalReader, place: Position) -> str:
    with pytest.raises(ResyncRequired) as caught:
        reader.read_slice(place, 1)
    return str(caught.value)


def test_a_position_of_another_epoch_is_refused(journal: Journal, reader: JournalReader) -> None:
    """Numbers mean something else there."""
    journal.put("a")
    place = reader.latest()
    journal.writer.begin_epoch()
    journal.writer.commit(WriteBatch(built=True))
    assert _refused(reader, place) == "the journal has begun a new epoch"


def test_a_position_before_forgotten_removals_is_refused(
    journal: Journal, reader: JournalReader
) -> None:
    """One at the floor is not, nor one of a full run, which tells no removals."""
    journal.put("a", "b", "c")
    place = reader.latest()
    cursor = reader.read_slice(None, 1).next
    _set(journal, floor=3)
    assert reader.read_slice(place, 1).order == []
    assert _ids(reader.read_slice(cursor, 9).entries) == ["b", "c"]
    _set(journal, floor=4)
    assert _refused(reader, place) == "removals since then have been forgotten"
    assert _ids(reader.read_slice(cursor, 9).entries) == ["b", "c"]


def test_a_position_of_a_commit_that_never_was_is_refused(
    journal: Journal, reader: JournalReader
) -> None:
    """The journal was restored from a backup, and has gone on otherwise."""
    journal.put("a")
    place = reader.latest()
    journal.put("b")
    text = "the journal has been restored or pruned since then"
    assert _refused(reader, replace(place, commit_id="another")) == text
    assert _refused(reader, replace(place, after=9, until=9)) == text
    with journal.engine.begin() as connection:
        connection.execute(delete(COMMITS).where(COMMITS.c.seq == 1))
    assert _refused(reader, place) == text


def test_a_journal_without_a_commit_for_its_head_is_not_served(
    journal: Journal, reader: JournalReader
) -> None:
    """Positions could not be recognized."""
    journal.put("a")
    with journal.engine.begin() as connection:
        connection.execute(delete(COMMITS).where(COMMITS.c.seq == 1))
    for ask in (reader.latest, lambda: reader.read_slice(None, 1)):
        with pytest.raises(BackendUnavailable) as caught:
            ask()
        assert str(caught.value).startswith("the journal has no commit for its head")
        assert "run `flask gluu-changes new-epoch`" in str(caught.value)


def test_a_journal_that_is_being_built_is_not_served(
    journal: Journal, reader: JournalReader
) -> None:
    """Half of it would look like the whole; clients are told to come back."""
    journal.put("a")
    _set(journal, built=False)
    for ask in _asks(reader):
        with pytest.raises(BackendUnavailable) as caught:
            ask()
        assert (str(caught.value), caught.value.public) == (
            "the journal is being built by `flask gluu-changes follow`",
            "The journal is being built. Try again later.",
        )


def test_since_a_time_come_all_who_count_as_changed(
    journal: Journal, reader: JournalReader
) -> None:
    """The bound is inclusive; removed people, and those without a time, never do."""
    journal.put("a", updatedAt="20240101000001Z")
    journal.put("b", updatedAt="20240101000002Z")
    journal.put("c", updatedAt="20240101000003Z")
    journal.put("d")
    journal.remove("c")
    found = [*reader.since(YEAR_2024 + 2 * SECOND, everybody=False)]
    assert [(changed, _ids([line])) for _, changed, line in found] == [
        (YEAR_2024 + 2 * SECOND, ["b"])
    ]
    assert [key for key, _, _ in found] == [b"b\0b"]
    for since in (0, -1):
        assert {_ids([line])[0] for _, _, line in reader.since(since, everybody=False)} == {
            "a",
            "b",
        }
    assert [*reader.since(YEAR_2024 + 2 * SECOND + 1, everybody=False)] == []


def test_everybody_is_found_whatever_the_time(journal: Journal, reader: JournalReader) -> None:
    """Also those without one; removed people are not."""
    journal.put("a", updatedAt="20240101000001Z")
    journal.put("b")
    journal.put("c")
    journal.remove("c")
    found = {_ids([line])[0] for _, _, line in reader.since(YEAR_2024 * 2, everybody=True)}
    assert found == {"a", "b"}


def test_a_long_answer_is_streamed_whole(journal: Journal, reader: JournalReader) -> None:
    """Rows come in parts, and none is lost between them."""
    journal.put(*(f"{i:04}" for i in range(2001)), updatedAt="20240101000001Z")
    assert len([*reader.since(0, everybody=False)]) == 2001


def test_a_database_that_fails_is_unavailable(journal: Journal, reader: JournalReader) -> None:
    """The cause is in the text, for the log."""
    with journal.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {STATE.name} RENAME COLUMN head TO tail")
    for ask in (reader.status, reader.head, *_asks(reader)):
        with pytest.raises(
            BackendUnavailable, match=r"the journal is damaged: .*no such column.*restore"
        ):
            ask()


def test_a_database_without_a_journal_says_what_is_to_be_done() -> None:
    """Clients are told to come back, as of a journal that is being built."""
    reader = JournalReader(memory_engine())
    for ask in (reader.status, reader.head, *_asks(reader)):
        with pytest.raises(BackendUnavailable) as caught:
            ask()
        assert (str(caught.value), caught.value.public) == (
            "nothing has been followed into the journal yet: run `flask gluu-changes follow`,"
            " and keep it running",
            "The journal is being built. Try again later.",
        )

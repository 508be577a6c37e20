"""A run gives every row between two places once, from a journal that proves to be the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest
from sqlalchemy import update

from flask_gluu_changes import BackendUnavailable
from flask_gluu_changes.journal.protocol import Position, ResyncRequired, Slice
from flask_gluu_changes.journal.reader import JournalReader
from flask_gluu_changes.journal.tables import COMMITS, now
from flask_gluu_changes.journal.writer import WriteBatch
from tests.support.journals import Journal


@pytest.fixture
def reader(journal: Journal) -> JournalReader:
    """A reader of the journal."""
    return JournalReader(journal.engine)


def _run(reader: JournalReader, place: Position | None, size: int = 2) -> Iterator[Slice]:
    """Read a run to its end."""
    part = reader.read_slice(place, size)
    yield part
    while not part.next.is_end:
        part = reader.read_slice(part.next, size)
        yield part


def _ids(parts: Iterator[Slice]) -> tuple[list[str], list[str]]:
    found = list(parts)
    shown, gone = ([orjson.loads(line)["@id"] for line in lines] for lines in _lines(found))
    return shown, gone


def _lines(parts: list[Slice]) -> tuple[list[bytes], list[bytes]]:
    return [e for p in parts for e in p.entries], [r for p in parts for r in p.removed]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_a_full_run_gives_everybody_in_the_order_of_change(
    journal: Journal, reader: JournalReader, size: int
) -> None:
    """Without those who left."""
    journal.put("a", "b", "c", "d")
    journal.remove("b")
    journal.put("a", mail="new")
    assert _ids(_run(reader, None, size)) == (["c", "d", "a"], [])


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_delta_gives_what_came_since_with_removals(
    journal: Journal, reader: JournalReader, size: int
) -> None:
    """And nothing of what was known before."""
    journal.put("a", "b", "c")
    place = reader.latest()
    journal.remove("b")
    journal.put("a", mail="new")
    assert _ids(_run(reader, place, size)) == (["a"], ["b"])
    assert _ids(_run(reader, reader.latest(), size)) == ([], [])


def test_a_part_knows_whether_more_follow(journal: Journal, reader: JournalReader) -> None:
    """Also where it ends exactly with the run."""
    journal.put("a", "b", "c", "d")
    assert [len(part.entries) for part in _run(reader, None, 2)] == [2, 2]
    assert [len(part.entries) for part in _run(reader, None, 4)] == [4]


def test_a_run_is_frozen_at_its_first_page(journal: Journal, reader: JournalReader) -> None:
    """What changes meanwhile is for the next run, which begins where this one ended."""
    journal.put("a", "b", "c")
    first = reader.read_slice(None, 1)
    journal.put("b", mail="new")
    journal.put("d")
    rest = list(_run(reader, first.next, 1))
    assert _ids(iter([first, *rest])) == (["a", "c"], [])
    assert _ids(_run(reader, rest[-1].next)) == (["b", "d"], [])


def test_a_part_keeps_order_and_time(journal: Journal, reader: JournalReader) -> None:
    """For streams, and for latestUpdateAt."""
    journal.put("a", "b")
    place = reader.latest()
    journal.put("c", updatedAt="19700101000002Z")
    journal.remove("a")
    journal.put("b", updatedAt="19700101000001Z")
    part = reader.read_slice(place, 10)
    assert part.order == [True, False, True]
    assert part.latest == 2_000_000


def test_a_new_epoch_ends_all_places(journal: Journal, reader: JournalReader) -> None:
    """Continuity cannot be proven."""
    journal.put("a", "b")
    cursor, delta = reader.read_slice(None, 1).next, reader.latest()
    journal.writer.begin_epoch()
    with pytest.raises(BackendUnavailable):
        reader.read_slice(delta, 1)
    journal.writer.commit(WriteBatch(built=True))
    for place in (cursor, delta):
        with pytest.raises(ResyncRequired, match="new epoch"):
            reader.read_slice(place, 1)


def test_forgotten_removals_end_the_places_before_them(
    journal: Journal, reader: JournalReader
) -> None:
    """Those behind them go on, and so does a full run, which tells no removals."""
    journal.put("a", "b", "c")
    before, running = reader.latest(), reader.read_slice(None, 1).next
    journal.remove("a")
    after = reader.latest()
    journal.writer.prune(now() + 1)
    with pytest.raises(ResyncRequired, match="forgotten"):
        reader.read_slice(before, 1)
    assert _ids(_run(reader, after)) == ([], [])
    assert running.removals is False


def test_a_place_between_two_commits_is_none(journal: Journal, reader: JournalReader) -> None:
    """Only heads were ever handed out."""
    journal.put("a", "b")
    place = reader.latest()
    with pytest.raises(ResyncRequired):
        reader.read_slice(replace(place, after=1, until=1), 1)


def test_a_head_without_its_commit_is_an_operators_matter(
    journal: Journal, reader: JournalReader
) -> None:
    """No token could be recognized later."""
    with journal.engine.begin() as connection:
        connection.execute(update(COMMITS).values(seq=COMMITS.c.seq + 100))
    with pytest.raises(BackendUnavailable, match="no commit"):
        reader.latest()


def test_a_token_outlives_a_quiet_time(journal: Journal, reader: JournalReader) -> None:
    """Pruning keeps the mark of the last commit before its bound: tokens name it since."""
    journal.put("a")
    place, before = reader.latest(), now()
    journal.put("b")
    journal.writer.prune(before)
    assert _ids(_run(reader, place)) == (["b"], [])

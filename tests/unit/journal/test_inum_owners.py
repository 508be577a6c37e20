"""An inum's new owner is told behind the removal of the former one, however late that is told."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import select

from flask_gluu_changes.journal import inum_owners as module
from flask_gluu_changes.journal.tables import ENTRIES
from flask_gluu_changes.journal.writer import DELETED, WriteBatch, Writer
from tests.support.journals import Journal, memory_engine


@pytest.fixture
def journal() -> Journal:
    """A journal, built, with an owner of the inum 1."""
    journal = Journal(memory_engine())
    put(journal, "old", "1")
    return journal


def put(journal: Journal, id_: str, inum: str, **attributes: Any) -> None:
    """Write a person."""
    batch = WriteBatch()
    batch.put(journal.identity(id_, {"inum": [inum], "uid": [id_], **attributes}))
    journal.writer.commit(batch)


def remove(journal: Journal, id_: str, *again: str) -> int:
    """Remove a person, with suspects who may have the same inum."""
    batch = WriteBatch(again={*again})
    batch.remove(id_, DELETED)
    return journal.writer.commit(batch)


def told(journal: Journal) -> list[tuple[str, str | None, Any]]:
    """Return everybody in the order in which clients are told, with their versions."""
    with journal.engine.begin() as connection:
        rows = connection.execute(select(ENTRIES).order_by(ENTRIES.c.seq)).all()
    assert [row.version for row in rows] == [orjson.loads(row.line)["@version"] for row in rows]
    assert rows[-1].seq == journal.writer.state().head
    return [(row.id, row.removed, row.version) for row in rows]


def test_who_was_told_before_is_told_again(journal: Journal) -> None:
    """With a higher version and the same content, so that no client passes over it."""
    put(journal, "new", "1", mail=["m"])
    before = told(journal)[-1][2]
    assert remove(journal, "old") == 2
    (_, _, (id_, removed, version)) = [None, *told(journal)]
    assert (id_, removed) == ("new", None)
    assert version > before
    with journal.engine.begin() as connection:
        line = connection.scalars(select(ENTRIES.c.line).where(ENTRIES.c.removed.is_(None))).one()
    assert orjson.loads(line)["mail"] == ["m"]


@pytest.mark.parametrize("way", ["renamed", "back"])
def test_an_inum_is_taken_over_by_who_was_known(journal: Journal, way: str) -> None:
    """By a rename, or by coming back."""
    put(journal, "new", "2" if way == "renamed" else "1")
    if way == "back":
        remove(journal, "new")
    put(journal, "old", "1", mail=["m"])
    put(journal, "new", "1")
    remove(journal, "old")
    assert [id_ for id_, _, _ in told(journal)] == ["old", "new"]


def test_a_writer_that_knows_nothing_is_told_of_suspects(journal: Journal) -> None:
    """After a crash of `follow`; others than those with the inum stay where they are."""
    put(journal, "new", "1")
    put(journal, "other", "2")
    journal.restart()
    assert remove(journal, "old", "new", "other", "nobody") == 2
    assert [id_ for id_, _, _ in told(journal)] == ["other", "old", "new"]


def test_nobody_is_told_twice(journal: Journal) -> None:
    """Neither whoever is written with the removal nor whoever is gone too."""
    put(journal, "new", "1")
    batch = WriteBatch(again={"new"})
    batch.remove("old", DELETED)
    batch.put(journal.identity("new", {"inum": ["1"], "uid": ["changed"]}))
    assert journal.writer.commit(batch) == 2
    assert remove(journal, "new") == 1
    put(journal, "third", "1")
    put(journal, "third", "3")
    assert remove(journal, "old") == 0
    put(journal, "old", "1")
    assert remove(journal, "old") == 1


def test_in_an_epoch_that_nobody_read_nobody_is_told_again(journal: Journal) -> None:
    """There is no client to see the removal."""
    journal.writer.begin_epoch()
    put(journal, "new", "1")
    assert remove(journal, "old", "new") == 1


def test_only_the_last_are_remembered(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded."""
    monkeypatch.setattr(module, "REMEMBERED", 2)
    for id_ in ("a", "b"):
        put(journal, f"old-{id_}", id_)
    for id_ in ("a", "b"):
        put(journal, id_, id_)
    put(journal, "c", "c")
    assert remove(journal, "old-a") == 1
    assert remove(journal, "old-b") == 2


@pytest.mark.parametrize("first", ["old", "new"])
def test_another_holder_of_the_lease_knows_them_from_the_journal(
    journal: Journal, first: str
) -> None:
    """The one that wrote the new owner may be gone before the former one's removal is told."""
    put(journal, "new", "1")
    put(journal, "other", "2")
    journal.writer.release()
    writer = Writer(journal.engine)
    assert writer.acquire()
    writer.inums()
    batch = WriteBatch()
    batch.remove(first, DELETED)
    assert writer.commit(batch) == 2
    left = {"old": "new", "new": "old"}[first]
    assert [(id_, removed) for id_, removed, _ in told(journal)] == [
        ("other", None),
        (first, DELETED),
        (left, None),
    ]


def test_the_former_owner_may_be_told_last(journal: Journal) -> None:
    """Of two who are written with one inum, the second is not the new owner for that."""
    put(journal, "new", "2")
    put(journal, "former", "2")
    assert remove(journal, "former") == 2
    assert [(id_, removed) for id_, removed, _ in told(journal)][-2:] == [
        ("former", DELETED),
        ("new", None),
    ]


def test_a_former_owner_with_another_inum_left_it_too(journal: Journal) -> None:
    """Told late with the old inum, it took the new owner's place with whoever keys on inums."""
    put(journal, "new", "1")
    put(journal, "old", "1", mail=["m"])
    put(journal, "old", "3")
    assert [id_ for id_, _, _ in told(journal)] == ["old", "new"]


def test_who_shares_an_inum_when_all_were_read_is_known() -> None:
    """Meanwhile one may be renamed, and another one get his inum."""
    journal = Journal(memory_engine(), built=False)
    for id_ in ("new", "old"):
        put(journal, id_, "1")
    journal.writer.commit(WriteBatch(built=True))
    journal.writer.note_inums({"new": "1", "old": "1"})
    put(journal, "old", "3")
    assert [id_ for id_, _, _ in told(journal)] == ["old", "new"]


def test_people_without_an_inum_share_none(journal: Journal) -> None:
    """Where inums are hidden nobody has one; a removal tells nobody else again."""
    batch = WriteBatch()
    for id_ in "abc":
        batch.put(journal.identity(id_, {"uid": [id_]}))
    journal.writer.commit(batch)
    journal.writer.note_inums(dict.fromkeys("abc", ""))
    assert remove(journal, "a") == 1

"""What is written: each change once, in order, all of a batch or nothing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import event, select, update

from flask_gluu_changes.journal import rows, tables
from flask_gluu_changes.journal.failures import JournalUnavailable
from flask_gluu_changes.journal.rows import LAST_TIME
from flask_gluu_changes.journal.tables import COMMITS, ENTRIES, STATE, now
from flask_gluu_changes.journal.writer import (
    DELETED,
    EXACT,
    LAGGING,
    OUT_OF_SCOPE,
    WriteBatch,
)
from tests.support.journals import Journal, memory_engine

LONG_AGO = 10**15
FIRST = 2**51
"""The version of the first change, so far ahead of the clock that each next one adds one."""


@pytest.fixture
def journal() -> Journal:
    """An empty journal, built."""
    journal = Journal(memory_engine())
    _set(journal, version=FIRST - 1)
    return journal


def _rows(journal: Journal) -> dict[str, Any]:
    with journal.engine.begin() as connection:
        found = connection.execute(select(ENTRIES).order_by(ENTRIES.c.seq))
        return {row.id: row for row in found}


def _commits(journal: Journal) -> list[int]:
    with journal.engine.begin() as connection:
        return [*connection.scalars(select(COMMITS.c.seq).order_by(COMMITS.c.seq))]


def _set(journal: Journal, **values: Any) -> None:
    with journal.engine.begin() as connection:
        connection.execute(update(STATE).values(values))


def _write(journal: Journal, *names: str, **attributes: Any) -> int:
    batch = WriteBatch()
    for name in names:
        batch.put(journal.identity(name, {"inum": [f"i{name}"], "uid": [f"U{name}"], **attributes}))
    return journal.writer.commit(batch)


def test_a_new_identity_is_kept_with_all_that_is_known_of_it(journal: Journal) -> None:
    """Its version is the first that nobody was told."""
    assert _write(journal, "a", updatedAt=["20240101000000Z"]) == 1
    (row,) = _rows(journal).values()
    identity = journal.identity(
        "a", {"inum": ["ia"], "uid": ["Ua"], "updatedAt": ["20240101000000Z"]}
    )
    assert (row.seq, row.version, row.removed, row.removed_at) == (1, FIRST, None, None)
    digest = identity.digest_in(journal.writer.state().epoch)
    assert (row.inum, row.uid, row.digest) == ("ia", "Ua", digest)
    assert (row.changed_at, row.counts_until) == (identity.changed_at, identity.counts_until)
    assert (row.sort_key, row.changed_at > 0) == (b"ua\0ia", True)
    line = orjson.loads(row.line)
    assert line.pop("@changeType") == "created"
    assert (line.pop("@id"), line.pop("@version")) == ("a", FIRST)
    assert line == {"inum": ["ia"], "uid": ["Ua"], "updatedAt": ["2024-01-01T00:00:00Z"]}


def test_a_change_moves_an_identity_behind_all_others(journal: Journal) -> None:
    """With the next version; the others stay."""
    _write(journal, "a", "b")
    before = _rows(journal)["b"]
    assert _write(journal, "a", mail=["new"]) == 1
    rows = _rows(journal)
    assert [(row.id, row.seq, row.version) for row in rows.values()] == [
        ("b", 2, FIRST),
        ("a", 3, FIRST + 1),
    ]
    assert rows["b"] == before
    assert orjson.loads(rows["a"].line)["@changeType"] == "updated"
    assert journal.writer.state().head == 3


def test_what_is_known_already_is_not_written(journal: Journal) -> None:
    """Neither a row nor a commit nor the head."""
    _write(journal, "a")
    commits, rows = _commits(journal), _rows(journal)
    assert _write(journal, "a") == 0
    assert (_commits(journal), _rows(journal), journal.writer.state().head) == (commits, rows, 1)


def test_a_removed_identity_keeps_its_names_and_nothing_else(journal: Journal) -> None:
    """And the time, by which it will be forgotten."""
    _write(journal, "a", mail=["secret"], updatedAt=["20240101000000Z"])
    before = now()
    journal.remove("a", reason="outOfScope")
    (row,) = _rows(journal).values()
    assert (row.seq, row.version, row.removed) == (2, FIRST + 1, "outOfScope")
    assert before <= row.removed_at <= now()
    assert (row.inum, row.uid) == ("ia", "Ua")
    assert (row.digest, row.sort_key, row.changed_at, row.counts_until) == (b"", b"", 0, 0)
    assert orjson.loads(row.line) == {
        "@id": "a",
        "@version": FIRST + 1,
        "inum": "ia",
        "uid": "Ua",
        "reason": "outOfScope",
    }


def test_who_is_gone_or_unknown_is_not_removed(journal: Journal) -> None:
    """It would be told twice."""
    _write(journal, "a")
    journal.remove("a")
    rows = _rows(journal)
    journal.remove("a", "b")
    assert _rows(journal) == rows
    assert journal.writer.state().head == 2


def test_who_comes_back_is_created_again(journal: Journal) -> None:
    """With a higher version, even with the content from before."""
    _write(journal, "a")
    journal.remove("a")
    assert _write(journal, "a") == 1
    (row,) = _rows(journal).values()
    assert (row.seq, row.version, row.removed, row.removed_at) == (3, FIRST + 2, None, None)
    assert orjson.loads(row.line)["@changeType"] == "created"


def test_who_comes_back_after_being_forgotten_begins_above_all_versions(journal: Journal) -> None:
    """Whatever the clock says: the journal knows the highest that it gave out."""
    _set(journal, head=7, floor=5, version=FIRST + 5)
    _write(journal, "a")
    (row,) = _rows(journal).values()
    assert (row.seq, row.version) == (8, FIRST + 6)


def test_places_follow_the_order_of_the_batch(journal: Journal) -> None:
    """But removals come first, and those that change nothing take none."""
    _write(journal, "b", "x")
    batch = WriteBatch()
    for name in ("c", "x", "a", "b"):
        batch.put(journal.identity(name, {"inum": [f"i{name}"], "uid": [f"U{name}"]}))
    batch.remove("b", "deleted")
    batch.remove("unknown", "deleted")
    assert journal.writer.commit(batch) == 3
    places = [(row.id, row.seq) for row in _rows(journal).values()]
    assert places == [("x", 2), ("b", 3), ("c", 4), ("a", 5)]


def test_of_several_changes_of_one_identity_the_last_one_counts(journal: Journal) -> None:
    """And it counts at its own place in the batch."""
    batch = WriteBatch()
    first = journal.identity("a", {"inum": ["1"]})
    batch.put(first)
    batch.put(journal.identity("b", {"inum": ["2"]}))
    batch.remove("a", "deleted")
    assert [*batch.changes.items()] == [("b", batch.changes["b"]), ("a", "deleted")]
    batch.put(journal.identity("c", {"inum": ["3"]}))
    batch.put(first)
    assert [*batch.changes] == ["b", "c", "a"]
    assert batch.changes["a"] == first


def test_large_batches_are_looked_up_in_parts(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Databases limit parameters; nobody is missed between parts."""
    names = [f"{i:03}" for i in range(9)]
    _write(journal, *names)
    monkeypatch.setattr(tables, "IDS_PER_STATEMENT", 2)
    asked: list[int] = []

    def note(_: Any, __: Any, text: str, values: Any, *___: Any) -> None:
        if text.startswith("SELECT") and " IN (" in text:
            asked.append(len(values))

    event.listen(journal.engine, "before_cursor_execute", note)
    assert _write(journal, *names, "new") == 1
    assert asked == [2] * 5


def test_a_cookie_and_built_stay_unless_a_batch_brings_them(journal: Journal) -> None:
    """An empty cookie is one."""
    _set(journal, built=False)
    steps: list[tuple[WriteBatch, tuple[str, bool]]] = [
        (WriteBatch(cookie="c1"), ("c1", False)),
        (WriteBatch(built=True), ("c1", True)),
        (WriteBatch(), ("c1", True)),
        (WriteBatch(cookie=""), ("", True)),
        (WriteBatch(built=False), ("", False)),
    ]
    for batch, expected in steps:
        journal.writer.commit(batch)
        state = journal.writer.state()
        assert (state.cookie, state.built) == expected


def test_a_commit_notes_the_moment_that_its_batch_confirms(journal: Journal) -> None:
    """Also one without a change; a batch that confirms none leaves it."""
    confirmed = []
    for moment in (LONG_AGO, None, 0):
        journal.writer.commit(WriteBatch(confirmed_at=moment))
        confirmed.append(journal.writer.state().confirmed_at)
    assert confirmed == [LONG_AGO, LONG_AGO, 0]


def test_a_commit_with_changes_marks_the_head(journal: Journal) -> None:
    """One mark a transaction."""
    _write(journal, "a", "b")
    _write(journal, "c")
    journal.writer.commit(WriteBatch(cookie="x"))
    assert _commits(journal) == [0, 2, 3]


def test_names_of_all_who_are_not_removed(journal: Journal) -> None:
    """By id."""
    _write(journal, "a", "b", "c")
    journal.remove("b")
    assert journal.writer.inums() == {"a": "ia", "c": "ic"}


def test_clients_and_operators_read_why_and_how() -> None:
    """In these words."""
    assert (DELETED, OUT_OF_SCOPE) == ("deleted", "outOfScope")
    assert (EXACT, LAGGING) == ("exact", "lagging")


def test_following_says_what_and_how() -> None:
    """The first source begins no epoch: there was none before."""
    journal = Journal(memory_engine(), built=False)
    epoch = journal.writer.state().epoch
    journal.writer.follow("test", "lagging", "because")
    state = journal.writer.state()
    assert (state.source, state.level, state.why, state.epoch) == (
        "test",
        "lagging",
        "because",
        epoch,
    )


def test_another_source_begins_a_new_epoch(journal: Journal) -> None:
    """What is known stays where its identities are of the same kind."""
    journal.writer.follow("uuid by one", "exact", "")
    _write(journal, "a")
    journal.writer.commit(WriteBatch(cookie="c", built=True))
    before = journal.writer.state()
    journal.writer.follow("uuid by one", "lagging", "")
    assert journal.writer.state().epoch == before.epoch
    journal.writer.follow("uuid by two", "exact", "")
    state = journal.writer.state()
    assert state.epoch != before.epoch
    assert (state.floor, state.head, state.built, state.cookie) == (1, 1, False, "")
    assert [*_rows(journal)] == ["a"]
    journal.writer.follow("inum by two", "exact", "")
    assert (_rows(journal), journal.writer.state().head) == ({}, 1)


def test_a_new_epoch_forgets_nobody_unless_told(journal: Journal) -> None:
    """So that versions go on."""
    _write(journal, "a")
    journal.writer.begin_epoch()
    assert [*_rows(journal)] == ["a"]
    journal.writer.begin_epoch(forget=True)
    assert _rows(journal) == {}


def test_in_a_new_epoch_everybody_gets_a_new_version(journal: Journal) -> None:
    """Once, and also whose content is known: a client may have had another one since."""
    _write(journal, "a", "b")
    journal.writer.begin_epoch()
    assert _write(journal, "a", "b") == 2
    assert [row.version for row in _rows(journal).values()] == [FIRST + 1, FIRST + 1]
    assert orjson.loads(_rows(journal)["a"].line)["@changeType"] == "updated"
    assert _write(journal, "a", "b") == 0


def test_versions_follow_the_clock_and_never_go_back(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that stands or was set back adds one; one beyond what JSON takes is not believed."""
    times = iter([FIRST + 10, FIRST + 10, FIRST, LAST_TIME, LAST_TIME + 1, FIRST])
    monkeypatch.setattr(rows, "now", lambda: next(times))
    versions = [_write(journal, str(i)) and journal.version - FIRST for i in range(6)]
    last = LAST_TIME - FIRST
    assert versions == [10, 11, 12, last, last + 1, last + 2]


def test_a_commit_without_changes_gives_out_no_version(journal: Journal) -> None:
    """Heartbeats must not run ahead of the clock."""
    journal.writer.commit(WriteBatch(confirmed_at=now(), cookie="c"))
    assert journal.version == FIRST - 1


def _aged(journal: Journal, **removed_at: int) -> None:
    with journal.engine.begin() as connection:
        for name, at in removed_at.items():
            connection.execute(update(ENTRIES).where(ENTRIES.c.id == name).values(removed_at=at))


def test_removals_from_before_a_time_are_forgotten(journal: Journal) -> None:
    """And the floor tells up to which place."""
    _write(journal, "a", "b", "c", "d")
    journal.remove("a", "b", "c")
    _aged(journal, a=LONG_AGO, b=LONG_AGO - 1, c=LONG_AGO - 2)
    journal.writer.prune(LONG_AGO)
    assert set(_rows(journal)) == {"a", "d"}
    assert journal.writer.state().floor == 7


def test_a_floor_never_sinks(journal: Journal) -> None:
    """A new epoch may have raised it above what is forgotten now."""
    _write(journal, "a", "b")
    journal.remove("a")
    _aged(journal, a=LONG_AGO - 1)
    _set(journal, floor=9)
    journal.writer.prune(LONG_AGO)
    assert (set(_rows(journal)), journal.writer.state().floor) == ({"b"}, 9)


def test_pruning_without_old_removals_leaves_the_floor(journal: Journal) -> None:
    """Whoever is not removed is never too old."""
    _write(journal, "a")
    journal.remove("a")
    _write(journal, "b")
    journal.writer.prune(LONG_AGO)
    assert (set(_rows(journal)), journal.writer.state().floor) == ({"a", "b"}, 0)


def test_old_commits_are_forgotten_but_for_the_last(journal: Journal) -> None:
    """Until the next commit, tokens were issued at it."""
    for name in "abcd":
        _write(journal, name)
    with journal.engine.begin() as connection:
        for seq in range(5):
            connection.execute(
                update(COMMITS).where(COMMITS.c.seq == seq).values(at=LONG_AGO - 3 + seq)
            )
    journal.writer.prune(LONG_AGO)
    assert _commits(journal) == [2, 3, 4]
    journal.writer.prune(0)
    assert _commits(journal) == [2, 3, 4]


def test_a_commit_is_all_or_nothing(journal: Journal) -> None:
    """A failure at its end leaves rows, head and cookie."""
    _write(journal, "a")
    before, rows = journal.writer.state(), _rows(journal)
    batch = WriteBatch(cookie="new")
    batch.put(journal.identity("b", {"inum": ["b"]}))
    COMMITS.drop(journal.engine)
    with pytest.raises(JournalUnavailable, match="no such table: gluu_changes_commit"):
        journal.writer.commit(batch)
    after = journal.writer.state()
    assert (after.head, after.cookie, _rows(journal)) == (before.head, before.cookie, rows)


def test_what_the_database_does_not_take_keeps_nobody_else_out(journal: Journal) -> None:
    """The batch is written without it, and its cookie with it."""
    _write(journal, "a")
    batch = WriteBatch(cookie="new")
    batch.put(journal.identity("b", {"inum": ["b"]}))
    bad = journal.identity("c", {"inum": ["c"]})._replace(sort_key=None)  # type: ignore[arg-type]
    batch.put(bad)
    batch.put(journal.identity("d", {"inum": ["d"]}))
    assert journal.writer.commit(batch) == 2
    state = journal.writer.state()
    assert ([*_rows(journal)], state.head, state.cookie) == (["a", "b", "d"], 3, "new")

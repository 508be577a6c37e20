"""A database that failed over to a replica lacks the last commits; whoever wrote them notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from flask_gluu_changes.follower import ContinuityLost
from flask_gluu_changes.journal.tables import ENTRIES, UNKNOWN_COMMITS, now
from flask_gluu_changes.journal.writer import SECOND, CommitsLost, WriteBatch
from flask_gluu_changes.testing import person
from tests.support.filling import Filler
from tests.support.filling import Journal as Followed
from tests.support.journal_site import Site
from tests.support.journals import Journal, memory_engine
from tests.support.memory_people import MemoryPeople
from tests.support.world import copy_of, put_back

TIMING: dict[str, Any] = {"FOLLOW_INTERVAL": 0.02, "FOLLOW_LAG": 0, "FOLLOW_SWEEP": 0.05}


@pytest.fixture
def journal() -> Journal:
    """An empty journal, built."""
    return Journal(memory_engine())


def _lost(journal: Journal, change: Callable[[], object]) -> None:
    """Do something, and have the journal lose it."""
    copy = copy_of(journal.engine)
    change()
    put_back(journal.engine, copy)


def test_a_writer_notices_that_its_journal_went_back(journal: Journal) -> None:
    """Though its lease is still there, and its connections look like those of before."""
    journal.put("a")
    _lost(journal, lambda: journal.put("b"))
    for _ in range(2):
        with pytest.raises(CommitsLost):
            journal.put("c")
    assert journal.writer.state().head == 1
    assert journal.writer.acquire()
    journal.put("c")
    assert journal.writer.state().head == 2


def test_a_writer_that_resumes_notices_it_at_its_first_commit(journal: Journal) -> None:
    """The changes between two cookies would be nobody's."""
    journal.put("a")
    journal.writer.commit(WriteBatch(cookie="1"))

    def resume() -> None:
        journal.put("b")
        journal.writer.commit(WriteBatch(cookie="2"))
        assert journal.writer.acquire()
        assert journal.writer.resume() == "2"

    _lost(journal, resume)
    with pytest.raises(CommitsLost):
        journal.put("c")


def test_a_cookie_that_was_lost_is_noticed_too(journal: Journal) -> None:
    """What came with it may have been held back, which is no change of the head."""
    journal.writer.commit(WriteBatch(cookie="1"))
    _lost(journal, lambda: journal.writer.commit(WriteBatch(cookie="2")))
    with pytest.raises(CommitsLost):
        journal.put("a")


def test_an_epoch_that_was_lost_begins_another_one(journal: Journal) -> None:
    """Clients have versions of it, and its people would be written into the one before."""
    journal.put("a")

    def begin() -> None:
        journal.writer.begin_epoch()
        journal.put("a")
        journal.writer.commit(WriteBatch(built=True))

    _lost(journal, begin)
    with pytest.raises(ContinuityLost, match="lacks the epoch that was begun last"):
        journal.put("a")
    with pytest.raises(ContinuityLost, match="lacks the epoch that was begun last"):
        _find(journal)
    journal.writer.begin_epoch()
    journal.put("a")
    journal.writer.commit(WriteBatch(built=True))
    assert _find(journal) == set()


def _find(journal: Journal) -> set[str]:
    assert journal.writer.acquire()
    journal.writer.find_lost()
    return journal.writer.lost_ids()


def test_a_writer_knows_who_was_in_a_lost_commit(journal: Journal) -> None:
    """Those who changed and those who left, until they are told again."""
    journal.put("a", "b", "c", "d")

    def change() -> None:
        journal.put("a", "b", mail="new")
        journal.put("b")
        journal.remove("c")

    assert _find(journal) == set()
    _lost(journal, change)
    for _ in range(2):
        assert _find(journal) == {"a", "b", "c"}
    journal.put("e")
    journal.writer.settle_lost()
    assert _find(journal) == set()
    _lost(journal, lambda: journal.put("f"))
    assert _find(journal) == {"f"}


def test_a_commit_of_which_nobody_knows_counts_as_lost(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its database may have done it, and gone before it said so; nothing is said of it."""
    journal.put("a")
    for done in (False, True):
        _cut_the_line(journal, monkeypatch, done=done)
        with pytest.raises(RuntimeError):
            journal.put("b", mail="done" if done else "not")
        monkeypatch.undo()
        assert _find(journal) == (set() if done else {"b"})
        assert journal.writer.find_lost() == 0


def test_a_commit_that_is_tried_again_is_remembered_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was rolled back is missed by nobody."""
    for _ in range(3):
        _cut_the_line(journal, monkeypatch, done=False)
        with pytest.raises(RuntimeError):
            journal.put("a")
        monkeypatch.undo()
    journal.put("a")
    assert _find(journal) == set()


def _cut_the_line(journal: Journal, monkeypatch: pytest.MonkeyPatch, *, done: bool) -> None:
    """Have no commit be confirmed, whether it is done or not."""
    dialect = journal.engine.dialect
    commit = dialect.do_commit if done else dialect.do_rollback

    def do_commit(connection: Any) -> None:
        commit(connection)
        raise RuntimeError("the line is cut")

    monkeypatch.setattr(dialect, "do_commit", do_commit)


def test_lost_commits_that_are_settled_begin_no_epoch(journal: Journal) -> None:
    """Tokens of them are refused, before and after, and nobody else's are.

    Nobody reads everybody before: it would be older than what a client has.
    """
    site = Site(journal)
    journal.put("a")
    kept, lost = site.full(), []
    _lost(journal, lambda: journal.put("a", mail="b") or lost.append(site.full()))  # type: ignore[func-returns-value]
    assert _find(journal) == {"a"}
    for everybody in (503, 200):
        assert site.get(deltaToken=lost[0]).status_code == 410
        assert not journal.writer.was_restored()
        assert site.get(cursor="", count=1).status_code == everybody
        journal.writer.settle_lost()
    assert site.get(deltaToken=kept).status_code == 200


def test_another_lost_commit_begins_one_all_the_same(journal: Journal) -> None:
    """Of which nobody knows who was in it."""
    journal.put("a")
    _lost(journal, lambda: journal.put("b"))
    _find(journal)
    journal.writer.settle_lost()
    row = {"commit_id": "another", "seq": 2, "epoch": journal.writer.state().epoch}
    with journal.engine.begin() as connection:
        connection.execute(insert(UNKNOWN_COMMITS).values(row))
    assert journal.writer.was_restored()


def test_what_was_forgotten_for_its_age_is_not_lost(journal: Journal) -> None:
    """Nor what belongs to an epoch of before."""
    journal.put("a")
    journal.put("b")
    journal.writer.prune(now() + SECOND)
    assert _find(journal) == set()
    journal.writer.begin_epoch()
    journal.writer.commit(WriteBatch(built=True))
    assert _find(journal) == set()


def _put_each(journal: Journal, names: str) -> None:
    for name in names:
        journal.put(name)


def test_more_than_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody knows who was lost, and everybody is told again in a new epoch."""
    journal = Journal(memory_engine())
    journal.writer._recent._most_ids = 2
    journal.put("a")
    _lost(journal, lambda: _put_each(journal, "bc"))
    assert _find(journal) == {"b", "c"}
    journal.writer.settle_lost()
    _lost(journal, lambda: _put_each(journal, "bcd"))
    with pytest.raises(ContinuityLost, match="more of what was written than is remembered"):
        _find(journal)


def test_a_journal_that_is_being_built_has_told_nobody_anything() -> None:
    """So nobody is told again."""
    journal = Journal(memory_engine(), built=False)
    journal.put("a")
    _lost(journal, lambda: journal.put("b"))
    assert _find(journal) == set()


def test_versions_stay_above_those_that_were_lost(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the clock was set back meanwhile."""
    journal.put("a")
    versions: list[int] = []
    _lost(journal, lambda: journal.put("a", mail="b") or versions.append(journal.version))  # type: ignore[func-returns-value]
    monkeypatch.setattr("flask_gluu_changes.journal.rows.now", lambda: 1)
    _find(journal)
    journal.put("a", mail="c")
    assert journal.version > versions[0]


def test_who_was_created_in_a_lost_commit_and_is_gone_is_removed(journal: Journal) -> None:
    """A client that broke off in a run of several pages may have them, and a token of before."""
    site = Site(journal)
    journal.put("a")
    kept = site.full()
    _lost(journal, lambda: journal.put("b"))
    assert _find(journal) == {"b"}
    for reason in ("deleted", "deleted"):  # a second time changes nothing but the version
        repairs = WriteBatch(repairs=True)
        repairs.remove("b", reason)
        journal.writer.commit(repairs)
    journal.writer.settle_lost()
    (removal,) = site.get(deltaToken=kept).get_json()["removed"]
    told = {name: removal[name] for name in ("@id", "inum", "uid", "reason")}
    assert told == {"@id": "b", "inum": "b", "uid": "b", "reason": "deleted"}


def test_who_is_gone_and_who_is_new_are_written_by_one_batch(journal: Journal) -> None:
    """Both are new to the journal, and only one of them has a removal to be written."""
    journal.put("a")
    _lost(journal, lambda: journal.put("b"))
    assert _find(journal) == {"b"}
    repairs = WriteBatch(repairs=True)
    repairs.remove("b", "deleted")
    repairs.put(journal.identity("c", {"inum": ["c"], "uid": ["c"]}))
    journal.writer.commit(repairs)
    columns = (ENTRIES.c.id, ENTRIES.c.removed, ENTRIES.c.removed_at.is_not(None))
    with journal.engine.begin() as connection:
        rows = connection.execute(select(*columns).order_by(ENTRIES.c.seq)).all()
    assert rows == [("a", None, False), ("b", "deleted", True), ("c", None, False)]


def test_who_has_the_inum_of_somebody_lost_is_told_behind_that(journal: Journal) -> None:
    """A client that keys on inums would remove the new owner."""
    journal.put("a")
    _lost(journal, lambda: journal.put("b"))
    assert _find(journal) == {"b"}
    batch = WriteBatch()
    batch.put(journal.identity("c", {"inum": ["b"], "uid": ["c"]}))
    journal.writer.commit(batch)
    assert journal.writer.with_inums_of({"b"}) == {"c"}


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    """A journal that a thread fills."""
    made = Followed(tmp_path)
    yield made
    made.engine.dispose()


def _mail(followed: Followed, inum: str, mail: bytes) -> bool:
    body = followed.living().get(inum)
    return body is not None and mail in body


def _version(followed: Followed, inum: str) -> int:
    with followed.engine.begin() as connection:
        wanted = select(ENTRIES.c.version).where(ENTRIES.c.inum == inum)
        return int(connection.scalars(wanted).one())


def test_follow_reads_again_what_its_journal_lost(
    followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    """And tells again whoever was lost, with a higher version, though they are as before."""
    people = MemoryPeople()
    for inum in "12":
        people.add(inum, {**person(f"uid{inum}"), "mail": [b"old@example.org"]})
    with Filler(followed, people.backend, **TIMING) as filler:
        filler.built()
        copy, epoch = copy_of(followed.engine), followed.state().epoch
        people.change("1", {**person("uid1"), "mail": [b"lost@example.org"]})
        people.change("2", {**person("uid2"), "mail": [b"kept@example.org"]})
        filler.until(lambda: _mail(followed, "1", b"lost@") and _mail(followed, "2", b"kept@"))
        lost = followed.state().version
        people.change("1", {**person("uid1"), "mail": [b"old@example.org"]})
        put_back(followed.engine, copy)
        filler.until(lambda: all(_version(followed, inum) > lost for inum in "12"))
    assert _mail(followed, "1", b"old@")
    assert _mail(followed, "2", b"kept@")
    assert followed.state().epoch == epoch
    assert [line for line in caplog.messages if "the journal lacks" in line]


def test_a_node_may_note_a_lost_commit_while_it_is_settled(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is settled once more."""
    journal.put("a")
    _lost(journal, lambda: journal.put("b"))
    _find(journal)
    recent, tried = journal.writer._recent, []
    settle = recent.settle

    def settle_late(connection: Connection) -> None:
        settle(connection)
        tried.append(1)
        if len(tried) == 1:
            row = {"commit_id": recent.lost[0].id, "seq": 2, "epoch": "noted"}
            connection.execute(insert(UNKNOWN_COMMITS).values(row))

    monkeypatch.setattr(recent, "settle", settle_late)
    journal.writer.settle_lost()
    assert (len(tried), journal.writer.lost_ids()) == (2, set())

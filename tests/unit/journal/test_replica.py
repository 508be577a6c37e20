"""A node that reads from a replica which lags: nothing goes back, and no 410 is the replica's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_gluu_changes import BackendUnavailable, ChangesQuery, ConfigurationError
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.protocol import Position, ResyncRequired
from flask_gluu_changes.journal.reader import JournalReader
from flask_gluu_changes.journal.replica import REST, ReplicatedReader
from flask_gluu_changes.journal.writer import WriteBatch
from flask_gluu_changes.testing import LONG_AGO
from tests.support.journal_site import Site, shown, token_of
from tests.support.journals import Journal
from tests.support.lagging import LaggingCopy
from tests.support.later import Later, doing_once


@pytest.fixture
def copy(journal: Journal, tmp_path: Path) -> Iterator[LaggingCopy]:
    """A replica of a journal with three people, which has all of them."""
    journal.put("a", "b", "c")
    made = LaggingCopy(journal, tmp_path / "replica")
    yield made
    made.backend.close()


@pytest.fixture
def near(journal: Journal) -> Site:
    """A node at the primary."""
    return Site(journal)


@pytest.fixture
def far(copy: LaggingCopy) -> Site:
    """A node that reads from the replica."""
    return Site(copy)


def test_a_token_that_the_replica_knows_is_answered_from_it_alone(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site
) -> None:
    """The primary is not asked, whether something came or not."""
    token = near.full()
    assert shown([far.page(deltaToken=token)]) == []
    journal.put("a", mail="new")
    copy.catch_up()
    assert shown([far.page(deltaToken=token)]) == ["a"]
    assert copy.asked == 0


def test_a_token_ahead_of_the_replica_is_answered_from_the_primary(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site
) -> None:
    """It gets what came since, and never what is older."""
    journal.put("a", mail="1")
    token = near.full()
    journal.put("a", mail="2")
    (page,) = far.run(deltaToken=token)
    assert [entry["mail"] for entry in page["results"]] == [["2"]]
    copy.catch_up()
    assert shown(far.run(deltaToken=token_of([page]))) == []


def test_what_has_no_token_begins_at_the_primary(
    journal: Journal, copy: LaggingCopy, far: Site
) -> None:
    """A client may have been told more elsewhere; its further pages may come from the replica."""
    journal.put("a", mail="new")
    assert shown(far.run(cursor="", count=1)) == ["b", "c", "a"]
    latest = token_of([far.page(deltaToken="latest")])
    assert shown(far.run(deltaToken=latest)) == []
    first = far.page(cursor="", count=1)
    copy.catch_up()
    copy.asked = 0
    far.page(cursor=first["nextCursor"], count=1)
    assert copy.asked == 0


def test_a_walk_goes_on_at_a_node_that_lags(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site
) -> None:
    """Whoever lags has the run's end not yet, and asks the primary: each is shown once."""
    journal.put("d", "e")
    page, ids = near.page(cursor="", count=1), []
    for site in (far, near) * 5:
        ids += shown([page])
        if "nextCursor" not in page:
            break
        page = site.page(cursor=page["nextCursor"], count=1)
    assert sorted(ids) == ["a", "b", "c", "d", "e"]


def test_a_token_of_an_epoch_that_the_replica_has_not(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site
) -> None:
    """The new one is answered from the primary; the old one as before, until the replica knows."""
    old = near.full()
    journal.writer.begin_epoch()
    journal.put("a")
    assert far.get(deltaToken=old).status_code == 200
    assert far.get(cursor="").status_code == 503  # the primary is being built
    journal.writer.commit(WriteBatch(built=True))
    new = near.full()
    assert far.get(deltaToken=new).status_code == 200
    copy.catch_up()
    assert far.get(deltaToken=old).status_code == 410
    assert far.get(deltaToken=new).status_code == 200


def test_a_commit_that_was_lost_is_noted_at_the_primary(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site
) -> None:
    """And one that the replica does not have yet is noted nowhere."""
    journal.put("a", mail="new")
    token = near.full()
    assert far.get(deltaToken=token).status_code == 200
    assert not journal.writer.was_restored()
    reader = copy.backend._reader
    lost = Position(journal.writer.state().epoch, 9, 9, "lost", removals=True)
    with pytest.raises(ResyncRequired):
        reader.read_slice(lost, 1)
    assert journal.writer.was_restored()


def test_the_time_stamp_form_and_the_status_are_the_replicas(
    journal: Journal, copy: LaggingCopy
) -> None:
    """Which may be of a while ago."""
    journal.put("d")
    query = ChangesQuery(LONG_AGO, everybody=True)
    assert len([*copy.backend.changes(query)]) == 3
    assert copy.backend.status().head == 3
    assert copy.asked == 0


def test_without_the_primary_only_what_needs_it_is_503(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site
) -> None:
    """Tokens that the replica knows go on; the others are told when to ask again."""
    known = near.full()
    journal.put("a", mail="new")
    ahead = near.full()
    copy.lose_primary()
    assert far.get(deltaToken=known).status_code == 200
    assert far.get(timeStamp="2020-01-01T00:00:00Z", pagesize=5).status_code == 200
    for query in ({"deltaToken": ahead}, {"cursor": ""}, {"deltaToken": "latest"}):
        answer = far.get(**query)
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


def test_without_the_replica_the_primary_answers(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Which the log says once; and neither answers is 503."""
    token = near.full()
    copy.break_down()
    journal.put("d")
    for _ in range(2):
        assert shown(far.run(deltaToken=token)) == ["d"]
    assert len([*copy.backend.changes(ChangesQuery(LONG_AGO, everybody=True))]) == 4
    said = [line for line in caplog.messages if "the replica does not answer" in line]
    assert len(said) == 1
    copy.lose_primary()
    assert far.get(deltaToken=token).status_code == 503


class _Counting(JournalReader):
    """A reader that counts how often it is asked for the head, and may fail."""

    asked = 0

    def head(self) -> tuple[str, int]:
        self.asked += 1
        return super().head()


def test_a_replica_that_is_away_is_asked_now_and_then(
    journal: Journal, copy: LaggingCopy, caplog: pytest.LogCaptureFixture
) -> None:
    """By one request after each rest, until it answers."""
    caplog.set_level("INFO", logger="flask_gluu_changes.journal.replica")
    clock = [0.0]
    replica = _Counting(copy.engine, notes=False)
    reader = ReplicatedReader(JournalReader(journal.engine), replica, clock=lambda: clock[0])
    copy.break_down()
    journal.put("d")
    asked = []
    for moment in (0.0, 0.1, REST - 0.1, REST, REST + 0.1, 2 * REST + 0.2):
        clock[0] = moment
        assert reader.head()[1] == 4
        asked.append(replica.asked)
    assert asked == [1, 1, 1, 2, 2, 3]
    copy.recover()
    clock[0] += REST
    assert [reader.head()[1] for _ in range(2)] == [3, 3]
    assert caplog.messages[-1] == "the replica answers again"


@pytest.fixture
def later(copy: LaggingCopy) -> Iterator[Later]:
    """Do something as soon as a request waits at the node of the replica, which was looked at."""

    def has_looked() -> bool:
        waiters = [*copy.backend._watcher._waiters]
        return any(waiter.known._first_epoch for waiter in waiters)  # type: ignore[attr-defined]

    with doing_once(has_looked) as do:
        yield do


def test_who_is_ahead_of_the_replica_waits_until_it_is_behind(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site, later: Any
) -> None:
    """A lag is no change: the wait neither ends by it, nor by its end."""
    journal.put("a", mail="1")
    token = near.full()

    def change() -> None:
        copy.catch_up()
        copy.await_looks(2)  # the first may have begun before
        journal.put("a", mail="2")
        copy.catch_up()

    later(change)
    page = far.page({"Prefer": "wait=20"}, deltaToken=token)
    assert [entry["mail"] for entry in page["results"]] == [["2"]]


def test_who_is_of_an_epoch_that_the_replica_has_not_waits(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site, later: Any
) -> None:
    """Until something comes in that epoch, or until yet another one begins."""
    for begins_another in (False, True):
        journal.writer.begin_epoch()
        journal.put("a")
        journal.writer.commit(WriteBatch(built=True))
        token = near.full()

        def change(anew: bool = begins_another) -> None:
            copy.catch_up()
            if anew:
                journal.writer.begin_epoch()
            journal.put("d")
            copy.catch_up()

        later(change)
        answer = far.get({"Prefer": "wait=20"}, deltaToken=token)
        assert answer.status_code == (503 if begins_another else 200)  # it is being built


def test_an_unchanged_answer_is_told_by_the_replica_but_not_where_a_run_begins(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site
) -> None:
    """A full run of a while ago would be older than what its client knows."""
    first = near.get(cursor="", count=5)
    token = token_of([first.get_json()])
    known = near.get(deltaToken=token)
    journal.put("a", mail="new")
    delta = far.get({"If-None-Match": known.headers["ETag"]}, deltaToken=token)
    assert (delta.status_code, copy.asked) == (304, 0)
    full = far.get({"If-None-Match": first.headers["ETag"]}, cursor="", count=5)
    assert full.status_code == 200


def test_a_client_of_nodes_with_different_lags_never_sees_a_version_go_back(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site
) -> None:
    """Whichever node it asks next, and however far that one is."""
    versions: dict[str, int] = {}
    token, sites = near.full(), (far, near, far, far, near)
    for number, site in enumerate(sites * 6):
        journal.put("abc"[number % 3], mail=str(number))
        if number % 4 == 0:
            copy.catch_up()
        page = site.page(deltaToken=token)
        token = token_of([page])
        for entry in page["results"]:
            assert entry["@version"] > versions.get(entry["@id"], 0)
            versions[entry["@id"]] = entry["@version"]
    (page,) = near.run(deltaToken=token)
    versions |= {entry["@id"]: entry["@version"] for entry in page["results"]}
    assert versions == {e["@id"]: e["@version"] for e in near.page(cursor="")["results"]}


def test_a_replica_without_a_journal_leaves_everything_to_the_primary(
    journal: Journal, copy: LaggingCopy, near: Site, far: Site
) -> None:
    """As one that is being set up."""
    token = near.full()
    with copy.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM gluu_changes_state")
    assert far.get(deltaToken=token).status_code == 200
    assert copy.backend.status().built
    with pytest.raises(BackendUnavailable):
        JournalReader(copy.engine).status()


def test_a_config_names_the_replica(journal: Journal, copy: LaggingCopy) -> None:
    """Beside the journal, which is always needed."""
    journal.put("d")
    config = {
        "GLUU_CHANGES_JOURNAL_URL": str(journal.engine.url),
        "GLUU_CHANGES_JOURNAL_READ_URL": str(copy.engine.url),
    }
    backend = JournalBackend.from_config(config)
    assert (backend.status().head, backend.latest().until) == (3, 4)
    backend.close()
    with pytest.raises(ConfigurationError, match="GLUU_CHANGES_JOURNAL_READ_URL is no URL of a"):
        JournalBackend.from_config({**config, "GLUU_CHANGES_JOURNAL_READ_URL": "nowhere"})

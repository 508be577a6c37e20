"""The client: its token is kept when it is due, and what the server asks for is honoured."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest

from flask_gluu_changes.client import (
    ChangesClient,
    ChangesError,
    ChangesRefused,
    ChangesUnavailable,
    FileTokenStore,
    MemoryTokenStore,
)
from flask_gluu_changes.journal.writer import WriteBatch
from tests.support.apps import OPERATION
from tests.support.journal_site import Site
from tests.support.journals import Journal
from tests.support.replicas import BASE, http_of

Answer = Callable[[httpx.Request], httpx.Response]


class Naps(list[float]):
    """Remembers how long it should have slept."""

    def __call__(self, seconds: float) -> None:
        """Do not sleep."""
        self.append(seconds)


def _client(site: Site, store: MemoryTokenStore | FileTokenStore, count: int = 2) -> ChangesClient:
    return ChangesClient(BASE + OPERATION, store, http=http_of(site.app), count=count)


def _ids(client: ChangesClient) -> list[tuple[str, str]]:
    return [(change.id, change.kind) for batch in client.drain() for change in batch.changes]


def _answering(*answers: httpx.Response | Exception) -> tuple[ChangesClient, Naps]:
    """Make a client of a server that gives these answers."""
    left, naps = iter(answers), Naps()

    def answer(request: httpx.Request) -> httpx.Response:
        given = next(left)
        if isinstance(given, Exception):
            raise given
        return given

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return ChangesClient(BASE, MemoryTokenStore(), http=http, repetitions=3, sleep=naps), naps


def test_batches_lead_from_everybody_to_what_came_since(journal: Journal, site: Site) -> None:
    """A first reading is full; then only changes come."""
    journal.put("a", "b")
    with _client(site, MemoryTokenStore()) as client:
        (batch,) = client.drain()
        assert (batch.full, batch.first, batch.complete) == (True, True, True)
        journal.remove("a")
        (batch,) = client.drain()
        (change,) = batch.changes
        assert (change.id, change.kind, change.reason, change.version) == (
            "a",
            "removed",
            "deleted",
            journal.version,
        )
        assert not batch.full
        assert list(client.drain()) == []


def test_a_change_holds_what_the_entry_has(journal: Journal, site: Site) -> None:
    """Without the `@` names, which have their own places."""
    journal.put("a", mail="a@example.org")
    ((change,),) = (batch.changes for batch in _client(site, MemoryTokenStore()).drain())
    assert (change.inum, change.kind) == ("a", "created")
    assert change.attributes == {"inum": ["a"], "uid": ["a"], "mail": ["a@example.org"]}


def test_the_token_is_kept_after_the_last_batch_was_applied(journal: Journal, site: Site) -> None:
    """Not before: whoever fails while applying gets it again."""
    journal.put("a", "b", "c")
    store = MemoryTokenStore()
    batches = _client(site, store).drain()
    seen = [next(batches), next(batches)]
    assert [len(batch.changes) for batch in seen] == [2, 1]
    batches.close()  # type: ignore[attr-defined]
    assert store.token == ""
    assert len(_ids(_client(site, store))) == 3
    assert store.token != ""


def test_a_delta_that_was_left_early_comes_again(journal: Journal, site: Site) -> None:
    """From the token that was kept before it."""
    store = MemoryTokenStore()
    _ids(_client(site, store))
    kept = store.token
    journal.put("a", "b", "c")
    next(_client(site, store).drain())
    assert store.token == kept
    assert [id_ for id_, _ in _ids(_client(site, store))] == ["a", "b", "c"]


def test_a_full_reading_of_several_pages_is_complete_with_the_run_behind_it(
    journal: Journal, site: Site
) -> None:
    """Which tells who changed meanwhile."""
    journal.put("a", "b", "c")
    batches = _client(site, MemoryTokenStore()).drain()
    first = next(batches)
    journal.put("c", mail="new")
    rest = list(batches)
    assert [batch.complete for batch in (first, *rest)] == [False, False, True]
    assert all(batch.full for batch in rest)
    assert [change.id for change in rest[-1].changes] == ["c"]


def test_a_void_token_leads_to_a_full_reading(journal: Journal, site: Site) -> None:
    """Which says that it is one, so that the caller removes whoever was not in it."""
    store = MemoryTokenStore()
    journal.put("a", "b")
    _ids(_client(site, store))
    journal.writer.begin_epoch()
    batch = WriteBatch(built=True)
    batch.remove("a", "deleted")
    journal.writer.commit(batch)
    (full,) = _client(site, store).drain()
    assert (full.first, full.complete, [c.id for c in full.changes]) == (True, True, ["b"])


def test_an_epoch_that_begins_while_everybody_is_read(journal: Journal, site: Site) -> None:
    """The reading begins anew, and says so."""
    journal.put("a", "b", "c")
    batches = _client(site, MemoryTokenStore()).drain()
    assert next(batches).first
    journal.writer.begin_epoch()
    journal.writer.commit(WriteBatch(built=True))
    rest = list(batches)
    assert rest[0].first
    assert rest[-1].complete


def test_attributes_are_asked_for_on_every_page(journal: Journal, site: Site) -> None:
    """Else the server would refuse the next one."""
    journal.put("a", "b", "c", mail="x", cn="y")
    http = http_of(site.app)
    store = MemoryTokenStore()
    some = ChangesClient(BASE + OPERATION, store, http=http, count=1, attributes=["mail", "uid"])
    changes = [change for batch in some.drain() for change in batch.changes]
    assert {tuple(change.attributes) for change in changes} == {("inum", "mail", "uid")}
    assert list(some.drain()) == []


def test_follow_goes_on(journal: Journal, site: Site) -> None:
    """With what comes."""
    journal.put("a")
    batches: Iterator[object] = _client(site, MemoryTokenStore()).follow(wait=1)
    next(batches)
    journal.put("b")
    (batch,) = islice(batches, 1)
    assert "'b'" in repr(batch)


def test_a_pause_that_is_asked_for_is_made() -> None:
    """Retry-After in seconds; without it, and while nobody answers, ever longer ones."""
    page = {"results": [], "nextDeltaToken": {"value": "t", "expiry": ""}}
    client, naps = _answering(
        httpx.Response(503, headers={"Retry-After": "7"}),
        httpx.ConnectError("nobody is there"),
        httpx.Response(429),
        httpx.Response(200, json=page),
    )
    assert len(list(client.drain())) == 1
    assert naps == [7.0, 2.0, 4.0]


@pytest.mark.parametrize("last", [httpx.Response(503), httpx.ReadTimeout("too slow")])
def test_patience_ends(last: httpx.Response | Exception) -> None:
    """After the repetitions that were wanted."""
    client, naps = _answering(*[last] * 4)
    with pytest.raises(ChangesUnavailable):
        list(client.drain())
    assert len(naps) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_refusal_is_not_repeated(status: int) -> None:
    """An operator must act; the server's sentence is in the message."""
    client, naps = _answering(httpx.Response(status, json={"detail": "do something"}))
    with pytest.raises(ChangesRefused, match=f"{status}: do something") as caught:
        list(client.drain())
    assert (caught.value.status, naps) == (status, [])


def test_a_refusal_may_have_any_body() -> None:
    """A proxy's page, for instance."""
    client, _ = _answering(httpx.Response(404, text="<html>"))
    with pytest.raises(ChangesRefused, match="404: Not Found"):
        list(client.drain())


def test_a_file_keeps_the_token_for_its_owner(tmp_path: Path) -> None:
    """And is replaced as a whole; nothing else is left in the folder."""
    store = FileTokenStore(tmp_path / "token")
    assert store.load() == ""
    for token in ("one", "two"):
        store.save(token)
        assert store.load() == token
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["token"]


def test_a_token_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no rubbish."""
    store = FileTokenStore(tmp_path / "token")
    store.save("old")

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ChangesError, match="full"):
        store.save("new")
    assert (store.load(), os.listdir(tmp_path)) == ("old", ["token"])


def test_removals_come_before_who_took_their_place(journal: Journal, site: Site) -> None:
    """A replica that is keyed on inums keeps who was deleted and created again."""
    batch = WriteBatch()
    batch.put(journal.identity("one", {"inum": ["X"], "uid": ["ann"]}))
    journal.writer.commit(batch)
    store = MemoryTokenStore()
    with _client(site, store) as client:
        assert len([*client.drain()]) == 1
        token = store.load()
        batch = WriteBatch()
        batch.put(journal.identity("two", {"inum": ["X"], "uid": ["ann"]}))
        batch.remove("one", "deleted")
        journal.writer.commit(batch)
        assert _ids(client) == [("one", "removed"), ("two", "created")]
    lines = site.lines(deltaToken=token)
    assert [line.get("@id") for line in lines] == ["one", "two", None]
    for count in (1, 2):
        pages = site.run(deltaToken=token, count=count)
        told = [e["@id"] for page in pages for e in (*page["removed"], *page["results"])]
        assert told == ["one", "two"]


def test_what_was_left_out_is_named(journal: Journal, site: Site) -> None:
    """An attribute that is missing because it is too large was not deleted."""
    identity = journal.identity("a", {"inum": ["a"], "uid": ["a"]})._replace(omitted=("photo",))
    journal.writer.commit(WriteBatch(changes={"a": identity}))
    with _client(site, MemoryTokenStore()) as client:
        ((change,),) = (batch.changes for batch in client.drain())
    assert change.omitted == ("photo",)
    assert "@omitted" not in change.attributes

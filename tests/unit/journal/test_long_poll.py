"""Who waits is woken by a change, by a failure and by the end, or goes when the time is over.

A wake-up that did not come would look like the end of the time: each test asks which it was.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.test import TestResponse

from flask_gluu_changes.journal.long_poll import HeadWatcher
from tests.support.apps import OPERATION
from tests.support.journal_site import Site, shown
from tests.support.journals import Journal
from tests.support.later import Later, doing_once

LONG = 30.0
"""Seconds that no test waits for, unless nobody wakes it: then it fails."""


def there() -> bool:
    """Say that a client has not gone."""
    return False


class Head:
    """A head that tests move, and that tells when it was looked at."""

    def __init__(self) -> None:
        self.value: object = 1
        self.looks = threading.Semaphore(0)

    def __call__(self) -> object:
        """Look."""
        self.looks.release()
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@contextmanager
def _waiting(
    room: HeadWatcher, head: Head, known: object = 1, people: int = 1
) -> Iterator[list[Future[bool]]]:
    """Have so many wait for long; all of them are there when the body begins."""
    with ThreadPoolExecutor(people) as threads:
        waits = [threads.submit(room.wait, known, LONG, gone=there) for _ in range(people)]
        while len(room._waiters) < people:
            head.looks.acquire()
        head.looks.acquire()
        yield waits


@pytest.mark.parametrize("people", [1, 5])
def test_a_change_wakes_everybody(people: int) -> None:
    """Whoever waits for it."""
    room = HeadWatcher(head := Head())
    with _waiting(room, head, people=people) as waits:
        assert not any(wait.done() for wait in waits)
        head.value = 2
    assert [wait.result() for wait in waits] == [True] * people


def test_who_knows_an_older_head_goes_at_once() -> None:
    """The change came between reading and waiting."""
    assert HeadWatcher(Head()).wait(0, LONG, gone=there)


def test_time_lets_go() -> None:
    """Without a change, and it is not taken for one."""
    assert not HeadWatcher(Head()).wait(1, 0.01, gone=there)


def test_a_failure_wakes(caplog: pytest.LogCaptureFixture) -> None:
    """So that the request meets it itself and answers 503."""
    room = HeadWatcher(head := Head())
    with _waiting(room, head) as (wait,):
        head.value = OSError("the disk is gone")
    assert wait.result()
    assert "the disk is gone" in caplog.text


def test_the_end_wakes_everybody() -> None:
    """And nobody waits after it."""
    room = HeadWatcher(head := Head())
    with _waiting(room, head, people=3) as waits:
        room.close()
    assert [wait.result() for wait in waits] == [True] * 3
    assert room.wait(1, LONG, gone=there)


def test_who_has_gone_is_let_go() -> None:
    """Within one look, and the others wait on."""
    room = HeadWatcher(head := Head())
    with _waiting(room, head) as (wait,):
        assert room.wait(1, LONG, gone=lambda: True)
        assert not wait.done()
        head.value = 2
    assert wait.result()


def test_nobody_looks_while_nobody_waits() -> None:
    """The thread ends with the last wait, and another one begins with the next."""
    room = HeadWatcher(head := Head())
    for value in (2, 3):
        with _waiting(room, head, known=value - 1) as (wait,):
            watcher = room._watcher
            head.value = value
        assert wait.result()
        assert watcher is not None
        watcher.join()
        assert room._watcher is None


@pytest.fixture
def later(journal: Journal) -> Iterator[Later]:
    """Do something as soon as a request waits."""
    with doing_once(lambda: journal.backend._watcher._waiters) as do:
        yield do


@pytest.fixture
def woken(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """How each wait of a request ended."""
    ends: list[bool] = []
    wait = journal.backend.wait

    def note(*args: Any, **options: Any) -> bool:
        ends.append(wait(*args, **options))
        return ends[-1]

    monkeypatch.setattr(journal.backend, "wait", note)
    return ends


def _wait(site: Site, token: str, seconds: str = "30", address: str = "127.0.0.1") -> TestResponse:
    client = site.app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    headers = {"Prefer": f"respond-async, wait={seconds}"}
    return client.get(OPERATION, query_string={"deltaToken": token}, headers=headers)


def test_a_request_waits_for_a_change(
    journal: Journal, site: Site, later: Later, woken: list[bool]
) -> None:
    """And says for how long it would have."""
    journal.put("a")
    token = site.full()
    later(lambda: journal.put("b"))
    answer = _wait(site, token)
    assert shown([answer.get_json()]) == ["b"]
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert woken == [True]


def test_a_request_that_waited_in_vain_is_answered(journal: Journal, woken: list[bool]) -> None:
    """With an empty page, or with 304; the settings bound its time."""
    site = Site(journal, max_wait_seconds=1)
    token = site.full()
    answer = _wait(site, token)
    assert (answer.get_json()["results"], answer.headers["Preference-Applied"]) == ([], "wait=1")
    known = {"Prefer": "wait=1", "If-None-Match": answer.headers["ETag"]}
    assert site.get(known, deltaToken=token).status_code == 304
    assert woken == [False, False]


def test_what_is_there_is_not_waited_for(journal: Journal, site: Site) -> None:
    """Nor does a full run wait, nor the rest of a run."""
    journal.put("a", "b")
    token = site.full()
    journal.put("c", "d")
    page = site.page({"Prefer": "wait=600"}, deltaToken=token, count=1)
    assert shown([page]) == ["c"]
    for query in ({"cursor": page["nextCursor"]}, {"cursor": ""}, {"deltaToken": "latest"}):
        answer = site.get({"Prefer": "wait=600"}, **query)
        assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    "settings", [{"max_waiters": 0}, {"max_wait_seconds": 0}, {"server_threads": 1}]
)
def test_waiting_can_be_switched_off(journal: Journal, settings: dict[str, Any]) -> None:
    """The preference is then ignored, as RFC 7240 allows, and the client told when to ask again."""
    site = Site(journal, **settings)
    answer = _wait(site, site.full())
    assert "Preference-Applied" not in answer.headers
    assert answer.headers["Retry-After"] == "5"


def test_who_asks_for_a_short_wait_is_not_told_to_stay_away_for_longer(journal: Journal) -> None:
    """Where no wait can be granted."""
    site = Site(journal, server_threads=1)
    assert _wait(site, site.full(), "2").headers["Retry-After"] == "2"


def test_what_is_there_comes_at_once_where_nobody_may_wait(journal: Journal) -> None:
    """Without a word about when to ask again."""
    site = Site(journal, server_threads=1)
    token = site.full()
    journal.put("a")
    answer = _wait(site, token)
    assert shown([answer.get_json()]) == ["a"]
    assert not {"Preference-Applied", "Retry-After"} & {*answer.headers.keys()}


@pytest.mark.parametrize("preference", ["wait", "wait=x", "wait=-1", "await=5", "wait=0", ""])
def test_other_preferences_are_ignored(site: Site, preference: str) -> None:
    """Also those that are misspelled."""
    answer = site.get({"Prefer": preference}, deltaToken=site.full())
    assert (answer.status_code, "Preference-Applied" in answer.headers) == (200, False)


@pytest.mark.parametrize(
    ("address", "status"),
    [("127.0.0.1", 429), ("127.0.0.2", 503)],
    ids=["of one client", "in all"],
)
def test_too_many_waiters_are_told_to_come_back(
    journal: Journal, later: Later, woken: list[bool], address: str, status: int
) -> None:
    """With Retry-After, while the others go on waiting."""
    site = Site(journal, max_waiters=1)
    token = site.full()
    refused: list[TestResponse] = []

    def come_too_late() -> None:
        refused.append(_wait(site, token, address=address))
        journal.put("a")

    later(come_too_late)
    assert shown([_wait(site, token).get_json()]) == ["a"]
    assert refused[0].status_code == status
    assert 3 <= int(refused[0].headers["Retry-After"]) <= 10
    assert _wait(site, site.full(), "1").status_code == 200
    assert woken == [True, False]


def test_nobody_is_answered_who_has_gone(
    journal: Journal, site: Site, woken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is not read once more for an answer that nobody gets."""
    monkeypatch.setattr("flask_gluu_changes.wsgi.Connection.has_gone", lambda _: True)
    answer = _wait(site, site.full())
    assert (answer.status_code, answer.text, woken) == (499, "", [True])


def test_a_signal_ends_the_waits(
    journal: Journal, site: Site, later: Later, woken: list[bool]
) -> None:
    """And then does what it would have done without."""
    token, received, pause = site.full(), [], threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: received.append(True))
    try:
        journal.backend.end_waits_on(signal.SIGTERM)
        later(lambda: os.kill(os.getpid(), signal.SIGTERM))
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(_wait, site, token)
            # as a server's main thread: a signal that comes just before a wait is seen at its end
            while not answer.done():
                pause.wait(0.01)
        assert answer.result().get_json()["results"] == []
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == woken == [True]

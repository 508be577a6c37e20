"""Few large answers are read from the store at a time; small ones are read beside them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_gluu_changes import Backend, ChangesQuery, Entry, GluuChanges
from flask_gluu_changes.feed.snapshot import SPILL_BYTES
from tests.support.apps import OPERATION

SMALL_SINCE = 2024
LARGE = "x" * (SPILL_BYTES + 1)


class SlowStore(Backend):
    """A store whose large answers come to an end when they may; small is what is asked since 2024.

    Attributes:
        reading: Released by each large answer that has begun.
        ending: Set when they may end.
        readings: How often it was asked.
    """

    def __init__(self) -> None:
        self.reading = threading.Semaphore(0)
        self.ending = threading.Event()
        self.readings = 0

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield two people."""
        self.readings += 1
        is_large = query.since.year < SMALL_SINCE
        yield self._person("a", LARGE if is_large else "")
        if is_large:
            self.reading.release()
            assert self.ending.wait(30)
        yield self._person("b", "")

    def _person(self, name: str, description: str) -> Entry:
        time = [b"20240501120000Z"]
        return {"uid": [name], "inum": [name], "description": [description], "updatedAt": time}


@pytest.fixture
def store() -> SlowStore:
    """A store whose answers may not end yet."""
    return SlowStore()


@pytest.fixture
def app(store: SlowStore) -> Flask:
    """An application on a server with eight threads: two large answers, one of each client."""
    app = Flask("readings")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    app.config["GLUU_CHANGES_SERVER_THREADS"] = 8
    GluuChanges(app, backend=store)
    return app


def _ask(app: Flask, address: str, year: int = 2020, start: int = 0) -> TestResponse:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    query = {"timeStamp": f"{year}-01-01T00:00:00Z", "start": f"{start}", "pagesize": "1"}
    return client.get(OPERATION, query_string=query)


def test_large_readings_are_limited_for_each_client_and_in_all(
    app: Flask, store: SlowStore
) -> None:
    """429 for who has one already, 503 for the third; what is small is answered."""
    with ThreadPoolExecutor(2) as threads:
        # of different times: of one they would wait for each other's answer
        large = [threads.submit(_ask, app, name, year) for name, year in (("a", 2020), ("b", 2021))]
        for _ in large:
            assert store.reading.acquire(timeout=30)
        refused = {address: _ask(app, address, 2022) for address in ("a", "c")}
        assert {name: answer.status_code for name, answer in refused.items()} == {
            "a": 429,
            "c": 503,
        }
        assert all(int(answer.headers["Retry-After"]) for answer in refused.values())
        assert _ask(app, "a", SMALL_SINCE).status_code == 200
        store.ending.set()
    assert [answer.result().status_code for answer in large] == [200, 200]
    assert _ask(app, "c").status_code == 200


def test_a_reading_that_fails_gives_its_place_back(
    app: Flask, store: SlowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one of the same client is answered."""
    monkeypatch.setattr(store.ending, "wait", lambda _: False)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert [_ask(app, "a").status_code for _ in range(3)] == [500] * 3
    monkeypatch.undo()
    store.ending.set()
    assert _ask(app, "a").status_code == 200


def test_asking_far_behind_the_end_reads_everybody_once(app: Flask, store: SlowStore) -> None:
    """And not with each request."""
    store.ending.set()
    for start in (2**31 - 1, 2**31 - 1, 2**31 - 2, 2):
        page = _ask(app, "a", start=start).get_json()
        assert page["results"] == []
    assert store.readings == 1

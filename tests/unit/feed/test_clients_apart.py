"""Of several walks from one time, each client gets the pages of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.feed.folder_store import FolderStore
from flask_gluu_changes.feed.page_request import PageRequest, SessionKey, Traits
from flask_gluu_changes.feed.sessions import PagingSessions
from flask_gluu_changes.feed.snapshot import ANY_TIME
from tests.support.clocks import Clock

from .walks import (
    KEY,
    MANY,
    SINCE,
    answer_of,
    begin,
    next_page,
    with_any_time,
)


def test_each_page_comes_from_the_session_that_was_served_up_to_it(
    sessions: PagingSessions,
) -> None:
    """Several clients may page as the same caller from the same time."""
    begin(sessions, "a", size=2)
    begin(sessions, "b", size=3)
    assert next_page(sessions, 2) == [b"a2", b"a3"]
    assert next_page(sessions, 3) == [b"b3", b"b4"]
    assert next_page(sessions, 4) == [b"a4", b"a5"]


def test_of_equal_sessions_and_for_unknown_offsets_the_newest_counts(
    sessions: PagingSessions, clock: Clock
) -> None:
    """It is the nearest to what the store holds now."""
    begin(sessions, "a")
    clock.now += 1
    begin(sessions, "b")
    assert next_page(sessions, 2) == [b"b2", b"b3"]
    assert next_page(sessions, 1, 1) == [b"b1"]


def test_equal_clients_that_go_on_side_by_side_get_their_own_pages(
    sessions: PagingSessions, clock: Clock
) -> None:
    """When they are known to be two: the one that has waited longest asks next."""
    names = "ab"
    for name in names:
        clock.now += 0.1
        begin(sessions, name, count=10, others=name)
    for name in names:
        clock.now += 0.1
        next_page(sessions, 2, traits=Traits(others=name))
    for start in (4, 6, 8):
        for name in names:
            clock.now += 0.1
            pages = [b"%b%d" % (name.encode(), i) for i in (start, start + 1)]
            assert next_page(sessions, start) == pages


def test_an_equal_session_that_was_given_up_is_not_continued(
    sessions: PagingSessions, clock: Clock
) -> None:
    """Its client has begun again."""
    begin(sessions, "a")
    clock.now += 0.1
    assert next_page(sessions, 2) == [b"a2", b"a3"]
    clock.now += 0.1
    begin(sessions, "b")
    for start in (2, 4):
        clock.now += 0.1
        assert next_page(sessions, start) == [b"b%d" % start, b"b%d" % (start + 1)]


def test_a_client_that_names_its_session_continues_no_other(
    sessions: PagingSessions, clock: Clock
) -> None:
    """And who names none does not continue one that is named."""
    pages = []
    for name in "ab":
        clock.now += 1
        answer = answer_of(name)
        request = PageRequest(KEY, 0, 2, partial(with_any_time, answer))
        pages.append(sessions.page(request))
    named = [Traits(page.session) for page in pages]
    assert next_page(sessions, 2, traits=named[0]) == [b"a2", b"a3"]
    assert next_page(sessions, 2, traits=named[1]) == [b"b2", b"b3"]
    assert next_page(sessions, 4) is None
    assert next_page(sessions, 4, traits=Traits("another")) is None


def test_clients_of_one_caller_are_told_apart_by_what_they_send(
    sessions: PagingSessions, clock: Clock
) -> None:
    """Else by where they are; a token may be replaced on the way."""
    for name in "ab":
        clock.now += 1
        begin(sessions, name, others=name)
    assert next_page(sessions, 2, traits=Traits(others="a")) == [b"a2", b"a3"]
    assert next_page(sessions, 2, traits=Traits(others="b")) == [b"b2", b"b3"]
    assert next_page(sessions, 4, 1, traits=Traits(others="a")) == [b"a4"]
    assert next_page(sessions, 5, 1, traits=Traits(others="new")) == [b"a5"]


class Walker:
    """A client that sends the name of its session; its walks are of people of another name each."""

    def __init__(self, number: int) -> None:
        self._caller = f"caller {number // 2}"
        self._walks = (f"{number}-{walk}-" for walk in itertools.count())
        self._begin()

    def _begin(self) -> None:
        self._name, self._start, self._session = next(self._walks), 0, ""

    def step(self, worker: PagingSessions, size: int) -> None:
        """Ask a worker for the next page, or for the first one of the next walk."""

        def look() -> tuple[Iterator[EncodedEntry], int]:
            assert not self._start, "the answer was read twice"
            return answer_of(self._name, 9), ANY_TIME

        traits = Traits(self._session)
        key = SessionKey(self._caller, SINCE)
        page = worker.page(PageRequest(key, self._start, size, look, lambda: traits))
        after = self._start + size
        assert page.bodies == [f"{self._name}{i}".encode() for i in range(9)][self._start : after]
        self._start, self._session = after, page.session
        if after > 9:
            self._begin()


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(1, 4)), min_size=9, max_size=60
    )
)
def test_each_of_several_clients_gets_its_own_walk_from_any_worker(
    steps: list[tuple[int, int, int]],
) -> None:
    """In whatever order they ask, two of them as one caller; and each walk reads once."""
    with TemporaryDirectory() as folder:
        store = FolderStore(Path(folder) / "sessions")
        workers = [
            PagingSessions(seconds=60, limit=99, octets=MANY, find_store=lambda: store)
            for _ in range(2)
        ]
        walkers = [Walker(number) for number in range(4)]
        for client, worker, size in steps:
            walkers[client].step(workers[worker], size)

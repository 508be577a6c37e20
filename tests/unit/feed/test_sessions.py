"""A later page is cut from the snapshot that its client began, as long as that is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.feed.page_request import PageRequest, SessionKey
from flask_gluu_changes.feed.sessions import ENDED_SECONDS, PagingSessions
from flask_gluu_changes.feed.snapshot import ANY_TIME
from flask_gluu_changes.feed.stores import SessionStore
from tests.support.clocks import Clock

from .walks import (
    KEY,
    SECONDS,
    SINCE,
    answer_of,
    begin,
    next_page,
    sessions_with,
)


def test_a_session_goes_through_one_snapshot(sessions: PagingSessions) -> None:
    """Page by page, in sizes that may change on the way."""
    assert begin(sessions) == [b"a0", b"a1"]
    assert next_page(sessions, 2, 3) == [b"a2", b"a3", b"a4"]
    assert next_page(sessions, 5) == [b"a5"]


@pytest.mark.parametrize(
    "key", [SessionKey("other", SINCE), SessionKey("caller", SINCE.replace(microsecond=1000))]
)
def test_sessions_of_other_callers_and_times_are_not_found(
    sessions: PagingSessions, key: SessionKey
) -> None:
    """Both belong to the key."""
    begin(sessions)
    assert next_page(sessions, 2, key=key) is None


def test_a_page_may_be_asked_for_again(sessions: PagingSessions) -> None:
    """A client that lost an answer gets the same one."""
    begin(sessions)
    assert next_page(sessions, 2) == next_page(sessions, 2) == [b"a2", b"a3"]


def test_a_session_is_kept_while_it_makes_progress(sessions: PagingSessions, clock: Clock) -> None:
    """However long it takes in all."""
    begin(sessions)
    for start in (2, 3, 4):
        clock.now += SECONDS - 1
        assert next_page(sessions, start, 1) == [b"a%d" % start]


def test_an_idle_session_is_dropped(sessions: PagingSessions, clock: Clock) -> None:
    """From the very second on; the page must be looked up anew then."""
    begin(sessions)
    clock.now = SECONDS
    assert next_page(sessions, 2) is None


def test_asking_again_for_a_page_is_no_progress(sessions: PagingSessions, clock: Clock) -> None:
    """A client that polls one page would be shown the same snapshot for ever."""
    begin(sessions)
    next_page(sessions, 2)
    clock.now = SECONDS - 1
    assert next_page(sessions, 2) is not None
    clock.now = SECONDS
    assert next_page(sessions, 2) is None


@pytest.mark.parametrize("start", [6, 7, 100])
def test_a_session_is_forgotten_soon_after_a_page_behind_its_end(
    sessions: PagingSessions, clock: Clock, start: int
) -> None:
    """A client that waits at the end for new people will see them."""
    begin(sessions)
    assert next_page(sessions, start) == []
    clock.now = ENDED_SECONDS
    assert next_page(sessions, 2) is None


@pytest.mark.parametrize("start", [6, 7, 2**31 - 1])
def test_asking_behind_the_end_again_reads_nothing(
    sessions: PagingSessions, clock: Clock, start: int
) -> None:
    """Not each time, and the asking does not prolong that."""
    read: list[None] = []

    def look() -> tuple[Iterator[EncodedEntry], int]:
        read.append(None)
        return answer_of(), ANY_TIME

    for now in (0.0, 0.1, ENDED_SECONDS - 0.1, SECONDS, SECONDS + 0.1):
        clock.now = now
        assert sessions.page(PageRequest(KEY, start, 200, look)).bodies == []
    assert len(read) == 2


def test_a_session_of_a_short_time_does_not_live_longer_behind_its_end(
    clock: Clock, store: SessionStore
) -> None:
    """Its own time holds."""
    sessions = sessions_with(clock, store, seconds=1)
    begin(sessions)
    clock.now = 0.5
    assert next_page(sessions, 6) == []
    clock.now = 1
    assert next_page(sessions, 2) is None


def test_the_last_page_does_not_forget_the_session(sessions: PagingSessions) -> None:
    """It may be lost on its way, and asked for again."""
    begin(sessions)
    assert next_page(sessions, 4) == next_page(sessions, 4) == [b"a4", b"a5"]


def test_an_ended_session_is_continued_behind_its_end_alone(sessions: PagingSessions) -> None:
    """The next walk may end between its offsets, and must not be shown what it had already."""
    begin(sessions, "a", size=1)
    for start in range(1, 7):
        next_page(sessions, start, size=1)
    assert begin(sessions, "b", size=4) == [b"b0", b"b1", b"b2", b"b3"]
    assert next_page(sessions, 4, size=4) == [b"b4", b"b5"]
    assert next_page(sessions, 5, size=4) == [b"b5"]
    assert next_page(sessions, 6, size=4) == []

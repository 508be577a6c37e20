"""Sessions make room for new ones of the same client, and are deleted when they are over."""

from __future__ import annotations

import pytest

from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.feed.page_request import SessionKey
from flask_gluu_changes.feed.sessions import PagingSessions
from flask_gluu_changes.feed.stores import SessionStore
from tests.support.clocks import Clock

from .walks import (
    SECONDS,
    SINCE,
    begin,
    next_page,
    sessions_with,
)


def test_the_session_that_was_idle_for_longest_makes_room(
    sessions: PagingSessions, clock: Clock
) -> None:
    """Not the one that began first, when that has made progress since."""
    keys = [SessionKey("caller", SINCE.replace(second=i)) for i in range(4)]
    for key in keys[:3]:
        clock.now += 1
        begin(sessions, key=key)
    clock.now += 1
    assert next_page(sessions, 2, key=keys[0]) is not None
    clock.now += 1
    begin(sessions, key=keys[3])
    assert [next_page(sessions, 2, key=key) is not None for key in keys] == [
        True,
        False,
        True,
        True,
    ]


def test_a_session_whose_client_has_everything_makes_room_first(
    sessions: PagingSessions, clock: Clock
) -> None:
    """However short a time ago that was."""
    keys = [SessionKey("caller", SINCE.replace(second=i)) for i in range(4)]
    for key in keys[:3]:
        clock.now += 1
        begin(sessions, key=key)
    assert next_page(sessions, 2, 4, key=keys[2]) == [b"a2", b"a3", b"a4", b"a5"]
    begin(sessions, key=keys[3])
    assert [next_page(sessions, 2, key=key) is not None for key in keys] == [
        True,
        True,
        False,
        True,
    ]


def test_nobody_loses_a_session_to_another_caller(sessions: PagingSessions, clock: Clock) -> None:
    """However often that one asks for the beginning."""
    other = SessionKey("other", SINCE)
    begin(sessions, key=other)
    for _ in range(9):
        clock.now += 1
        begin(sessions)
    assert next_page(sessions, 2, key=other) == [b"a2", b"a3"]


def test_where_octets_are_used_up_a_new_session_is_refused(
    clock: Clock, store: SessionStore
) -> None:
    """Until another caller's has been read, or is idle for too long."""
    sessions = sessions_with(clock, store, octets=25)  # two of 12
    keys = [SessionKey(name, SINCE) for name in "abc"]
    begin(sessions, key=keys[0])
    begin(sessions, key=keys[1])
    with pytest.raises(BackendUnavailable, match="no room"):
        begin(sessions, key=keys[2])
    assert [next_page(sessions, 2, key=key) is not None for key in keys] == [True, True, False]
    assert next_page(sessions, 4, key=keys[0]) == [b"a4", b"a5"]
    assert begin(sessions, key=keys[2]) == [b"a0", b"a1"]
    assert [next_page(sessions, 2, key=key) is not None for key in keys] == [False, True, True]


def test_what_is_larger_than_all_is_kept_alone(clock: Clock, store: SessionStore) -> None:
    """A caller's own sessions make room for it."""
    sessions = sessions_with(clock, store, octets=25)
    begin(sessions)
    begin(sessions, "b", count=99)
    assert next_page(sessions, 2) == [b"b2", b"b3"]
    assert len(store.names()) == 1


def test_sessions_that_nobody_continues_are_dropped(
    sessions: PagingSessions, store: SessionStore
) -> None:
    """Clients that only ever ask for the beginning do not fill the disk."""
    for _ in range(5):
        begin(sessions)
    assert len(store.names()) == 3


def test_what_others_did_while_one_waited_for_the_table_is_kept(
    sessions: PagingSessions, clock: Clock
) -> None:
    """Its time is later than the one at which the waiting began."""
    clock.now = 5.0
    begin(sessions)
    clock.now = 4.9
    begin(sessions, key=SessionKey("other", SINCE))
    clock.now = 5.1
    assert next_page(sessions, 2) == [b"a2", b"a3"]


def test_what_is_left_of_another_run_of_the_system_is_deleted(
    sessions: PagingSessions, clock: Clock, store: SessionStore
) -> None:
    """Its clock has begun anew since."""
    clock.now = 1e6
    begin(sessions)
    clock.now = 100.0
    begin(sessions_with(clock, store), size=6, count=5)
    assert store.names() == set()


def test_what_is_idle_is_deleted_with_the_next_answer(
    sessions: PagingSessions, clock: Clock, store: SessionStore
) -> None:
    """Large or small."""
    begin(sessions)
    clock.now = 4 * SECONDS
    begin(sessions, size=6, count=5)
    assert store.names() == set()


def test_there_is_room_for_one_session_at_least(clock: Clock, store: SessionStore) -> None:
    """The newest one replaces it."""
    sessions = sessions_with(clock, store, limit=1)
    begin(sessions, "a")
    begin(sessions, "b", size=1)
    assert next_page(sessions, 2) == [b"b2", b"b3"]

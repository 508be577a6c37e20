"""A later page is cut from the snapshot that its client began, as long as that is kept."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from flask_gluu_changes.feed.sessions import ENDED_SECONDS, PagingSessions, SessionKey
from flask_gluu_changes.feed.snapshot import Snapshot
from tests.support.clocks import Clock

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
KEY = SessionKey("caller", SINCE)
SECONDS = 10.0
MANY = 10**6


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> PagingSessions:
    """Room for three sessions, each for ten seconds."""
    return PagingSessions(seconds=SECONDS, limit=3, octets=MANY, clock=clock)


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads interrupt each other as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _snapshot(name: str = "a", count: int = 6) -> Snapshot:
    return Snapshot(SINCE, ((b"%03d" % i, i, f"{name}{i}".encode()) for i in range(count)))


def _begin(
    sessions: PagingSessions, name: str = "a", key: SessionKey = KEY, size: int = 2
) -> list[bytes]:
    return list(sessions.page(key, 0, size, lambda: _snapshot(name)).bodies)


def _next(
    sessions: PagingSessions, start: int, size: int = 2, key: SessionKey = KEY
) -> list[bytes] | None:
    """Return a later page; None where it would have begun a new session."""
    begun: list[None] = []
    page = sessions.page(key, start, size, lambda: begun.append(None))
    return None if begun else list(page.bodies)


def test_a_session_goes_through_one_snapshot(sessions: PagingSessions) -> None:
    """Page by page, in sizes that may change on the way."""
    assert _begin(sessions) == [b"a0", b"a1"]
    assert _next(sessions, 2, 3) == [b"a2", b"a3", b"a4"]
    assert _next(sessions, 5) == [b"a5"]


@pytest.mark.parametrize(
    "key", [SessionKey("other", SINCE), SessionKey("caller", SINCE.replace(microsecond=1000))]
)
def test_sessions_of_other_callers_and_times_are_not_found(
    sessions: PagingSessions, key: SessionKey
) -> None:
    """Both belong to the key."""
    _begin(sessions)
    assert _next(sessions, 2, key=key) is None


def test_each_page_comes_from_the_session_that_was_served_up_to_it(
    sessions: PagingSessions,
) -> None:
    """Several clients may page as the same caller from the same time."""
    _begin(sessions, "a", size=2)
    _begin(sessions, "b", size=3)
    assert _next(sessions, 2) == [b"a2", b"a3"]
    assert _next(sessions, 3) == [b"b3", b"b4"]
    assert _next(sessions, 4) == [b"a4", b"a5"]


def test_of_equal_sessions_and_for_unknown_offsets_the_newest_counts(
    sessions: PagingSessions,
) -> None:
    """It is the nearest to what the store holds now."""
    _begin(sessions, "a")
    _begin(sessions, "b")
    assert _next(sessions, 2) == [b"b2", b"b3"]
    assert _next(sessions, 1, 1) == [b"b1"]


def test_a_page_may_be_asked_for_again(sessions: PagingSessions) -> None:
    """A client that lost an answer gets the same one."""
    _begin(sessions)
    assert _next(sessions, 2) == _next(sessions, 2) == [b"a2", b"a3"]


def test_a_session_is_kept_while_it_makes_progress(sessions: PagingSessions, clock: Clock) -> None:
    """However long it takes in all."""
    _begin(sessions)
    for start in (2, 3, 4):
        clock.now += SECONDS - 1
        assert _next(sessions, start, 1) == [b"a%d" % start]


def test_an_idle_session_is_dropped(sessions: PagingSessions, clock: Clock) -> None:
    """From the very second on; the page must be looked up anew then."""
    _begin(sessions)
    clock.now = SECONDS
    assert _next(sessions, 2) is None


def test_asking_again_for_a_page_is_no_progress(sessions: PagingSessions, clock: Clock) -> None:
    """A client that polls one page would be shown the same snapshot for ever."""
    _begin(sessions)
    _next(sessions, 2)
    clock.now = SECONDS - 1
    assert _next(sessions, 2) is not None
    clock.now = SECONDS
    assert _next(sessions, 2) is None


@pytest.mark.parametrize("start", [6, 7, 100])
def test_a_session_is_forgotten_soon_after_a_page_behind_its_end(
    sessions: PagingSessions, clock: Clock, start: int
) -> None:
    """A client that waits at the end for new people will see them."""
    _begin(sessions)
    assert _next(sessions, start) == []
    clock.now = ENDED_SECONDS
    assert _next(sessions, 2) is None


@pytest.mark.parametrize("start", [6, 7, 2**31 - 1])
def test_asking_behind_the_end_again_reads_nothing(
    sessions: PagingSessions, clock: Clock, start: int
) -> None:
    """Not each time, and the asking does not prolong that."""
    read: list[None] = []

    def begin() -> Snapshot:
        read.append(None)
        return _snapshot()

    for now in (0.0, 0.1, ENDED_SECONDS - 0.1, ENDED_SECONDS, ENDED_SECONDS + 0.1):
        clock.now = now
        assert sessions.page(KEY, start, 200, begin).bodies == []
    assert len(read) == 2


def test_a_session_of_a_short_time_does_not_live_longer_behind_its_end(clock: Clock) -> None:
    """Its own time holds."""
    sessions = PagingSessions(seconds=1, limit=3, octets=MANY, clock=clock)
    _begin(sessions)
    clock.now = 0.5
    assert _next(sessions, 6) == []
    clock.now = 1
    assert _next(sessions, 2) is None


def test_the_last_page_does_not_forget_the_session(sessions: PagingSessions) -> None:
    """It may be lost on its way, and asked for again."""
    _begin(sessions)
    assert _next(sessions, 4) == _next(sessions, 4) == [b"a4", b"a5"]


def test_the_session_that_was_idle_for_longest_makes_room(
    sessions: PagingSessions, clock: Clock
) -> None:
    """Not the one that began first, when that has made progress since."""
    keys = [SessionKey(name, SINCE) for name in "abcd"]
    for key in keys[:3]:
        clock.now += 1
        _begin(sessions, key=key)
    clock.now += 1
    assert _next(sessions, 2, key=keys[0]) is not None
    clock.now += 1
    _begin(sessions, key=keys[3])
    assert [_next(sessions, 2, key=key) is not None for key in keys] == [True, False, True, True]


def test_a_client_makes_room_for_itself_first(sessions: PagingSessions, clock: Clock) -> None:
    """However often it asks for the beginning, others find their sessions again."""
    other = SessionKey("other", SINCE)
    _begin(sessions, key=other)
    for _ in range(5):
        clock.now += 1
        _begin(sessions)
    assert _next(sessions, 2, key=other) == [b"a2", b"a3"]


def test_large_sessions_make_room_for_a_new_one(clock: Clock) -> None:
    """Together they take no more than their octets; a larger one is kept alone."""
    sessions = PagingSessions(seconds=SECONDS, limit=9, octets=25, clock=clock)  # two of 12
    keys = [SessionKey(name, SINCE) for name in "abc"]
    for key in keys:
        clock.now += 1
        _begin(sessions, key=key)
    assert [_next(sessions, 2, key=key) is not None for key in keys] == [False, True, True]
    sessions.page(KEY, 0, 2, lambda: _snapshot(count=99))
    assert _next(sessions, 2) is not None
    assert [_next(sessions, 2, key=key) for key in keys] == [None] * 3


def test_sessions_that_nobody_continues_are_dropped(sessions: PagingSessions) -> None:
    """Clients that only ever ask for the beginning do not fill the memory."""
    snapshots = [_snapshot() for _ in range(5)]
    kept = [weakref.ref(snapshot) for snapshot in snapshots]
    while snapshots:
        sessions.page(KEY, 0, 2, lambda: snapshots.pop(0))
    gc.collect()
    assert [snapshot() is not None for snapshot in kept] == [False, False, True, True, True]


def test_there_is_room_for_one_session_at_least(clock: Clock) -> None:
    """The newest one replaces it."""
    sessions = PagingSessions(seconds=SECONDS, limit=1, octets=MANY, clock=clock)
    _begin(sessions, "a")
    _begin(sessions, "b", size=1)
    assert _next(sessions, 2) == [b"b2", b"b3"]


@pytest.mark.usefixtures("hasty")
def test_eight_threads_do_not_lose_each_others_sessions(clock: Clock) -> None:
    """Each pages to the end many times, while all the others begin and forget theirs."""
    sessions, start = (
        PagingSessions(seconds=SECONDS, limit=8, octets=MANY, clock=clock),
        threading.Barrier(8),
    )

    def session(number: int) -> int:
        key, name, whole = SessionKey(f"caller {number}", SINCE), f"{number}-", 0
        start.wait()
        for _ in range(300):
            pages = [
                _begin(sessions, name, key),
                _next(sessions, 2, 2, key),
                _next(sessions, 4, 2, key),
            ]
            found = [body for page in pages for body in page or ()]
            whole += found == [f"{number}-{i}".encode() for i in range(6)]
            _next(sessions, 6, 2, key)
        return whole

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(session, range(8))) == [300] * 8


def test_an_ended_session_is_continued_behind_its_end_alone(sessions: PagingSessions) -> None:
    """The next walk may end between its offsets, and must not be shown what it had already."""
    _begin(sessions, "a", size=1)
    for start in range(1, 7):
        _next(sessions, start, size=1)
    assert _begin(sessions, "b", size=4) == [b"b0", b"b1", b"b2", b"b3"]
    assert _next(sessions, 4, size=4) == [b"b4", b"b5"]
    assert _next(sessions, 5, size=4) == [b"b5"]
    assert _next(sessions, 6, size=4) == []

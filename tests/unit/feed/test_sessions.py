"""A later page is cut from the snapshot that its client began, as long as that is kept."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.errors import BackendUnavailable
from flask_gluu_changes.feed.folder_store import FolderStore
from flask_gluu_changes.feed.page_request import PageRequest, SessionKey, Traits
from flask_gluu_changes.feed.private_store import PrivateStore
from flask_gluu_changes.feed.sessions import ENDED_SECONDS, PagingSessions
from flask_gluu_changes.feed.snapshot import ANY_TIME
from flask_gluu_changes.feed.stores import Lock, SessionStore
from flask_gluu_changes.timestamps import to_micros
from tests.support.clocks import Clock

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
KEY = SessionKey("caller", SINCE)
SECONDS = 10.0
MANY = 10**6
NOBODY = Traits()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture(params=["private", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SessionStore:
    """Where sessions are kept by one process, and by several."""
    return PrivateStore() if request.param == "private" else FolderStore(tmp_path / "sessions")


@pytest.fixture
def sessions(clock: Clock, store: SessionStore) -> PagingSessions:
    """Room for three sessions of each caller, each for ten seconds."""
    return _sessions(clock, store)


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads interrupt each other as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _sessions(
    clock: Clock,
    store: SessionStore,
    *,
    seconds: float = SECONDS,
    limit: int = 3,
    octets: int = MANY,
) -> PagingSessions:
    return PagingSessions(
        seconds=seconds, limit=limit, octets=octets, find_store=lambda: store, clock=clock
    )


def _answer(name: str = "a", count: int = 6) -> Iterator[EncodedEntry]:
    return ((b"%03d" % i, i, f"{name}{i}".encode()) for i in range(count))


def _with_any_time(answer: Iterator[EncodedEntry]) -> tuple[Iterator[EncodedEntry], int]:
    return answer, ANY_TIME


def _begin(
    sessions: PagingSessions,
    name: str = "a",
    key: SessionKey = KEY,
    size: int = 2,
    count: int = 6,
    others: str = "",
) -> list[bytes]:
    request = PageRequest(
        key, 0, size, lambda: (_answer(name, count), ANY_TIME), lambda: Traits(others=others)
    )
    return list(sessions.page(request).bodies)


def _next(
    sessions: PagingSessions,
    start: int,
    size: int = 2,
    key: SessionKey = KEY,
    traits: Traits = NOBODY,
) -> list[bytes] | None:
    """Return a later page; None where it would have begun a new session."""
    request = PageRequest(key, start, size, lambda: (iter(()), ANY_TIME), lambda: traits)
    page = sessions.page(request)
    return None if page.is_restarted else list(page.bodies)


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
    sessions: PagingSessions, clock: Clock
) -> None:
    """It is the nearest to what the store holds now."""
    _begin(sessions, "a")
    clock.now += 1
    _begin(sessions, "b")
    assert _next(sessions, 2) == [b"b2", b"b3"]
    assert _next(sessions, 1, 1) == [b"b1"]


def test_equal_clients_that_go_on_side_by_side_get_their_own_pages(
    sessions: PagingSessions, clock: Clock
) -> None:
    """When they are known to be two: the one that has waited longest asks next."""
    names = "ab"
    for name in names:
        clock.now += 0.1
        _begin(sessions, name, count=10, others=name)
    for name in names:
        clock.now += 0.1
        _next(sessions, 2, traits=Traits(others=name))
    for start in (4, 6, 8):
        for name in names:
            clock.now += 0.1
            pages = [b"%b%d" % (name.encode(), i) for i in (start, start + 1)]
            assert _next(sessions, start) == pages


def test_an_equal_session_that_was_given_up_is_not_continued(
    sessions: PagingSessions, clock: Clock
) -> None:
    """Its client has begun again."""
    _begin(sessions, "a")
    clock.now += 0.1
    assert _next(sessions, 2) == [b"a2", b"a3"]
    clock.now += 0.1
    _begin(sessions, "b")
    for start in (2, 4):
        clock.now += 0.1
        assert _next(sessions, start) == [b"b%d" % start, b"b%d" % (start + 1)]


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

    def look() -> tuple[Iterator[EncodedEntry], int]:
        read.append(None)
        return _answer(), ANY_TIME

    for now in (0.0, 0.1, ENDED_SECONDS - 0.1, SECONDS, SECONDS + 0.1):
        clock.now = now
        assert sessions.page(PageRequest(KEY, start, 200, look)).bodies == []
    assert len(read) == 2


def test_a_session_of_a_short_time_does_not_live_longer_behind_its_end(
    clock: Clock, store: SessionStore
) -> None:
    """Its own time holds."""
    sessions = _sessions(clock, store, seconds=1)
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
    keys = [SessionKey("caller", SINCE.replace(second=i)) for i in range(4)]
    for key in keys[:3]:
        clock.now += 1
        _begin(sessions, key=key)
    clock.now += 1
    assert _next(sessions, 2, key=keys[0]) is not None
    clock.now += 1
    _begin(sessions, key=keys[3])
    assert [_next(sessions, 2, key=key) is not None for key in keys] == [True, False, True, True]


def test_a_session_whose_client_has_everything_makes_room_first(
    sessions: PagingSessions, clock: Clock
) -> None:
    """However short a time ago that was."""
    keys = [SessionKey("caller", SINCE.replace(second=i)) for i in range(4)]
    for key in keys[:3]:
        clock.now += 1
        _begin(sessions, key=key)
    assert _next(sessions, 2, 4, key=keys[2]) == [b"a2", b"a3", b"a4", b"a5"]
    _begin(sessions, key=keys[3])
    assert [_next(sessions, 2, key=key) is not None for key in keys] == [True, True, False, True]


def test_nobody_loses_a_session_to_another_caller(sessions: PagingSessions, clock: Clock) -> None:
    """However often that one asks for the beginning."""
    other = SessionKey("other", SINCE)
    _begin(sessions, key=other)
    for _ in range(9):
        clock.now += 1
        _begin(sessions)
    assert _next(sessions, 2, key=other) == [b"a2", b"a3"]


def test_where_octets_are_used_up_a_new_session_is_refused(
    clock: Clock, store: SessionStore
) -> None:
    """Until another caller's has been read, or is idle for too long."""
    sessions = _sessions(clock, store, octets=25)  # two of 12
    keys = [SessionKey(name, SINCE) for name in "abc"]
    _begin(sessions, key=keys[0])
    _begin(sessions, key=keys[1])
    with pytest.raises(BackendUnavailable, match="no room"):
        _begin(sessions, key=keys[2])
    assert [_next(sessions, 2, key=key) is not None for key in keys] == [True, True, False]
    assert _next(sessions, 4, key=keys[0]) == [b"a4", b"a5"]
    assert _begin(sessions, key=keys[2]) == [b"a0", b"a1"]
    assert [_next(sessions, 2, key=key) is not None for key in keys] == [False, True, True]


def test_what_is_larger_than_all_is_kept_alone(clock: Clock, store: SessionStore) -> None:
    """A caller's own sessions make room for it."""
    sessions = _sessions(clock, store, octets=25)
    _begin(sessions)
    _begin(sessions, "b", count=99)
    assert _next(sessions, 2) == [b"b2", b"b3"]
    assert len(store.names()) == 1


def test_sessions_that_nobody_continues_are_dropped(
    sessions: PagingSessions, store: SessionStore
) -> None:
    """Clients that only ever ask for the beginning do not fill the disk."""
    for _ in range(5):
        _begin(sessions)
    assert len(store.names()) == 3


def test_what_others_did_while_one_waited_for_the_table_is_kept(
    sessions: PagingSessions, clock: Clock
) -> None:
    """Its time is later than the one at which the waiting began."""
    clock.now = 5.0
    _begin(sessions)
    clock.now = 4.9
    _begin(sessions, key=SessionKey("other", SINCE))
    clock.now = 5.1
    assert _next(sessions, 2) == [b"a2", b"a3"]


def test_what_is_left_of_another_run_of_the_system_is_deleted(
    sessions: PagingSessions, clock: Clock, store: SessionStore
) -> None:
    """Its clock has begun anew since."""
    clock.now = 1e6
    _begin(sessions)
    clock.now = 100.0
    _begin(_sessions(clock, store), size=6, count=5)
    assert store.names() == set()


def test_what_is_idle_is_deleted_with_the_next_answer(
    sessions: PagingSessions, clock: Clock, store: SessionStore
) -> None:
    """Large or small."""
    _begin(sessions)
    clock.now = 4 * SECONDS
    _begin(sessions, size=6, count=5)
    assert store.names() == set()


def test_there_is_room_for_one_session_at_least(clock: Clock, store: SessionStore) -> None:
    """The newest one replaces it."""
    sessions = _sessions(clock, store, limit=1)
    _begin(sessions, "a")
    _begin(sessions, "b", size=1)
    assert _next(sessions, 2) == [b"b2", b"b3"]


@pytest.mark.usefixtures("hasty")
def test_eight_threads_do_not_lose_each_others_sessions(store: SessionStore) -> None:
    """Each pages to the end many times, while all the others begin and forget theirs."""
    sessions = PagingSessions(seconds=60, limit=8, octets=MANY, find_store=lambda: store)
    start = threading.Barrier(8)

    def session(number: int) -> int:
        key, whole = SessionKey(f"caller {number}", SINCE), 0
        start.wait()
        for _ in range(40):
            pages = [_begin(sessions, key=key), *(_next(sessions, i, key=key) for i in (2, 4))]
            found = [body for page in pages for body in page or ()]
            whole += found == [f"a{i}".encode() for i in range(6)]
            _next(sessions, 6, key=key)
        return whole

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(session, range(8))) == [40] * 8


def test_all_who_ask_during_a_reading_share_the_next_one(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many they are, the store of people is read twice: once more for them all."""
    sessions = PagingSessions(seconds=60, limit=8, octets=MANY, find_store=lambda: store)
    first_reads, others_wait = threading.Event(), threading.Semaphore(0)
    read: list[None] = []
    wait_for_lock = store.wait_for_lock

    def waiting(since: int) -> Lock:
        others_wait.release()
        return wait_for_lock(since)

    monkeypatch.setattr(store, "wait_for_lock", waiting)

    def answer(number: int) -> Iterator[EncodedEntry]:
        yield from _answer(count=3)
        if not number:
            first_reads.set()
            for _ in range(8):
                assert others_wait.acquire(timeout=60)
        yield from ((b"%03d" % i, i, b"a%d" % i) for i in range(3, 6))
        read.append(None)

    def begin(number: int) -> list[bytes]:
        def look() -> tuple[Iterator[EncodedEntry], int]:
            return answer(number), ANY_TIME

        request = PageRequest(SessionKey(f"caller {number}", SINCE), 0, 2, look)
        return list(sessions.page(request).bodies)

    with ThreadPoolExecutor(9) as pool:
        found = [pool.submit(begin, 0)]
        assert first_reads.wait(60)
        found += [pool.submit(begin, i) for i in range(1, 9)]
        assert [one.result() for one in found] == [[b"a0", b"a1"]] * 9
    assert len(read) == len(store.names()) == 2


def test_who_asks_after_a_reading_began_is_not_shown_what_it_found(
    sessions: PagingSessions, clock: Clock, store: SessionStore
) -> None:
    """People may have been changed between the two."""
    with ThreadPoolExecutor(1) as pool:
        lock = store.lock(to_micros(SINCE))
        assert lock is not None
        waiting = pool.submit(_begin, sessions, "b")
        with lock:
            pass
        assert waiting.result() == [b"b0", b"b1"]
    clock.now += 1
    assert _begin(sessions, "c") == [b"c0", b"c1"]


def test_a_client_that_names_its_session_continues_no_other(
    sessions: PagingSessions, clock: Clock
) -> None:
    """And who names none does not continue one that is named."""
    pages = []
    for name in "ab":
        clock.now += 1
        answer = _answer(name)
        request = PageRequest(KEY, 0, 2, partial(_with_any_time, answer))
        pages.append(sessions.page(request))
    named = [Traits(page.session) for page in pages]
    assert _next(sessions, 2, traits=named[0]) == [b"a2", b"a3"]
    assert _next(sessions, 2, traits=named[1]) == [b"b2", b"b3"]
    assert _next(sessions, 4) is None
    assert _next(sessions, 4, traits=Traits("another")) is None


def test_clients_of_one_caller_are_told_apart_by_what_they_send(
    sessions: PagingSessions, clock: Clock
) -> None:
    """Else by where they are; a token may be replaced on the way."""
    for name in "ab":
        clock.now += 1
        _begin(sessions, name, others=name)
    assert _next(sessions, 2, traits=Traits(others="a")) == [b"a2", b"a3"]
    assert _next(sessions, 2, traits=Traits(others="b")) == [b"b2", b"b3"]
    assert _next(sessions, 4, 1, traits=Traits(others="a")) == [b"a4"]
    assert _next(sessions, 5, 1, traits=Traits(others="new")) == [b"a5"]


def test_another_process_continues_a_session(clock: Clock, tmp_path: Path) -> None:
    """One that has the same folder; a worker may be replaced on the way."""
    one, other = (_sessions(clock, FolderStore(tmp_path / "sessions")) for _ in range(2))
    _begin(one)
    assert _next(other, 2) == [b"a2", b"a3"]
    assert _next(one, 4) == [b"a4", b"a5"]


def test_an_ended_session_is_continued_behind_its_end_alone(sessions: PagingSessions) -> None:
    """The next walk may end between its offsets, and must not be shown what it had already."""
    _begin(sessions, "a", size=1)
    for start in range(1, 7):
        _next(sessions, start, size=1)
    assert _begin(sessions, "b", size=4) == [b"b0", b"b1", b"b2", b"b3"]
    assert _next(sessions, 4, size=4) == [b"b4", b"b5"]
    assert _next(sessions, 5, size=4) == [b"b5"]
    assert _next(sessions, 6, size=4) == []


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
            return _answer(self._name, 9), ANY_TIME

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

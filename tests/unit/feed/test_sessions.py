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

from flask_gluu_changes.snapshot import Snapshot
from flask_gluu_changes.walks import WalkKey, Walks

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
KEY: WalkKey = ("caller", SINCE)
SECONDS = 10.0


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def walks(clock: Clock) -> Walks:
    """Room for three walks, each for ten seconds."""
    return Walks(seconds=SECONDS, limit=3, clock=clock)


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads interrupt each other as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _snapshot(name: str = "a", count: int = 6) -> Snapshot:
    return Snapshot((b"%03d" % i, i, f"{name}{i}".encode()) for i in range(count))


def _begin(walks: Walks, name: str = "a", key: WalkKey = KEY, size: int = 2) -> list[bytes]:
    return walks.advance(walks.begin(key, _snapshot(name)), 0, size).bodies


def _next(walks: Walks, start: int, size: int = 2, key: WalkKey = KEY) -> list[bytes] | None:
    walk = walks.find(key, start)
    return walks.advance(walk, start, size).bodies if walk else None


def test_a_walk_goes_through_one_snapshot(walks: Walks) -> None:
    """Page by page, in sizes that may change on the way."""
    assert _begin(walks) == [b"a0", b"a1"]
    assert _next(walks, 2, 3) == [b"a2", b"a3", b"a4"]
    assert _next(walks, 5) == [b"a5"]


@pytest.mark.parametrize("key", [("other", SINCE), ("caller", SINCE.replace(microsecond=1000))])
def test_walks_of_other_callers_and_times_are_not_found(walks: Walks, key: WalkKey) -> None:
    """Both belong to the key."""
    _begin(walks)
    assert walks.find(key, 2) is None


def test_each_page_comes_from_the_walk_that_was_served_up_to_it(walks: Walks) -> None:
    """Several clients may walk as the same caller from the same time."""
    _begin(walks, "a", size=2)
    _begin(walks, "b", size=3)
    assert _next(walks, 2) == [b"a2", b"a3"]
    assert _next(walks, 3) == [b"b3", b"b4"]
    assert _next(walks, 4) == [b"a4", b"a5"]


def test_of_equal_walks_and_for_unknown_offsets_the_newest_counts(walks: Walks) -> None:
    """It is the nearest to what the store holds now."""
    _begin(walks, "a")
    _begin(walks, "b")
    assert _next(walks, 2) == [b"b2", b"b3"]
    assert _next(walks, 1, 1) == [b"b1"]


def test_a_page_may_be_asked_for_again(walks: Walks) -> None:
    """A client that lost an answer gets the same one."""
    _begin(walks)
    assert _next(walks, 2) == _next(walks, 2) == [b"a2", b"a3"]


def test_a_walk_is_kept_while_it_makes_progress(walks: Walks, clock: Clock) -> None:
    """However long it takes in all."""
    _begin(walks)
    for start in (2, 3, 4):
        clock.now += SECONDS - 1
        assert _next(walks, start, 1) == [b"a%d" % start]


def test_a_walk_that_rests_is_forgotten(walks: Walks, clock: Clock) -> None:
    """From the very second on; the page must be looked up anew then."""
    _begin(walks)
    clock.now = SECONDS
    assert walks.find(KEY, 2) is None


def test_asking_again_for_a_page_is_no_progress(walks: Walks, clock: Clock) -> None:
    """A client that polls one page would be shown the same snapshot for ever."""
    _begin(walks)
    _next(walks, 2)
    clock.now = SECONDS - 1
    assert _next(walks, 2) is not None
    clock.now = SECONDS
    assert _next(walks, 2) is None


@pytest.mark.parametrize("start", [6, 7, 100])
def test_a_page_behind_the_end_forgets_the_walk(walks: Walks, start: int) -> None:
    """A client that waits at the end for new people will see them."""
    _begin(walks)
    assert _next(walks, start) == []
    assert walks.find(KEY, 2) is None


def test_the_last_page_does_not_forget_the_walk(walks: Walks) -> None:
    """It may be lost on its way, and asked for again."""
    _begin(walks)
    assert _next(walks, 4) == _next(walks, 4) == [b"a4", b"a5"]


def test_the_walk_that_rested_longest_makes_room(walks: Walks, clock: Clock) -> None:
    """Not the one that began first, when that has made progress since."""
    keys = [(name, SINCE) for name in "abcd"]
    for key in keys[:3]:
        clock.now += 1
        _begin(walks, key=key)
    clock.now += 1
    assert _next(walks, 2, key=keys[0]) is not None
    clock.now += 1
    _begin(walks, key=keys[3])
    assert [walks.find(key, 2) is not None for key in keys] == [True, False, True, True]


def test_walks_that_nobody_continues_are_let_go(walks: Walks) -> None:
    """Clients that only ever ask for the beginning do not fill the memory."""
    begun = [walks.begin(KEY, _snapshot()) for _ in range(5)]
    kept = [weakref.ref(walk.snapshot) for walk in begun]
    begun.clear()
    gc.collect()
    assert [snapshot() is not None for snapshot in kept] == [False, False, True, True, True]


def test_there_is_room_for_one_walk_at_least(clock: Clock) -> None:
    """The newest one replaces it."""
    walks = Walks(seconds=SECONDS, limit=1, clock=clock)
    _begin(walks, "a")
    _begin(walks, "b", size=1)
    assert _next(walks, 2) == [b"b2", b"b3"]


@pytest.mark.usefixtures("hasty")
def test_eight_threads_do_not_lose_each_others_walks(clock: Clock) -> None:
    """Each walks to the end many times, while all the others begin and forget theirs."""
    walks, start = Walks(seconds=SECONDS, limit=8, clock=clock), threading.Barrier(8)

    def walk(number: int) -> int:
        key, name, whole = (f"caller {number}", SINCE), f"{number}-", 0
        start.wait()
        for _ in range(300):
            pages = [_begin(walks, name, key), _next(walks, 2, 2, key), _next(walks, 4, 2, key)]
            found = [body for page in pages for body in page or ()]
            whole += found == [f"{number}-{i}".encode() for i in range(6)]
            _next(walks, 6, 2, key)
        return whole

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(walk, range(8))) == [300] * 8

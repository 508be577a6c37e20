"""Threads and processes share sessions, and what is read at one moment."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.feed.folder_store import FolderStore
from flask_gluu_changes.feed.page_request import PageRequest, SessionKey
from flask_gluu_changes.feed.sessions import PagingSessions
from flask_gluu_changes.feed.snapshot import ANY_TIME
from flask_gluu_changes.feed.stores import Lock, SessionStore
from flask_gluu_changes.timestamps import to_micros
from tests.support.clocks import Clock

from .walks import (
    MANY,
    SINCE,
    answer_of,
    begin,
    next_page,
    sessions_with,
)


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads interrupt each other as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_eight_threads_do_not_lose_each_others_sessions(store: SessionStore) -> None:
    """Each pages to the end many times, while all the others begin and forget theirs."""
    sessions = PagingSessions(seconds=60, limit=8, octets=MANY, find_store=lambda: store)
    start = threading.Barrier(8)

    def session(number: int) -> int:
        key, whole = SessionKey(f"caller {number}", SINCE), 0
        start.wait()
        for _ in range(40):
            pages = [begin(sessions, key=key), *(next_page(sessions, i, key=key) for i in (2, 4))]
            found = [body for page in pages for body in page or ()]
            whole += found == [f"a{i}".encode() for i in range(6)]
            next_page(sessions, 6, key=key)
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
        yield from answer_of(count=3)
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
        waiting = pool.submit(begin, sessions, "b")
        with lock:
            pass
        assert waiting.result() == [b"b0", b"b1"]
    clock.now += 1
    assert begin(sessions, "c") == [b"c0", b"c1"]


def test_another_process_continues_a_session(clock: Clock, tmp_path: Path) -> None:
    """One that has the same folder; a worker may be replaced on the way."""
    one, other = (sessions_with(clock, FolderStore(tmp_path / "sessions")) for _ in range(2))
    begin(one)
    assert next_page(other, 2) == [b"a2", b"a3"]
    assert next_page(one, 4) == [b"a4", b"a5"]

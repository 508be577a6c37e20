"""What a forked process shares with its parent, and what it does not."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from flask_gluu_changes import forks
from flask_gluu_changes.journal.long_poll import HeadWatcher
from flask_gluu_changes.protection.caching import Clock, SingleFlight
from flask_gluu_changes.protection.http import HttpClient
from tests.support.journals import Journal, file_engine

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),  # of a process with threads
]


def in_child(holds: Callable[[], bool]) -> bool:
    """Tell what a forked process says, within a few seconds."""
    child = os.fork()
    if child == 0:
        threading.Timer(20, os._exit, [2]).start()
        try:
            os._exit(0 if holds() else 1)
        finally:
            os._exit(3)
    return os.waitpid(child, 0)[1] == 0


class Owner:
    """Something that is told of forks."""

    def __init__(self) -> None:
        self.told: list[str] = []
        forks.before_fork(self, lambda owner: owner.told.append("before"))
        forks.in_parent(self, lambda owner: owner.told.append("parent"))
        forks.in_child(self, lambda owner: owner.told.append("child"))


def test_owners_are_told_as_long_as_they_live() -> None:
    """The parent before the fork and after it, the child after it, and nobody who is gone."""
    owner: Owner | None = Owner()
    assert in_child(lambda: owner is not None and owner.told == ["before", "child"])
    assert owner is not None
    assert owner.told == ["before", "parent"]
    owner = None
    gc.collect()
    known = [known() for known, _ in (*forks._before, *forks._in_parent, *forks._in_child)]
    assert not any(isinstance(one, Owner) for one in known)


def test_a_lock_that_another_thread_holds_is_free_in_the_child() -> None:
    """That thread is not there, so nobody else would ever free it."""
    lock, entered, leave = forks.new_lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            entered.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    assert in_child(lambda: lock.acquire(timeout=5))
    assert lock.locked()
    leave.set()
    holder.join()


def test_a_lock_that_threads_fight_for_is_free_in_the_child() -> None:
    """Also between two of them, when Python itself does not know that one has it."""
    lock, ended = forks.new_lock(), threading.Event()

    def fight() -> None:
        while not ended.is_set():
            with lock:
                sum(range(50))

    threads = [threading.Thread(target=fight) for _ in range(2)]
    for thread in threads:
        thread.start()
    free = [in_child(lambda: lock.acquire(timeout=5)) for _ in range(20)]
    ended.set()
    for thread in threads:
        thread.join(20)
    assert all(free)


def test_work_of_a_thread_that_is_gone_is_not_waited_for() -> None:
    """A child does by itself what a thread of its parent was doing."""
    flight: SingleFlight[int] = SingleFlight()
    flight._pending["key"] = Future()
    assert in_child(lambda: flight.share("key", lambda: 7) == 7)


def test_a_child_has_a_watcher_of_its_own() -> None:
    """It wakes those who wait in the child."""
    watcher = HeadWatcher(lambda: 0)
    waiting = threading.Thread(target=watcher.wait, args=(0, 30), kwargs={"gone": _never})
    waiting.start()
    while not watcher._waiters:
        os.sched_yield()
    assert in_child(lambda: watcher.wait(1, 15, gone=_never))
    watcher.close()
    waiting.join()


def _never() -> bool:
    return False


def test_a_child_has_a_client_of_its_own() -> None:
    """Its parent's sockets stay its parent's."""
    client = HttpClient(connect_seconds=1, read_seconds=1, ca_file="", clock=Clock())
    before = client._pool()
    assert in_child(lambda: client._pool() is not before)
    assert client._pool() is before
    client.close()


def test_no_open_file_of_sqlite_reaches_the_child(tmp_path: Path) -> None:
    """SQLite would take its parent's locks for its own."""
    journal = Journal(file_engine(tmp_path))
    journal.put("a")

    def is_open() -> bool:
        files = (os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd"))
        return any(file.startswith(str(tmp_path)) for file in files)

    assert is_open()
    assert in_child(lambda: not is_open() and journal.backend.latest().until == 1)
    assert journal.backend.latest().until == 1
    journal.backend.close()

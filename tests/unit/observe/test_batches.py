"""What is left to another thread: it is taken in order, once, and soon."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from threading import Event, Thread, Timer
from time import monotonic, sleep

import pytest

from flask_gluu_changes.observe import batches as module
from flask_gluu_changes.observe.batches import Batches
from tests.support.paths import ROOT

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # with threads

LATER = 61.0
"""Seconds that no test waits for."""


class Taken:
    """What was handed over."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def take(self, items: list[str]) -> None:
        self.batches.append(items)

    def slowly(self) -> tuple[Callable[[list[str]], None], Event, Event]:
        """Return what takes when the first event is set, and sets the second when it begins."""
        goes_on, begun = Event(), Event()

        def take(items: list[str]) -> None:
            begun.set()
            goes_on.wait(20)
            self.take(items)

        return take, goes_on, begun

    @property
    def items(self) -> list[str]:
        return [item for batch in self.batches for item in batch]


@pytest.fixture
def taken() -> Taken:
    return Taken()


def test_items_are_taken_after_the_interval(taken: Taken) -> None:
    """Together, and again when there are more; nobody needs to come for it."""
    batches = Batches(taken.take, 0.05)
    for number in range(3):
        batches.put(f"{number} a")
        batches.put(f"{number} b")
        until = monotonic() + 20
        while len(taken.batches) <= number:
            assert monotonic() < until
            sleep(0.005)
    assert taken.batches == [[f"{number} a", f"{number} b"] for number in range(3)]


def test_a_flush_hands_over_at_once(taken: Taken) -> None:
    """All there is, in order; nothing where there is nothing."""
    batches = Batches(taken.take, LATER)
    batches.flush()
    names = [f"{number}" for number in range(50)]
    for name in names:
        batches.put(name)
    assert not taken.batches
    batches.flush()
    batches.flush()
    assert taken.batches == [names]


@pytest.mark.parametrize("interval", [0.0, 0.001, LATER])
def test_many_threads_lose_nothing(interval: float, taken: Taken) -> None:
    """Each one's items are taken once, in its order, whoever flushes meanwhile."""
    batches = Batches(taken.take, interval)

    def put(thread: int) -> None:
        for number in range(2000):
            batches.put(f"{thread}-{number}")
            if number % 100 == 99:
                batches.flush()

    threads = [Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    batches.flush()
    for thread_number in range(4):
        own = [item for item in taken.items if item.startswith(f"{thread_number}-")]
        assert own == [f"{thread_number}-{number}" for number in range(2000)]


def test_an_item_that_comes_while_others_are_taken_is_taken_too() -> None:
    """By the thread that it gets for itself."""
    found: list[str] = []
    both = Event()

    def take(items: list[str]) -> None:
        if items == ["first"]:
            batches.put("second")
        found.extend(items)
        if len(found) == 2:
            both.set()

    batches = Batches(take, 0.01)
    batches.put("first")
    assert both.wait(20)
    assert found == ["first", "second"]


def test_without_a_thread_items_are_taken_at_once(
    taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python starts none when it ends, and some systems allow only so many."""

    def refuse(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    batches = Batches(taken.take, LATER)
    batches.put("a")
    batches.put("b")
    assert taken.batches == [["a"], ["b"]]


def test_where_threads_do_not_run_the_next_item_finds_it_late(
    taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After twice the interval."""
    monkeypatch.setattr(Thread, "start", lambda thread: None)
    batches = Batches(taken.take, 0.02)
    batches.put("a")
    batches.put("b")
    assert not taken.batches
    sleep(0.041)
    batches.put("c")
    assert taken.batches == [["a", "b", "c"]]
    batches.put("d")
    assert len(taken.batches) == 1


def test_nobody_waits_for_one_who_takes_slowly(taken: Taken) -> None:
    """A disk that hangs holds no request up, as long as there is room; then nothing is lost."""
    take, goes_on, begun = taken.slowly()
    batches = Batches(take, 0.0)
    names = [f"{number}" for number in range(200)]

    def put() -> None:
        for name in names:
            batches.put(name)
            begun.wait(20)

    thread = Thread(target=put)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert not taken.batches
    goes_on.set()
    batches.flush()
    assert taken.items == names


def test_too_many_items_wait_for_room(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a disk that hangs would fill the memory."""
    monkeypatch.setattr(module, "MOST", 3)
    take, goes_on, begun = taken.slowly()
    batches = Batches(take, 0.0)
    batches.put("0")
    assert begun.wait(20)
    count = 0

    def put() -> None:
        nonlocal count
        while count < 9:
            batches.put(f"{count}")
            count += 1

    thread = Thread(target=put)
    thread.start()
    thread.join(0.3)
    assert (thread.is_alive(), count) == (True, 3)
    goes_on.set()
    thread.join(20)
    batches.flush()
    assert len(taken.items) == 10


def test_what_raises_is_logged_and_the_rest_goes_on(
    taken: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    """With the number of items that are lost."""

    def take(items: list[str]) -> None:
        if "bad" in items:
            raise OSError("no room")
        taken.take(items)

    batches = Batches(take, LATER)
    for batch in (["a", "bad"], ["b"]):
        for item in batch:
            batches.put(item)
        batches.flush()
    assert taken.batches == [["b"]]
    (told,) = caplog.records
    assert told.getMessage() == "what requests left to another thread is lost; items: 2"


def _program(lines: str) -> str:
    program = f"import os, sys\nfrom flask_gluu_changes.observe.batches import Batches\n{lines}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=True,
    )
    return done.stdout


def test_a_process_that_ends_hands_over_what_it_has() -> None:
    """And what comes while Python ends: what is registered first is called last."""
    printed = _program(
        "import atexit\n"
        "batches = Batches(print, 60)\n"
        "atexit.register(batches.put, 'last'); batches.put('first')"
    )
    assert printed == "['first', 'last']\n"


def test_one_that_fails_or_hangs_at_the_end_leaves_the_others() -> None:
    """The end of the process does not wait for ever, and the log counts what is lost."""
    printed = _program(
        "import logging, threading\n"
        "logging.basicConfig(stream=sys.stdout, format='%(message)s')\n"
        "begun = threading.Event()\n"
        "hang = lambda items: (begun.set(), threading.Event().wait(30))\n"
        "hung = Batches(hang, 0); hung.put(1); begun.wait(20); hung.put(2)\n"
        "failing = Batches(lambda items: 1 / 0, 60); failing.put(1)\n"
        "good = Batches(print, 60); good.put('good')"
    )
    assert "['good']\n" in printed
    for lost in (1, 2):
        assert f"what requests left to another thread is lost; items: {lost}\n" in printed


def test_a_forked_process_begins_without_any() -> None:
    """What its parent has is its parent's, and it gets threads of its own."""
    printed = _program(
        "batches = Batches(lambda items: print(*items, flush=True), 0.2)\n"
        "batches.put('of the parent')\n"
        "if not os.fork():\n"
        "    batches.put('of the child'); batches.flush(); os._exit(0)\n"
        "os.wait()"
    )
    assert sorted(printed.splitlines()) == ["of the child", "of the parent"]


def test_a_child_hands_over_nothing_of_its_parents(taken: Taken) -> None:
    """Else records would be written twice."""
    batches = Batches(taken.take, LATER)
    batches.put("parent")
    child = os.fork()
    if not child:
        Timer(20, os._exit, [2]).start()
        batches.flush()
        os._exit(len(taken.items))
    assert os.waitpid(child, 0)[1] == 0
    batches.flush()
    assert taken.items == ["parent"]


def test_a_thread_that_waits_keeps_no_process_alive(taken: Taken) -> None:
    """What it would hand over is handed over when Python ends; it ends when that is done."""
    before = threading.enumerate()
    batches = Batches(taken.take, LATER)
    batches.put("a")
    (waiting,) = {*threading.enumerate()}.difference(before)
    assert waiting.daemon
    batches.flush()
    waiting.join(20)
    assert not waiting.is_alive()


def test_an_item_waits_a_tenth_of_a_second(taken: Taken) -> None:
    """As the manual says."""
    before = threading.enumerate()
    Batches(taken.take).put("a")
    (waiting,) = {*threading.enumerate()}.difference(before)
    assert isinstance(waiting, Timer)
    assert waiting.interval == 0.1


def test_a_fork_waits_until_items_are_taken(taken: Taken) -> None:
    """Locks that are held meanwhile, such as prometheus-client's, would never be free again."""
    take, goes_on, begun = taken.slowly()
    batches = Batches(take, 0.0)
    batches.put("a")
    assert begun.wait(20)
    Timer(0.2, goes_on.set).start()
    child = os.fork()
    if not child:
        os._exit(0 if taken.items == ["a"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    batches.put("b")
    batches.flush()
    assert taken.items == ["a", "b"]


def test_a_fork_while_items_are_taken_does_not_block_the_child() -> None:
    """The lock of a thread that the child does not have is free there."""
    child: list[Callable[[], int]] = []

    def take(items: list[str]) -> None:
        if items == ["parent"]:
            pid = os.fork()
            if not pid:
                Timer(20, os._exit, [2]).start()
                batches.put("child")
                batches.flush()
                os._exit(0)
            child.append(lambda: os.waitpid(pid, 0)[1])

    batches = Batches(take, LATER)
    batches.put("parent")
    batches.flush()
    assert child[0]() == 0

"""What a forked process must not share with its parent, in one place for pools, caches and threads.

Servers fork their workers, often after the application was made and asked something (gunicorn's
preload, uWSGI, multiprocessing). A line to a server would then have two speakers, a lock that some
thread held would never be free again, and threads are gone. Objects are known here by weak
references, so nothing lives longer than without.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet, ref

T = TypeVar("T")

_Actions = list[tuple["ref[Any]", Callable[[Any], object]]]

_before: _Actions = []
_in_parent: _Actions = []
_in_child: _Actions = []
_locks: WeakSet[Any] = WeakSet()


def before_fork(owner: T, act: Callable[[T], object]) -> None:
    """Have an object give up, before each fork, what no child may inherit."""
    _register(_before, owner, act)


def in_parent(owner: T, act: Callable[[T], object]) -> None:
    """Have an object go on, after each fork, in the process that forked."""
    _register(_in_parent, owner, act)


def in_child(owner: T, act: Callable[[T], object]) -> None:
    """Have an object forget, in each forked process, what belongs to the parent."""
    _register(_in_child, owner, act)


def new_lock() -> threading.Lock:
    """Return a lock that is free in every forked process: whoever held it is not there."""
    lock = threading.Lock()
    _locks.add(lock)
    return lock


def process_tag(pid: int) -> str:
    """Name a process of this machine beyond doubt; empty where that is not possible.

    A number alone may be given to another process, and means another one in another container.
    """
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except (OSError, IndexError):
        return ""
    return f".{pid}.{started}.{namespace}"


def _register(actions: _Actions, owner: T, act: Callable[[T], object]) -> None:
    def forget(dead: ref[T]) -> None:
        actions[:] = [action for action in actions if action[0] is not dead]

    actions.append((ref(owner, forget), act))


def _run(actions: _Actions) -> None:
    for owner, act in list(actions):
        if (alive := owner()) is not None:
            act(alive)


def _begin_child() -> None:
    for lock in list(_locks):
        # as Python's own modules do: `locked` says no of one that a thread is just about to get
        lock._at_fork_reinit()
    _run(_in_child)


if hasattr(os, "register_at_fork"):  # where processes cannot be forked, there is none
    os.register_at_fork(
        before=lambda: _run(_before),
        after_in_parent=lambda: _run(_in_parent),
        after_in_child=_begin_child,
    )

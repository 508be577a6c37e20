"""Paging sessions that one process keeps for itself."""

from __future__ import annotations

import mmap
import os
import sqlite3
import threading
from tempfile import TemporaryFile
from typing import IO
from weakref import WeakValueDictionary

from .. import forks
from .stores import PATIENCE, Lock, NoLock, SessionStore, connect


class PrivateStore(SessionStore):
    """Is known to this process alone: its files have no names, and go with it."""

    is_shared = False

    def __init__(self) -> None:
        self._data: dict[str, mmap.mmap] = {}
        # a lock lives as long as somebody holds it or waits for it
        self._locks: WeakValueDictionary[int, threading.Lock] = WeakValueDictionary()
        self._guard = forks.new_lock()
        forks.in_child(self, PrivateStore._forget_inherited)

    def connect(self) -> sqlite3.Connection:
        """Return a connection to the database of the table of sessions."""
        return connect(":memory:")

    def is_current(self) -> bool:
        """Return whether the connection that was opened last leads to the table still."""
        return True

    def create(self, name: str) -> IO[bytes]:
        """Return a file for a snapshot, which nobody sees before it is published."""
        try:
            return TemporaryFile(prefix="gluu-changes-", buffering=0)
        except FileNotFoundError:  # there is no folder that could be written
            return os.fdopen(os.memfd_create("gluu-changes"), "w+b", buffering=0)

    def publish(self, name: str, file: IO[bytes]) -> None:
        """Have a file that was written be the snapshot of this name."""
        self._data[name] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def open(self, name: str) -> mmap.mmap | None:
        """Return the content of a snapshot; None where it is gone."""
        return self._data.get(name)

    def drop(self, name: str) -> None:
        """Delete a snapshot. Who reads it may go on to."""
        self._data.pop(name, None)

    def names(self) -> set[str]:
        """Return the names of all snapshots."""
        return {*self._data}

    def lock(self, since: int) -> Lock | None:
        """Return the lock for reading an answer; None where somebody has it."""
        lock = self._lock_of(since)
        return ThreadLock(lock) if lock.acquire(blocking=False) else None

    def wait_for_lock(self, since: int) -> Lock:
        """Return the same lock when it is free, or was held for too long."""
        lock = self._lock_of(since)
        return ThreadLock(lock) if lock.acquire(timeout=PATIENCE) else NoLock()

    def _lock_of(self, since: int) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(since, threading.Lock())

    def _forget_inherited(self) -> None:
        self._data.clear()
        self._locks.clear()


class ThreadLock(Lock):
    """A lock among the threads of a process."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def release(self) -> None:
        """Let somebody else have the lock."""
        self._lock.release()

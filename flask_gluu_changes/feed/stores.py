"""Where snapshots and the table of paging sessions lie: in a folder of the host, or in memory."""

from __future__ import annotations

import mmap
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

PATIENCE = 30.0
"""Seconds that one waits for the answer that somebody else reads; then one reads it oneself."""

LOCK_PATIENCE = 5.0
"""Seconds that one waits for the lock of the table."""


class SessionStore(ABC):
    """Keeps the snapshots of paging sessions, and has one process at a time read an answer.

    Attributes:
        is_shared: Whether other processes use it as well.
    """

    is_shared: bool

    @abstractmethod
    def connect(self) -> sqlite3.Connection:
        """Return a connection to the database of the table of sessions."""

    @abstractmethod
    def is_current(self) -> bool:
        """Return whether the connection that was opened last leads to the table still."""

    @abstractmethod
    def create(self, name: str) -> IO[bytes]:
        """Return a file for a snapshot, which nobody sees before it is published."""

    @abstractmethod
    def publish(self, name: str, file: IO[bytes]) -> None:
        """Have a file that was written be the snapshot of this name."""

    @abstractmethod
    def open(self, name: str) -> mmap.mmap | None:
        """Return the content of a snapshot; None where it is gone."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Delete a snapshot. Who reads it may go on to."""

    @abstractmethod
    def names(self) -> set[str]:
        """Return the names of all snapshots."""

    @abstractmethod
    def lock(self, since: int) -> Lock | None:
        """Return the lock for reading the answer since a time; None where somebody has it."""

    @abstractmethod
    def wait_for_lock(self, since: int) -> Lock:
        """Return the same lock when it is free; after PATIENCE one goes on without it."""

    def discard_table(self) -> None:
        """Delete the database of the table, which is broken."""


class Lock(ABC):
    """Is held until it is released, at the latest with the process."""

    @abstractmethod
    def release(self) -> None:
        """Let somebody else have it."""

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class NoLock(Lock):
    """Stands for a lock that was waited for in vain."""

    def release(self) -> None:
        """Do nothing."""


def connect(name: str) -> sqlite3.Connection:
    """Open a database of SQLite's for all threads, whose transactions begin where one says so."""
    return sqlite3.connect(
        name, timeout=LOCK_PATIENCE, isolation_level=None, check_same_thread=False
    )


@contextmanager
def closed_if_failing(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection where it cannot be made ready: Python warns of those that are left."""
    try:
        yield
    except sqlite3.Error:
        connection.close()
        raise

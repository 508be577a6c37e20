"""A folder for paging sessions that all processes of one user on one host share."""

from __future__ import annotations

import mmap
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from .stores import PATIENCE, Lock, NoLock, SessionStore, closed_if_failing, connect

if sys.platform != "win32":  # where each process keeps its sessions for itself
    import fcntl

TABLE = "sessions.db"

SUFFIX = ".snapshot"

UNFINISHED = ".part"

FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.05
"""Seconds between two looks whether a lock is free."""

IN_USE = "in-use"
"""A file that each process with the folder has locked."""

OWNER_ONLY = 0o600

FOLDER_MODE = 0o700


class FolderStore(SessionStore):
    """A folder that all processes of one user on one host share.

    folder: for its owner alone.
    """

    is_shared = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / TABLE
        self._opened = 0
        self._used: int | None = None

    def connect(self) -> sqlite3.Connection:
        """Return a connection to the database of the table of sessions."""
        self._folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        self._use()
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY))
        connection = connect(str(self._file))
        with closed_if_failing(connection):
            # what a crash of the machine loses is lost with the walks that it interrupts
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
        self._opened = self._file.stat().st_ino
        self._delete_unfinished()
        return connection

    def is_current(self) -> bool:
        """Return whether the connection that was opened last leads to the table still."""
        try:
            return os.stat(self._file).st_ino == self._opened
        except OSError:  # somebody has cleared the folder for temporary files
            return False

    def create(self, name: str) -> IO[bytes]:
        """Return a file for a snapshot, which nobody sees before it is published."""
        path = self._folder / f"{name}{UNFINISHED}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return os.fdopen(descriptor, "w+b", buffering=0)

    def publish(self, name: str, file: IO[bytes]) -> None:
        """Have a file that was written be the snapshot of this name."""
        (self._folder / f"{name}{UNFINISHED}").rename(self._path(name))

    def open(self, name: str) -> mmap.mmap | None:
        """Return the content of a snapshot; None where it is gone."""
        try:
            with self._path(name).open("rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            return None

    def drop(self, name: str) -> None:
        """Delete a snapshot. Who reads it may go on to."""
        for suffix in (SUFFIX, UNFINISHED):
            (self._folder / f"{name}{suffix}").unlink(missing_ok=True)

    def names(self) -> set[str]:
        """Return the names of all snapshots."""
        return {path.stem for path in self._folder.glob(f"*{SUFFIX}")}

    def lock(self, since: int) -> Lock | None:
        """Return the lock for reading an answer; None where somebody has it."""
        self._folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        return FileLock.take(self._folder / f"{since}.lock")

    def wait_for_lock(self, since: int) -> Lock:
        """Return the same lock when it is free, or was held for too long."""
        for _ in _pauses():
            if (lock := self.lock(since)) is not None:
                return lock
        return NoLock()  # its holder is stuck, or a child has inherited it from a dead one

    def discard_table(self) -> None:
        """Delete the database of the table, which is broken."""
        for suffix in ("", "-wal", "-shm"):
            self._file.with_name(f"{TABLE}{suffix}").unlink(missing_ok=True)

    def _use(self) -> None:
        """Have others see that the folder is in use, until this process and its children end."""
        if self._used is not None:
            os.close(self._used)
        path = self._folder / IN_USE
        self._used = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
        fcntl.flock(self._used, fcntl.LOCK_SH)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"

    def _delete_unfinished(self) -> None:
        """Delete what processes were writing that are dead; the living hold its lock."""
        for path in self._folder.glob(f"*{UNFINISHED}"):
            if (lock := FileLock.take(path)) is not None:
                lock.release()


class FileLock(Lock):
    """A lock by a file, which is deleted with it; the system frees that of a dead process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> FileLock | None:
        """Return the lock; None where somebody has it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return cls(path, descriptor)
        except (BlockingIOError, FileNotFoundError):  # the file went with its holder's lock
            pass
        os.close(descriptor)
        return None

    def release(self) -> None:
        """Let somebody else have the lock."""
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._descriptor), os.stat(self._path)):
                self._path.unlink()
        # for whoever has inherited it as well
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)


def _pauses() -> Iterator[None]:
    """Wait a little, again and again, for PATIENCE in all."""
    pause, end = FIRST_PAUSE, monotonic() + PATIENCE
    while monotonic() < end:
        sleep(pause)
        yield
        pause = min(2 * pause, LONGEST_PAUSE)

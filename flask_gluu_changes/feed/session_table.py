"""The table of paging sessions, which all processes with the same store share."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from weakref import finalize

from .. import forks
from .stores import SessionStore, closed_if_failing

_TABLES = (
    "CREATE TABLE IF NOT EXISTS snapshot (name TEXT PRIMARY KEY, since INTEGER, began REAL,"
    " length INTEGER, octets INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS session (name TEXT PRIMARY KEY, caller TEXT, since INTEGER,"
    " snapshot TEXT, length INTEGER, last INTEGER, next INTEGER, reached INTEGER, ended INTEGER,"
    " began REAL, progressed REAL, traits TEXT) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS session_key ON session (caller, since)",
)

_FIND = "SELECT * FROM session WHERE caller = ? AND since = ? AND progressed > ?"

_KEPT = "SELECT * FROM session WHERE snapshot != '' ORDER BY ended DESC, progressed"

_COUNT = "SELECT count(*) FROM session WHERE snapshot != '' AND ended < 2 AND progressed > ?"

_PUT = "REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


SURELY_ANOTHER_RUN = 60.0
"""Seconds that the system's clock cannot go on while one waits for the table."""


class SessionRow(NamedTuple):
    """One client's progress through a snapshot.

    Attributes:
        name: Tells it apart from all others.
        caller: Whose it is, as a digest.
        since: The time that was asked for, in microseconds since the epoch.
        snapshot: The name of what its pages are cut from; empty where the first page was all.
        length: The number of entries.
        last: The offset of the page that was cut last.
        next: The offset behind it, by the size that was asked for.
        reached: The highest one of these.
        ended: Whether there are no pages that its client has not been given: 1 after the last one,
            2 after one behind the end.
        began: When it began, in seconds of the system's monotonic clock.
        progressed: When it came further, in the same.
        traits: What else tells its client apart, as a digest.
    """

    name: str
    caller: str
    since: int
    snapshot: str
    length: int
    last: int
    next: int
    reached: int
    ended: int
    began: float
    progressed: float
    traits: str

    def may_continue(self, start: int) -> bool:
        """Return whether a page may be cut from it; from an ended one only those behind its end.

        What it showed is older than what a newer session of the same client shows.
        """
        return start >= self.length or (bool(self.snapshot) and self.ended < 2)


class SnapshotRow(NamedTuple):
    """An answer that sessions go through.

    Attributes:
        name: The name in the store.
        since: The time that was asked for, in microseconds since the epoch.
        began: When its reading began, in seconds of the system's monotonic clock.
        length: The number of entries.
        octets: What it takes in the store.
    """

    name: str
    since: int
    began: float
    length: int
    octets: int


class SessionTable:
    """Reads and writes the rows; each method is one transaction of all processes.

    Errors are sqlite3's own, and OSError.
    """

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._lock = forks.new_lock()
        self._connection: sqlite3.Connection | None = None
        if store.is_shared:
            # a file of SQLite's must not even be known in a child (its "How To Corrupt", 2.6)
            forks.before_fork(self, SessionTable.close)
        else:
            forks.in_child(self, SessionTable._close)

    def advance(
        self,
        caller: str,
        since: int,
        alive: float,
        choose: Callable[[Sequence[SessionRow]], SessionRow | None],
    ) -> SessionRow | None:
        """Have one of a caller's sessions go on; return its new row.

        alive: sessions that progressed before this time are over. choose: is given the sessions of
        the key, and returns the row of one as it shall be.
        """
        with self._transaction() as connection:
            found = connection.execute(_FIND, (caller, since, alive))
            row = choose([SessionRow(*one) for one in found])
            if row is not None:
                connection.execute(_PUT, row)
            return row

    def put(self, row: SessionRow) -> None:
        """Write a session whose snapshot is there, or that needs none."""
        with self._lock:
            self._opened().execute(_PUT, row)

    def begin(
        self,
        row: SessionRow,
        snapshot: SnapshotRow,
        make_room: Callable[[Sequence[SessionRow], dict[str, int]], Sequence[SessionRow]],
        publish: Callable[[], None],
    ) -> None:
        """Write a session with its snapshot.

        make_room: is given all sessions, those first that are done with and then those that are
        idle for longest, and the octets of all snapshots by name; it returns the sessions that are
        dropped. publish: is called before the rows are there for others.
        """
        with self._transaction() as connection:
            kept = [SessionRow(*one) for one in connection.execute(_KEPT)]
            sizes = {one.name: one.octets for one in self._snapshots(connection)}
            dropped = make_room(kept, sizes)
            connection.executemany(
                "DELETE FROM session WHERE name = ?", [(one.name,) for one in dropped]
            )
            publish()
            connection.execute("INSERT INTO snapshot VALUES (?, ?, ?, ?, ?)", snapshot)
            connection.execute(_PUT, row)
            self._drop_unused(connection)

    def newest(self, since: int) -> SnapshotRow | None:
        """Return the snapshot of the answer since a time whose reading began last."""
        with self._transaction() as connection:
            query = "SELECT * FROM snapshot WHERE since = ? ORDER BY began DESC LIMIT 1"
            found = connection.execute(query, (since,)).fetchone()
            return found and SnapshotRow(*found)

    def count(self, alive: float) -> int:
        """Return how many sessions there are whose progress was after a time."""
        with self._transaction() as connection:
            ((number,),) = connection.execute(_COUNT, (alive,))
        return int(number)

    def expire(self, alive: float, now: float) -> None:
        """Forget the sessions that progressed before a time, and of another run of the system.

        now: the time when this was asked for; others may have progressed since.
        """
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM session WHERE progressed <= ? OR progressed > ?",
                (alive, now + SURELY_ANOTHER_RUN),
            )
            self._drop_unused(connection)

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        with self._lock:
            self._close()

    def discard(self) -> None:
        """Begin with an empty table, since the database is broken."""
        with self._lock:
            self._close()
            self._store.discard_table()

    def _drop_unused(self, connection: sqlite3.Connection) -> None:
        """Drop snapshots without a session, and files without a row of a process that was ended."""
        connection.execute("DELETE FROM snapshot WHERE name NOT IN (SELECT snapshot FROM session)")
        for name in self._store.names() - {one.name for one in self._snapshots(connection)}:
            self._store.drop(name)

    def _snapshots(self, connection: sqlite3.Connection) -> list[SnapshotRow]:
        return [SnapshotRow(*one) for one in connection.execute("SELECT * FROM snapshot")]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and not self._store.is_current():
            self._close()
        if self._connection is None:
            connection = self._store.connect()
            with closed_if_failing(connection):
                for statement in _TABLES:
                    connection.execute(statement)
            self._connection = connection
            self._closer = finalize(self, connection.close)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection = None
            self._closer()

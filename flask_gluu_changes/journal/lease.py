"""The lease by which one process at a time writes the journal, also where its holder freezes.

A holder that is stopped within a transaction keeps its locks. PostgreSQL ends its session when the
one that waits asks for it, MariaDB does so by itself, and of SQLite's files only the end of the
process takes the lock away.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    event,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from ..errors import GluuChangesError
from ..forks import new_lock, process_tag
from .damage import NONSENSE
from .processes import end_process
from .tables import STATE, JournalState, now, read_state, writer_engine

log = logging.getLogger(__name__)

SECOND = 1_000_000
"""In microseconds."""

FOR_EVER = 2**63 - 1
"""Later than every lease ends."""

LOCK_PATIENCE = 6
"""A lease is so many times as long as one waits for a lock before its holder is cut off."""

LEASES_UNTIL_DEAD = 2
"""Whoever renews nothing for so long is dead, whatever clocks say."""

RENEWALS = 3
"""In the time that a lease lasts, while its holder reads and has nothing to write."""

HANGS_AFTER = 1800.0
"""Seconds without a transaction after which its holder is taken to hang: another may have it."""

_LOCKED_STATES = {"55P03"}
_LOCKED_NUMBERS = {1205, 3572}
_LOCKED_FILE = "database is locked"

# Built once: SQLAlchemy takes as long to build a statement as to execute it.
_RENEW = (
    update(STATE).where(STATE.c.holder == bindparam("mine")).values(held_until=bindparam("until"))
)
_LOCK = select(STATE.c.id)
_END_SESSIONS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks"
    " WHERE locktype = 'relation' AND relation = to_regclass(:state) AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()"
)


class LeaseLost(GluuChangesError):
    """Another ingester has taken over; this one must end without writing."""


class Lease:
    """The right to write, for some seconds since it was last renewed."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._reading = engine
        self._engine = writer_engine(engine, patience=seconds / LOCK_PATIENCE)
        self._micros = int(seconds * SECOND)
        self._in_use = new_lock()
        self._renewed_at = 0.0
        self._seen = ("", 0)
        self._seen_at = 0.0
        self.name = f"{secrets.token_hex(8)}{process_tag(os.getpid())}"
        if engine.dialect.name in {"mysql", "mariadb"}:
            event.listen(engine, "connect", _limits_of_idle_sessions(seconds))

    def take(self, *, by_force: bool = False) -> bool:
        """Take the lease if nobody holds it; False while somebody does.

        Whoever still has locks after the lease is over is cut off from them. by_force: also from a
        holder that lives, which then cannot write any more; False while it is writing.
        """
        with self._reading.begin() as connection:
            state = read_state(connection)
        lives = self._lives(state)
        if lives and not by_force:
            return False
        limit = FOR_EVER if by_force else max(now(), state.held_until + 1)
        for cut_off in [_nothing] if lives else [self._cut_off, _nothing]:
            try:
                with self._engine.begin() as connection:
                    return self._take(connection, limit)
            except DBAPIError as error:
                if not _is_locked(error):
                    raise
                cut_off(state.holder)
        return False

    @contextmanager
    def transaction(self, engine: Engine) -> Iterator[Connection]:
        """Begin a transaction that renews the lease, which locks its row.

        Raises LeaseLost if it is another's.
        """
        with self._in_use, engine.begin() as connection:
            if not self._renew(connection):
                raise LeaseLost(
                    "another process took the lease of the journal; this one waits to take over"
                )
            self._renewed_at = monotonic()
            yield connection

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease in a thread beside what takes longer than it lasts without writing."""
        done, self._renewed_at = Event(), monotonic()
        keeper = Thread(target=self._keep, args=(done,), name="lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _keep(self, done: Event) -> None:
        pause = self._micros / SECOND / RENEWALS
        while not done.wait(pause):
            if pause <= monotonic() - self._renewed_at <= HANGS_AFTER:
                self._renew_unless_busy()

    def _renew_unless_busy(self) -> None:
        """Leave the row to a transaction: Galera ends one for what comes from another node."""
        if self._in_use.acquire(blocking=False):
            try:
                # who cannot, or has lost it, hears so at the next transaction
                with suppress(SQLAlchemyError, *NONSENSE), self._engine.begin() as connection:
                    self._renew(connection)
            finally:
                self._in_use.release()

    def _renew(self, connection: Connection) -> bool:
        mine = {"mine": self.name, "until": now() + self._micros}
        return connection.execute(_RENEW, mine).rowcount == 1

    def release(self) -> None:
        """Release the lease, so that another can take it at once."""
        mine = STATE.c.holder == self.name
        with self._engine.begin() as connection:
            connection.execute(update(STATE).where(mine).values(holder="", held_until=0))

    def _lives(self, state: JournalState) -> bool:
        """Return whether another process has the lease, and renews it.

        Its clock may be ahead, or ours was set back: then it ends long after its holder did.
        """
        if state.holder in {"", self.name} or state.held_until < now():
            return False
        seen = state.holder, state.held_until
        if seen != self._seen:
            self._seen, self._seen_at = seen, monotonic()
        return monotonic() - self._seen_at <= LEASES_UNTIL_DEAD * self._micros / SECOND

    def _take(self, connection: Connection, limit: int) -> bool:
        """Take the lease if it ends before a time."""
        self._lock(connection)
        free = STATE.c.held_until < limit
        mine = STATE.c.holder.in_(["", self.name])
        held = {"holder": self.name, "held_until": now() + self._micros}
        return connection.execute(update(STATE).where(or_(mine, free)).values(held)).rowcount == 1

    def _lock(self, connection: Connection) -> None:
        """Lock the state's row; wait for it where one can cut off who has it."""
        if connection.dialect.name == "postgresql":
            patience = max(1, self._micros // LOCK_PATIENCE // 1000)
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience}")
            connection.execute(_LOCK.with_for_update())
        else:
            connection.execute(_LOCK.with_for_update(nowait=True))

    def _cut_off(self, holder: str) -> None:
        if self._engine.dialect.name == "postgresql":
            log.warning("the holder of the journal froze in a transaction; its session is ended")
            with self._reading.begin() as connection:
                connection.execute(_END_SESSIONS, {"state": STATE.name})
        elif self._engine.dialect.name == "sqlite":
            end_process(holder, f"{self._engine.url.database}-shm")


def _nothing(_: str) -> None:
    """Cut nobody off."""


def _is_locked(error: DBAPIError) -> bool:
    cause: Any = error.orig
    number = (*cause.args, None)[0]
    return (
        getattr(cause, "sqlstate", None) in _LOCKED_STATES
        or number in _LOCKED_NUMBERS
        or (isinstance(error, OperationalError) and number == _LOCKED_FILE)
    )


def _limits_of_idle_sessions(seconds: float) -> Any:
    """Return what lets the server end the session of a process that freezes or goes."""
    whole = max(1, math.ceil(seconds))

    def limit(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET SESSION wait_timeout = {whole}, SESSION net_read_timeout = {whole}")
        cursor.close()

    return limit

"""Paging sessions: which snapshot a later page is cut from."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from secrets import token_urlsafe
from time import monotonic
from typing import IO

from .. import forks
from ..encoder import EncodedEntry
from ..errors import BackendUnavailable
from .page_request import PageRequest, Traits, within_place
from .private_store import PrivateStore
from .session_limits import SessionLimits
from .session_table import SessionRow, SessionTable, SnapshotRow
from .snapshot import NO_ROOM, Page, Snapshot, SnapshotWriter
from .stores import SessionStore

log = logging.getLogger(__name__)

ENDED_SECONDS = 5.0
"""How long a session is kept whose client has asked for a page behind its end."""

REMEMBERED_SECONDS = 60.0
"""How long it is remembered that the first page was all, so that one behind it reads nothing."""

EXPIRY_INTERVAL = 10.0
"""Seconds between two deletions of what is over, where no large answer comes in between."""

NAMED = "named"
"""Stands in the place of traits for a client that names its session: it needs no others."""


class PagingSessions:
    """The paging sessions of all processes with the same store.

    A page is cut from the session that its client names. Of clients that name none, it is the one
    of the client that the request resembles most, then the one that was served up to its offset,
    and otherwise the newest one. Nobody's session makes room for another caller's.

    seconds: how long a session is kept after its progress. limit: how many a caller has.
    octets: all snapshots together take no more, and one caller's half of that, unless the newest
    alone does. find_store: is called at the first use, since only then the server is known.
    """

    def __init__(
        self,
        *,
        seconds: float,
        limit: int,
        octets: int,
        find_store: Callable[[], SessionStore] = PrivateStore,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._seconds = seconds
        self._limits = SessionLimits(limit, octets)
        self._find_store = find_store
        self._clock = clock
        self._lock = forks.new_lock()
        self._expired = float("-inf")

    def page(self, request: PageRequest) -> Page:
        """Return a page from the session that it continues, or else from a new one.

        Raises BackendUnavailable where there is no room for another snapshot.
        """
        if not request.start:
            return self._begun(request)
        page = self._continued(request)
        return page or replace(self._begun(request), is_restarted=True)

    def count(self) -> int:
        """Return how many sessions go on, of all processes with the same store."""
        with self._keeping() as table:
            return table.count(self._clock() - self._seconds)

    def _continued(self, request: PageRequest) -> Page | None:
        """Return a page of a session that is there; None where there is none to go on with."""
        now = self._clock()

        def choose(rows: Sequence[SessionRow]) -> SessionRow | None:
            row = best_of(rows, request.start, request.traits)
            return row and self._advanced(row, request, now)

        with self._keeping() as table:
            row = table.advance(request.caller, request.since, now - self._seconds, choose)
            return row and self._cut(request, row)

    def _begun(self, request: PageRequest) -> Page:
        """Return a page from a new answer, of which a session is kept unless the page is all."""
        began = self._clock()
        entries, credible = request.look()
        writer = SnapshotWriter(request.key.since, credible)
        if writer.is_small(entries, request.size):
            return self._all_of(request, writer)
        with self._keeping():
            lock = self._store.lock(request.since)
        if lock is None:
            del entries  # somebody else reads at this moment: its answer, or the next one, will do
            return self._shared(request, began)
        with lock:
            entries = within_place(entries, writer, request.reading)
            return self._kept(request, writer, entries, began)

    def _shared(self, request: PageRequest, came: float) -> Page:
        """Return a page of an answer whose reading began after the request had come.

        Where nobody else has read such a one, it is read for all who wait.
        """
        with request.sharing():
            with self._keeping():
                lock = self._store.wait_for_lock(request.since)
            with lock:
                return self._joined(request, came) or self._again(request)

    def _again(self, request: PageRequest) -> Page:
        began = self._clock()
        entries, credible = request.look()
        writer = SnapshotWriter(request.key.since, credible)
        if writer.is_small(entries, request.size):
            return self._all_of(request, writer)
        return self._kept(request, writer, entries, began)

    def _all_of(self, request: PageRequest, writer: SnapshotWriter) -> Page:
        """Return a page of an answer that needs no session; remember that it has no other."""
        if not len(writer):  # as most polls find
            return Page(request.key.since, [], None)
        self._remember(request, len(writer))
        return writer.in_memory().page(request.start, request.size)

    def _remember(self, request: PageRequest, length: int) -> None:
        now = self._clock()
        name = f"{request.caller} {request.since}"
        progressed = now - self._seconds + min(self._seconds, REMEMBERED_SECONDS)
        row = _first_row(name, request, "", length, progressed)
        try:
            self._table.put(row)
            if now - self._expired > EXPIRY_INTERVAL:
                self._expire(self._table, now)
        except (sqlite3.Error, OSError) as error:  # what was found is answered all the same
            log.warning("the table of paging sessions cannot be written: %s", type(error).__name__)

    def _joined(self, request: PageRequest, came: float) -> Page | None:
        with self._keeping() as table:
            snapshot = table.newest(request.since)
            if snapshot is None or snapshot.began < came:
                return None
            row = self._new_row(request, snapshot)
            table.put(row)
            return self._cut(request, row)

    def _kept(
        self,
        request: PageRequest,
        writer: SnapshotWriter,
        entries: Iterator[EncodedEntry],
        began: float,
    ) -> Page:
        """Write the answer to the store, and return a page of it."""
        name = token_urlsafe(16)
        with self._keeping() as table:
            self._expire(table, self._clock())
            file = self._store.create(name)
        try:
            with file:
                writer.to_file(entries, file)
                row = self._publish(name, file, request, writer, began)
        except BaseException:
            self._store.drop(name)
            raise
        page = self._cut(request, row)
        if page is None:  # else a client would take an empty page for the end
            raise BackendUnavailable("a paging session's snapshot is gone", public=NO_ROOM)
        return page

    def _publish(
        self,
        name: str,
        file: IO[bytes],
        request: PageRequest,
        writer: SnapshotWriter,
        began: float,
    ) -> SessionRow:
        """Have a snapshot be there for all, and the session that goes through it."""
        snapshot = SnapshotRow(name, request.since, began, len(writer), writer.octets)
        row = self._new_row(request, snapshot)

        def make_room(sessions: Sequence[SessionRow], sizes: dict[str, int]) -> list[SessionRow]:
            return self._limits.make_room(snapshot, row.caller, sessions, sizes)

        with self._keeping() as table:
            table.begin(row, snapshot, make_room, lambda: self._store.publish(name, file))
        return row

    def _cut(self, request: PageRequest, row: SessionRow) -> Page | None:
        """Cut a page from the snapshot of a session; None where it is gone."""
        if request.start >= row.length:
            return Page(request.key.since, [], None, row.name if row.snapshot else "")
        data = self._store.open(row.snapshot)
        if data is None:
            return None
        page = Snapshot.stored(request.key.since, data, row.length).page(
            request.start, request.size
        )
        return replace(page, session=row.name)

    def _new_row(self, request: PageRequest, snapshot: SnapshotRow) -> SessionRow:
        now = self._clock()
        return _first_row(token_urlsafe(16), request, snapshot.name, snapshot.length, now)

    def _advanced(self, row: SessionRow, request: PageRequest, now: float) -> SessionRow:
        """Return a session after a page. Only new offsets keep it alive; behind its end it ends.

        Else a client that waits at the end, or asks for one page again and again, would be shown
        the same snapshot for ever. Not at once: each request behind the end would read everybody.
        """
        last, following = request.start, request.start + request.size
        progressed, ended = row.progressed, max(row.ended, int(following >= row.length))
        if last >= row.length:
            ended, progressed = 2, min(progressed, now - self._seconds + ENDED_SECONDS)
        elif following > row.reached:
            progressed = now
        return row._replace(
            last=last,
            next=following,
            reached=max(row.reached, following),
            ended=ended,
            progressed=progressed,
            traits=NAMED if row.name == request.traits.session else row.traits,
        )

    def _expire(self, table: SessionTable, now: float) -> None:
        self._expired = now
        table.expire(now - self._seconds, now)

    @cached_property
    def _opened(self) -> tuple[SessionStore, SessionTable]:
        store = self._find_store()
        return store, SessionTable(store)

    @property
    def _store(self) -> SessionStore:
        with self._lock:
            return self._opened[0]

    @property
    def _table(self) -> SessionTable:
        with self._lock:
            return self._opened[1]

    @contextmanager
    def _keeping(self) -> Iterator[SessionTable]:
        """Yield the table; raise BackendUnavailable where snapshots cannot be kept or read."""
        table = self._table
        try:
            yield table
        except sqlite3.Error as error:
            if not isinstance(error, sqlite3.OperationalError):
                table.discard()
            text = f"paging sessions cannot be kept: {type(error).__name__}: {error}"
            raise BackendUnavailable(text, public=NO_ROOM) from error
        except OSError as error:
            text = f"paging sessions cannot be kept: {error.strerror}"
            raise BackendUnavailable(text, public=NO_ROOM) from error


def best_of(rows: Sequence[SessionRow], start: int, traits: Traits) -> SessionRow | None:
    """Return the session that a client most likely continues; None where there is none.

    A client that names its session continues no other one, and nobody else that one.
    """
    may = [row for row in rows if row.may_continue(start)]
    if traits.session:
        return next((row for row in may if row.name == traits.session), None)

    def likeness(row: SessionRow) -> tuple[bool, bool, bool]:
        return row.traits == traits.others, row.next == start, row.last == start

    unnamed = [row for row in may if row.traits != NAMED]
    most = max(map(likeness, unnamed), default=None)
    return _next_of([row for row in unnamed if likeness(row) == most], start) if most else None


def _next_of(alike: Sequence[SessionRow], start: int) -> SessionRow:
    """Return the one of equal sessions whose turn it is, or else the newest.

    Of clients that go on side by side the one that has waited longest asks next. A session that has
    not come further since another one began was given up.
    """
    newest = max(row.began for row in alike)
    going_on = [row for row in alike if row.progressed >= newest and row.next == start]
    if going_on:
        return min(going_on, key=lambda row: row.progressed)
    return max(alike, key=lambda row: row.progressed)


def _first_row(
    name: str, request: PageRequest, snapshot: str, length: int, progressed: float
) -> SessionRow:
    """Return a session after its first page."""
    last, following = request.start, request.start + request.size
    return SessionRow(
        name,
        request.caller,
        request.since,
        snapshot,
        length,
        last,
        following,
        reached=following,
        ended=int(following >= length),
        began=progressed,
        progressed=progressed,
        traits=request.traits.others if snapshot else "",
    )

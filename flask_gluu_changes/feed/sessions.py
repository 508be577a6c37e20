"""Paging sessions: which snapshot a later page is cut from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from .. import forks
from .snapshot import Page, Snapshot

ENDED_SECONDS = 5.0
"""How long a session is kept whose client has asked for a page behind its end."""


class SessionKey(NamedTuple):
    """Who pages, and through the changes since when."""

    caller: str
    since: datetime


@dataclass(eq=False)
class PagingSession:
    """One client's progress through a snapshot, and the offsets it may ask for again."""

    key: SessionKey
    snapshot: Snapshot
    progressed: float
    offsets: set[int] = field(default_factory=set)
    is_ended: bool = False

    def may_continue(self, start: int) -> bool:
        """Return whether a page may be cut from it; from an ended one only those behind its end.

        What it showed is older than what a newer session of the same client shows.
        """
        return not self.is_ended or start >= len(self.snapshot)


class PagingSessions:
    """The paging sessions of one process: at most `limit`, each for `seconds` after its progress.

    octets: their snapshots together take no more, unless the newest alone does.

    Several clients may page from the same time even as the same caller: a page is cut from the
    session that was served up to its offset, or else from the newest one.
    """

    def __init__(
        self,
        *,
        seconds: float,
        limit: int,
        octets: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._seconds = seconds
        self._limit = limit
        self._octets = octets
        self._clock = clock
        self._sessions: list[PagingSession] = []
        self._lock = forks.new_lock()

    def page(
        self, key: SessionKey, start: int, size: int, begin: Callable[[], Snapshot | None]
    ) -> Page:
        """Return a page from the session that it continues, or else from a new one.

        begin: returns the snapshot for a new session, or None where there is nobody to page
        through. It is called without the lock, since it reads the whole answer from the store.
        """
        session = self._find(key, start) or self._begin(key, begin())
        return self._advance(session, start, size) if session else Page(key.since, [], None)

    def _find(self, key: SessionKey, start: int) -> PagingSession | None:
        """Return the session that the page at this offset continues; offset 0 continues none."""
        if not start:
            return None
        with self._lock:
            self._drop_idle()
            # the newest first: it is the nearest to what the store holds now
            sessions = [
                session
                for session in reversed(self._sessions)
                if session.key == key and session.may_continue(start)
            ]
        return next(
            (session for session in sessions if start in session.offsets),
            next(iter(sessions), None),
        )

    def _begin(self, key: SessionKey, snapshot: Snapshot | None) -> PagingSession | None:
        """Begin a session, and drop others where they would be too many or too large."""
        if snapshot is None:
            return None
        session = PagingSession(key, snapshot, self._clock())
        with self._lock:
            self._drop_idle()
            self._make_room(session)
            self._sessions.append(session)
        return session

    def _advance(self, session: PagingSession, start: int, size: int) -> Page:
        """Cut a page. Only new offsets keep a session alive; behind its end it is soon forgotten.

        Else a client that waits at the end, or asks for one page again and again, would be shown
        the same snapshot for ever. Not at once: each request behind the end would read everybody.
        """
        page, now = session.snapshot.page(start, size), self._clock()
        with self._lock:
            if not page.bodies:
                session.is_ended = True
                session.progressed = min(session.progressed, now - self._seconds + ENDED_SECONDS)
            elif start + size not in session.offsets:
                session.progressed = now
            session.offsets.update((start, start + size, start + len(page.bodies)))
        return page

    def _drop_idle(self) -> None:
        oldest = self._clock() - self._seconds
        self._sessions = sorted(
            (session for session in self._sessions if session.progressed > oldest),
            key=lambda session: session.progressed,
        )

    def _make_room(self, new: PagingSession) -> None:
        """Drop, of the client that has the most sessions, the one that is idle for longest."""
        kept = self._sessions
        octets = new.snapshot.octets + sum(one.snapshot.octets for one in kept)
        while kept and (len(kept) >= self._limit or octets > self._octets):
            had = Counter(one.key.caller for one in (*kept, new))
            dropped = max(kept, key=lambda one: had[one.key.caller])  # the first of the largest
            kept.remove(dropped)
            octets -= dropped.snapshot.octets

"""Paging sessions: which snapshot a later page is cut from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import TypeAlias

from .snapshot import Page, Snapshot

SessionKey: TypeAlias = tuple[str, datetime]
"""Who sessions, and since when."""


@dataclass(eq=False)
class PagingSession:
    """One client on its way through a snapshot, and the offsets it may ask for again."""

    key: SessionKey
    snapshot: Snapshot
    progressed: float
    offsets: set[int] = field(default_factory=set)


class PagingSessions:
    """The sessions of one process: at most `limit`, each kept for `seconds` after its last progress.

    Several clients may session from the same time even as the same caller: a page is cut from the session
    that was served up to its offset, or else from the newest one.
    """

    def __init__(
        self, *, seconds: float, limit: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._seconds = seconds
        self._limit = limit
        self._clock = clock
        self._sessions: list[PagingSession] = []
        self._lock = threading.Lock()

    def begin(self, key: SessionKey, snapshot: Snapshot) -> PagingSession:
        """Start a session; where there are too many, the one that rested longest is dropped."""
        session = PagingSession(key, snapshot, self._clock())
        with self._lock:
            self._drop_resting(self._limit - 1)
            self._sessions.append(session)
        return session

    def find(self, key: SessionKey, start: int) -> PagingSession | None:
        """Give the session that the page at this offset continues, if it is still kept."""
        with self._lock:
            self._drop_resting(self._limit)
            sessions = [session for session in reversed(self._sessions) if session.key == key]
        return next(
            (session for session in sessions if start in session.offsets),
            next(iter(sessions), None),
        )

    def advance(self, session: PagingSession, start: int, size: int) -> Page:
        """Cut a page. Only new offsets keep a session alive; a page behind its end forgets it.

        Else a client that waits at the end, or asks for one page again and again, would be shown
        the same snapshot for ever.
        """
        page = session.snapshot.page(start, size)
        with self._lock:
            if start + size not in session.offsets:
                session.progressed = self._clock()
            session.offsets.update((start, start + size))
            if not page.bodies and session in self._sessions:
                self._sessions.remove(session)
        return page

    def _drop_resting(self, room: int) -> None:
        oldest = self._clock() - self._seconds
        kept = sorted(
            (session for session in self._sessions if session.progressed > oldest),
            key=lambda session: session.progressed,
        )
        self._sessions = kept[max(0, len(kept) - room) :]

"""Paging sessions as their tests begin and continue them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.feed.page_request import PageRequest, SessionKey, Traits
from flask_gluu_changes.feed.sessions import PagingSessions
from flask_gluu_changes.feed.snapshot import ANY_TIME
from flask_gluu_changes.feed.stores import SessionStore
from tests.support.clocks import Clock

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
KEY = SessionKey("caller", SINCE)
SECONDS = 10.0
MANY = 10**6
NOBODY = Traits()


def sessions_with(
    clock: Clock,
    store: SessionStore,
    *,
    seconds: float = SECONDS,
    limit: int = 3,
    octets: int = MANY,
) -> PagingSessions:
    """Return the sessions of one process with a store."""
    return PagingSessions(
        seconds=seconds, limit=limit, octets=octets, find_store=lambda: store, clock=clock
    )


def answer_of(name: str = "a", count: int = 6) -> Iterator[EncodedEntry]:
    """Yield so many entries of a name."""
    return ((b"%03d" % i, i, f"{name}{i}".encode()) for i in range(count))


def with_any_time(answer: Iterator[EncodedEntry]) -> tuple[Iterator[EncodedEntry], int]:
    """Return an answer of which every time can be right."""
    return answer, ANY_TIME


def begin(
    sessions: PagingSessions,
    name: str = "a",
    key: SessionKey = KEY,
    size: int = 2,
    count: int = 6,
    others: str = "",
) -> list[bytes]:
    """Return the first page of a new session."""
    request = PageRequest(
        key, 0, size, lambda: (answer_of(name, count), ANY_TIME), lambda: Traits(others=others)
    )
    return list(sessions.page(request).bodies)


def next_page(
    sessions: PagingSessions,
    start: int,
    size: int = 2,
    key: SessionKey = KEY,
    traits: Traits = NOBODY,
) -> list[bytes] | None:
    """Return a later page; None where it would have begun a new session."""
    request = PageRequest(key, start, size, lambda: (iter(()), ANY_TIME), lambda: traits)
    page = sessions.page(request)
    return None if page.is_restarted else list(page.bodies)

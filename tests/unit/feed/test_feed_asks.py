"""What the feed asks of a backend, and when it takes what the backend has ready."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask_gluu_changes import AttributeType, ChangesQuery, Entry
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.encoder import EncodedEntry
from flask_gluu_changes.feed import Feed, Page
from flask_gluu_changes.feed.sessions import PagingSessions
from flask_gluu_changes.visibility import Visibility

SINCE = datetime(2020, 1, 1, tzinfo=UTC)


class Asked(MemoryBackend):
    """Notes the queries that it gets."""

    def __init__(self, entries: list[Entry], ready: list[EncodedEntry] | None = None) -> None:
        super().__init__(entries)
        self.ready = ready
        self.queries: list[ChangesQuery] = []

    def encoded(self, query: ChangesQuery) -> Iterator[EncodedEntry] | None:
        self.queries.append(query)
        return None if self.ready is None else iter(self.ready)

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        self.queries.append(query)
        yield from super().changes(query)


def _feed(backend: MemoryBackend, seconds: float = 60) -> Feed:
    return Feed(
        backend,
        sessions=PagingSessions(seconds=seconds, limit=3, octets=10**6),
        time_attributes=("changed", "created"),
        visibility=Visibility.of(["UID", "inum"], ["secret"]),
        configured_type=lambda name: AttributeType.STRING,
    )


def test_a_backend_is_asked_by_time_and_told_what_nobody_will_see() -> None:
    """In both forms of the question."""
    backend = Asked([{"uid": ["a"], "created": [SINCE]}])
    feed = _feed(backend)
    feed.page(SINCE, caller="", start=0, size=9)
    query = ChangesQuery(
        SINCE,
        ("changed", "created"),
        attributes=frozenset({"uid", "inum"}),
        excluded=Visibility.of(denied=["secret"]).hidden,
    )
    assert {"secret", "objectclass", "dn", "userpassword", "secretanswer"} <= query.excluded
    assert backend.queries == [query, query]
    assert feed.query(SINCE) == query


def test_what_a_backend_has_ready_is_taken_as_it_is() -> None:
    """It is not asked for entries then."""
    backend = Asked(
        [{"uid": ["a"], "created": [SINCE]}], ready=[(b"b", 2, b"{B}"), (b"a", 1, b"{A}")]
    )
    page = _feed(backend).page(SINCE, caller="", start=0, size=9)
    assert page == Page(SINCE, [b"{A}", b"{B}"], 2)
    assert len(backend.queries) == 1


def test_a_backend_may_have_ready_that_there_is_nobody() -> None:
    """It is not asked a second time for that."""
    backend = Asked([{"uid": ["a"], "created": [SINCE]}], ready=[])
    page = _feed(backend).page(SINCE, caller="", start=0, size=9)
    assert page == Page(SINCE, [], None)
    assert len(backend.queries) == 1


def test_each_page_goes_on_where_its_own_client_was() -> None:
    """Of two clients with the same name, whose pages have other sizes."""
    backend = MemoryBackend([{"uid": [f"{i}"], "created": [SINCE]} for i in range(6)])
    feed = _feed(backend)

    def page(start: int, size: int) -> list[bytes]:
        return list(feed.page(SINCE, caller="", start=start, size=size).bodies)

    page(0, 2)
    backend.entries = [{"uid": [f"x{i}"], "created": [SINCE]} for i in range(6)]
    page(0, 3)
    assert page(2, 2) == [b'{"uid":["2"]}', b'{"uid":["3"]}']
    assert page(3, 2) == [b'{"uid":["x3"]}', b'{"uid":["x4"]}']

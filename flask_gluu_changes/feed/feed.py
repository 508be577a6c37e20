"""The timeStamp form: a page of what changed since a time, from any backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta

from ..backend import Backend
from ..encoder import EncodedEntry, EntryEncoder
from ..model import ChangesQuery
from ..timestamps import to_micros
from ..values import AttributeType
from ..visibility import Visibility
from .page_request import PageRequest, SessionKey, Traits
from .sessions import PagingSessions
from .snapshot import Page


def _now() -> datetime:
    return datetime.now(UTC)


class Feed:
    """Sorts, pages, types and hides what a backend finds.

    A request at offset 0 queries the store; later offsets continue the snapshot that the same
    caller began, so that entries added, deleted or renamed meanwhile shift nothing.

    Attributes:
        backend: The store of people that is asked.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        sessions: PagingSessions,
        time_attributes: tuple[str, ...],
        visibility: Visibility,
        configured_type: Callable[[str], AttributeType | None],
        lag: timedelta = timedelta(minutes=1),
        settings_digest: str = "",
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """Keep what decides about each answer.

        Args:
            backend: The store of people.
            sessions: Where the snapshots of clients that page are kept.
            time_attributes: The attributes whose time makes an entry count as changed.
            visibility: The attributes that clients may see.
            configured_type: Returns the type of an attribute for which the backend has none.
            lag: How far the clocks of writers may be ahead of this machine's. Later times do not
                count for the latest change of a page: a client that went on from one in the far
                future would miss all changes until then.
            settings_digest: `Settings.digest` of the application, so that a store of entries that
                are written already can refuse to answer with those of other settings.
            clock: Returns the time, in UTC.
        """
        self.backend = backend
        self._sessions = sessions
        self._time_attributes = time_attributes
        self._visibility = visibility.known_to(backend.describe)
        self._configured_type = configured_type
        self._lag = lag
        self._settings_digest = settings_digest
        self._clock = clock

    def page(
        self,
        since: datetime,
        *,
        caller: str,
        start: int,
        size: int,
        find_traits: Callable[[], Traits] = Traits,
        reading: Callable[[], AbstractContextManager[object]] = nullcontext,
        sharing: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> Page:
        """Return a page of the entries that were added or changed since a time.

        Args:
            since: The inclusive bound, in UTC and whole milliseconds.
            caller: Any text that tells clients apart, so that their sessions do not mix.
            start: The zero-based offset of the first entry.
            size: The number of entries; fewer are returned only where the answer ends.
            find_traits: Returns what else tells the client apart; it is called where that matters.
            reading: Returns the context in which the rest of a large answer is read from the store;
                it may raise where there are too many.
            sharing: Returns the context in which one waits for an answer that somebody else reads.

        Raises:
            BackendUnavailable: The store cannot answer at the moment.
            BackendRefused: The store cannot answer until its operator acts.
        """
        key = SessionKey(caller, since)
        request = PageRequest(
            key,
            start,
            size,
            lambda: self._look(since),
            find_traits=find_traits,
            reading=reading,
            sharing=sharing,
        )
        return self._sessions.page(request)

    def count_sessions(self) -> int:
        """Return how many paging sessions there are now.

        Raises:
            BackendUnavailable: They cannot be read.
        """
        return self._sessions.count()

    def query(self, since: datetime) -> ChangesQuery:
        """Return the query that the backend gets for changes since a time.

        Args:
            since: The inclusive bound, in UTC and whole milliseconds.
        """
        shown = self._visibility
        return ChangesQuery(
            since,
            self._time_attributes,
            shown.allowed,
            shown.hidden,
            shown=shown.shown,
            settings_digest=self._settings_digest,
        )

    def _look(self, since: datetime) -> tuple[Iterator[EncodedEntry], int]:
        """Begin to read the answer; return its entries and the latest time that can be right."""
        return self._encoded(since), to_micros(self._clock() + self._lag)

    def _encoded(self, since: datetime) -> Iterator[EncodedEntry]:
        query = self.query(since)
        ready = self.backend.encoded(query)
        if ready is not None:
            return ready
        octets = self.backend.yields_octets()
        encoder = EntryEncoder(query, self._type_of, self._visibility, octets=octets)
        return map(encoder.encode, self.backend.changes(query))

    def _type_of(self, attribute: str) -> AttributeType | None:
        return self.backend.attribute_type(attribute) or self._configured_type(attribute)

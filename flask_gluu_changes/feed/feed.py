"""The timeStamp form: a page of what changed since a time, from any backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain

from ..backend import Backend
from ..encoder import EncodedEntry, EntryEncoder
from ..model import ChangesQuery, Visibility
from ..values import AttributeType
from .sessions import PagingSession, PagingSessions
from .snapshot import Page, Snapshot


class Feed:
    """Sorts, pages, types and hides what a backend finds.

    A request at offset 0 looks at the store anew; later offsets continue the snapshot that the
    same caller began, so that entries added, deleted or renamed meanwhile shift nothing.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        sessions: PagingSessions,
        time_attributes: tuple[str, ...],
        visibility: Visibility,
        configured_type: Callable[[str], AttributeType | None],
    ) -> None:
        self.backend = backend
        self._sessions = sessions
        self._time_attributes = time_attributes
        self._visibility = visibility
        self._configured_type = configured_type

    def page(self, since: datetime, *, caller: str, start: int, size: int) -> Page:
        """Give `size` entries from offset `start`; fewer only where the answer ends.

        since: the inclusive bound, UTC, whole milliseconds. caller: anything that tells clients
        apart, so that their sessions do not mix.
        """
        session = self._sessions.find((caller, since), start) if start else None
        session = session or self._new_session(caller, since)
        return self._sessions.advance(session, start, size) if session else Page([], None)

    def query(self, since: datetime) -> ChangesQuery:
        """Give what a backend is asked for changes since a time."""
        return ChangesQuery(
            since, self._time_attributes, self._visibility.allowed, self._visibility.hidden
        )

    def _new_session(self, caller: str, since: datetime) -> PagingSession | None:
        """Begin with a new look; None where there is nobody, as most polls find."""
        entries = self._encoded(since)
        first = next(entries, None)
        if first is None:
            return None
        return self._sessions.begin((caller, since), Snapshot(chain((first,), entries)))

    def _encoded(self, since: datetime) -> Iterator[EncodedEntry]:
        query = self.query(since)
        ready = self.backend.encoded(query)
        if ready is not None:
            return ready
        encoder = EntryEncoder(query, self._type_of, self._visibility)
        return map(encoder.encode, self.backend.changes(query))

    def _type_of(self, attribute: str) -> AttributeType | None:
        return self.backend.attribute_type(attribute) or self._configured_type(attribute)

"""The feed in its reference form: a page of what changed since a time, from any backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain

from .backend import Backend
from .encoding import EncodedEntry, EntryEncoder
from .model import ChangesQuery
from .snapshot import Page, Snapshot
from .values import AttributeType
from .visibility import Visibility
from .walks import Walk, Walks


class Feed:
    """Sorts, pages, types and hides what a backend finds.

    A request at offset 0 looks at the store anew; later offsets continue the snapshot that the
    same caller began, so that entries added, deleted or renamed meanwhile shift nothing.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        walks: Walks,
        time_attributes: tuple[str, ...],
        visibility: Visibility,
        configured_type: Callable[[str], AttributeType | None],
    ) -> None:
        self.backend = backend
        self._walks = walks
        self._time_attributes = time_attributes
        self._visibility = visibility
        self._configured_type = configured_type

    def page(self, since: datetime, *, caller: str, start: int, size: int) -> Page:
        """Give `size` entries from offset `start`; fewer only where the answer ends.

        since: the inclusive bound, UTC, whole milliseconds. caller: anything that tells clients
        apart, so that their walks do not mix.
        """
        walk = self._walks.find((caller, since), start) if start else None
        walk = walk or self._new_walk(caller, since)
        return self._walks.advance(walk, start, size) if walk else Page([], None)

    def query(self, since: datetime) -> ChangesQuery:
        """Give what a backend is asked for changes since a time."""
        return ChangesQuery(
            since, self._time_attributes, self._visibility.allowed, self._visibility.hidden
        )

    def _new_walk(self, caller: str, since: datetime) -> Walk | None:
        """Begin with a new look; None where there is nobody, as most polls find."""
        entries = self._encoded(since)
        first = next(entries, None)
        if first is None:
            return None
        return self._walks.begin((caller, since), Snapshot(chain((first,), entries)))

    def _encoded(self, since: datetime) -> Iterator[EncodedEntry]:
        query = self.query(since)
        ready = self.backend.encoded(query)
        if ready is not None:
            return ready
        encoder = EntryEncoder(query, self._type_of, self._visibility)
        return map(encoder.encode, self.backend.changes(query))

    def _type_of(self, attribute: str) -> AttributeType | None:
        return self.backend.attribute_type(attribute) or self._configured_type(attribute)

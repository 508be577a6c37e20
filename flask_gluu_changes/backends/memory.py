"""People in a list: for demos, and for the tests of host applications."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..backend import Backend
from ..model import ChangesQuery, Entry
from ..values import AttributeType


class MemoryBackend(Backend):
    """Serves the entries it is given; change `entries` at any time by assigning a new list.

    types: attribute names to registered types, where text is not what a client should see.
    """

    def __init__(
        self, entries: Iterable[Entry] = (), *, types: Mapping[str, AttributeType] | None = None
    ) -> None:
        self.entries = list(entries)
        self._types = {name.lower(): kind for name, kind in (types or {}).items()}

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield the matching entries as the list stands at the call."""
        return filter(query.matches, list(self.entries))

    def attribute_type(self, name: str) -> AttributeType | None:
        """Give the type passed in for an attribute."""
        return self._types.get(name.lower())

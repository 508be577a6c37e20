"""People in a list: for demos, and for the tests of host applications."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..backend import Backend
from ..model import ChangesQuery, Entry
from ..values import AttributeType


class MemoryBackend(Backend):
    """A backend that serves the entries of a list.

    Attributes:
        entries: The entries; assign a new list at any time to change them.
    """

    def __init__(
        self, entries: Iterable[Entry] = (), *, types: Mapping[str, AttributeType] | None = None
    ) -> None:
        """Serve some entries.

        Args:
            entries: The people, each with its `uid` and `inum`.
            types: Registered types by attribute name, in any case; needed where clients should
                see something other than text.
        """
        self.entries = list(entries)
        self._types = {name.lower(): kind for name, kind in (types or {}).items()}

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield the matching entries of the list as it is at the call.

        Args:
            query: Who is asked for.
        """
        return filter(query.matches, list(self.entries))

    def attribute_type(self, name: str) -> AttributeType | None:
        """Return the type that was passed in for an attribute.

        Args:
            name: The attribute's name, in any case.
        """
        return self._types.get(name.lower())

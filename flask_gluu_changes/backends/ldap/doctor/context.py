"""A directory under examination, and how its people are counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ldap.filter import filter_format

from ....model import ChangesQuery, Entry
from ....settings.backends import LdapSettings
from ..connection import Handle
from ..schema import SchemaInfo
from ..search import NO_ATTRIBUTES, Search, since_filter, stream


@dataclass(frozen=True, eq=False)
class Directory:
    """A bound handle, and what the backend would ask by it."""

    handle: Handle
    settings: LdapSettings
    query: ChangesQuery
    info: SchemaInfo

    def people(self, condition: str = "", attributes: tuple[str, ...] = ()) -> Iterator[Entry]:
        """Stream the people who meet a condition, which is a filter or nothing."""
        person = filter_format("(objectClass=%s)", [str(self.settings.ldap_object_class)])
        return self.search(f"(&{person}{condition})", attributes)

    def changed(self, *, indexed: bool) -> Iterator[Entry]:
        """Stream the people who match the query, in one of the two forms of its filter."""
        object_class = str(self.settings.ldap_object_class)
        return self.search(since_filter(self.query, object_class, indexed=indexed))

    def search(self, condition: str, attributes: tuple[str, ...] = ()) -> Iterator[Entry]:
        """Stream what is below the base; raises what `stream` does."""
        search = Search(
            base=str(self.settings.ldap_base_dn),
            filter=condition,
            attributes=attributes or (NO_ATTRIBUTES,),
            timeout=self.settings.ldap_operation_timeout,
        )
        for part in stream(self.handle, search):
            yield from part


def count(entries: Iterator[Entry]) -> int:
    """Count entries as they come, keeping none."""
    return sum(1 for _ in entries)

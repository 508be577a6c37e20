"""A directory under examination, and how its people are counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ldap.filter import filter_format

from ....model import ChangesQuery, Entry
from ....settings.backends import LdapSettings
from ..connection import Connection
from ..schema import SchemaInfo
from ..search import NO_ATTRIBUTES, Search, since_filter, stream


@dataclass(frozen=True, eq=False)
class Directory:
    """A bound connection, and what the backend would ask over it."""

    connection: Connection
    settings: LdapSettings
    query: ChangesQuery
    info: SchemaInfo

    def people(self, condition: str = "", attributes: tuple[str, ...] = ()) -> Iterator[Entry]:
        """Stream the people who match a condition: a filter, or nothing for everybody."""
        person = filter_format("(objectClass=%s)", [self.settings.ldap_object_class])
        return self.search(f"(&{person}{condition})", attributes)

    def changed(self, *, indexed: bool) -> Iterator[Entry]:
        """Stream the people who match the query, in one of the two forms of its filter."""
        object_class = self.settings.ldap_object_class
        return self.search(since_filter(self.query, object_class, indexed=indexed))

    def search(self, filter_: str, attributes: tuple[str, ...] = ()) -> Iterator[Entry]:
        """Stream the entries below the base that match; raises what `stream` raises."""
        search = Search(
            base=self.settings.ldap_base_dn,
            filter=filter_,
            attributes=attributes or (NO_ATTRIBUTES,),
            timeout=self.settings.ldap_operation_timeout,
        )
        for batch in stream(self.connection, search):
            yield from batch


def count(entries: Iterator[Entry]) -> int:
    """Count entries as they come, keeping none."""
    return sum(1 for _ in entries)

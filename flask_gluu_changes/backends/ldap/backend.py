"""The LDAP backend: python-ldap underneath, any LDAP v3 directory behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import ldap

from ...backend import Backend
from ...model import ChangesQuery, Entry
from ...settings import LdapSettings
from ...values import AttributeType
from .connection import Connections, Handle
from .errors import UNREACHABLE, translated
from .search import NarrowTimes, Search, since_filter, stream
from .types import TypeTable


class LdapBackend(Backend):
    """Serves the people of a directory, several servers with failover included.

    Nothing is connected before the first request. A connection that its server closed is replaced,
    so that a restart of the directory costs no restart of the application.
    """

    def __init__(self, settings: LdapSettings) -> None:
        settings.check()
        self._settings = settings
        self._connections = Connections(settings)
        self._types = TypeTable(self._connections, settings)
        self._narrow = NarrowTimes()
        self._avoid_index: bool | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LdapBackend:
        """Build it from an application's `GLUU_CHANGES_LDAP_…` keys."""
        return cls(LdapSettings.load(config))

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Stream the matching entries in the order in which the directory sends them."""
        return chain.from_iterable(self._parts(query))

    def attribute_type(self, name: str) -> AttributeType | None:
        """Give the registered type, else the one of the directory's schema."""
        return self._types.get(name)

    def close(self) -> None:
        """Unbind the idle connections."""
        self._connections.close()

    def _parts(self, query: ChangesQuery) -> Iterator[list[Entry]]:
        found = 0
        with translated("searching the people"):
            for lend in (self._connections.any, self._connections.fresh):
                try:
                    with lend() as handle:
                        for part in self._search(handle, query):
                            found += len(part)
                            yield part
                    break
                except UNREACHABLE as error:
                    if found or isinstance(error, ldap.TIMEOUT):
                        raise
        self._narrow.learn(query.since, found)

    def _search(self, handle: Handle, query: ChangesQuery) -> Iterator[list[Entry]]:
        indexed = self._narrow.covers(query.since) or not self._is_openldap(handle)
        search = Search(
            base=str(self._settings.ldap_base_dn),
            filter=since_filter(query, str(self._settings.ldap_object_class), indexed=indexed),
            attributes=_wanted(query),
            timeout=self._settings.ldap_operation_timeout,
        )
        return stream(handle, search)

    def _is_openldap(self, handle: Handle) -> bool:
        """Ask the root DSE; other servers index ranges well and may refuse a scan."""
        if self._avoid_index is None:
            root = handle.read_rootdse_s(attrlist=["objectClass"])
            self._avoid_index = b"OpenLDAProotDSE" in root.get("objectClass", ())
        return self._avoid_index


def _wanted(query: ChangesQuery) -> tuple[str, ...]:
    if query.attributes is None:
        return ("*", *query.time_attributes)
    return tuple(sorted({"uid", "inum", *query.attributes, *query.time_attributes}))

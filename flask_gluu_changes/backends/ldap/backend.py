"""The LDAP backend: python-ldap underneath, any LDAP v3 directory behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import ldap

from ...backend import Backend
from ...follower import Follower
from ...model import ChangesQuery, Entry, Finding
from ...settings.backends import LdapSettings
from ...values import AttributeType
from .changelog.follower import ChangelogFollower
from .connection import Connections
from .doctor.examine import examine
from .errors import UNREACHABLE, translated
from .schema import DirectorySchema, check_times, wanted
from .search import NarrowTimes, Search, anybody, since_filter, stream
from .syncrepl.follower import SyncreplFollower


class LdapBackend(Backend):
    """Serves the people of a directory, several servers with failover included.

    Nothing is connected before the first request. A connection that its server closed is replaced,
    so that a restart of the directory costs no restart of the application.
    """

    def __init__(self, settings: LdapSettings) -> None:
        settings.check()
        settings.warn_of_plain_passwords()
        self._settings = settings
        self._connections = Connections(settings)
        self._schema = DirectorySchema(self._connections, settings)
        self._narrow = NarrowTimes()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LdapBackend:
        """Build it from an application's `GLUU_CHANGES_LDAP_…` keys."""
        return cls(LdapSettings.load(config))

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Stream the matching entries in the order in which the directory sends them."""
        return chain.from_iterable(self._parts(query))

    def attribute_type(self, name: str) -> AttributeType | None:
        """Give the registered type, else the one of the directory's schema."""
        return self._schema.info().types.get(name.lower())

    def examine(self, query: ChangesQuery) -> Iterator[Finding]:
        """Examine every server of the setting: connection, schema, indexes, clock, limits, rights.

        Reads all people some times over, and writes nothing.
        """
        return examine(self._settings, query)

    def follower(self, query: ChangesQuery) -> Follower:
        """Give a consumer of slapd's syncrepl, or a reader of OpenDJ's changelog."""
        kind = SyncreplFollower if self._schema.info().openldap else ChangelogFollower
        return kind(self._connections, self._settings, self._schema, query)

    def close(self) -> None:
        """Unbind the idle connections."""
        self._connections.close()

    def _parts(self, query: ChangesQuery) -> Iterator[list[Entry]]:
        search, found = self._search(query), 0
        with translated("searching the people"):
            for lend in (self._connections.any, self._connections.fresh):
                try:
                    with lend() as handle:
                        if self._narrow.quiet(query.since) and not anybody(handle, search):
                            break
                        for part in stream(handle, search):
                            found += len(part)
                            yield part
                    break
                except UNREACHABLE as error:
                    if found or isinstance(error, ldap.TIMEOUT):
                        raise
        self._narrow.learn(query.since, found)

    def _search(self, query: ChangesQuery) -> Search:
        info = self._schema.info()
        check_times(query.time_attributes, info)
        indexed = self._narrow.covers(query.since) or not info.openldap
        return Search(
            base=str(self._settings.ldap_base_dn),
            filter=since_filter(query, str(self._settings.ldap_object_class), indexed=indexed),
            attributes=wanted(query, info),
            timeout=self._settings.ldap_operation_timeout,
        )

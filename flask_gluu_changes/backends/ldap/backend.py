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
from ...visibility import AttributeInfo
from .changelog.follower import ChangelogFollower
from .connection import Connection, ConnectionPool
from .doctor.examine import examine
from .errors import UNREACHABLE, translated
from .schema import (
    DirectorySchema,
    check_object_class,
    check_time_attributes,
    requested_attributes,
)
from .search import MatchStatistics, Search, has_matches, since_filter, stream
from .syncrepl.follower import SyncreplFollower


class LdapBackend(Backend):
    """A backend that serves the people of a directory, with failover between several servers.

    Nothing is connected before the first request. A connection that its server closed is replaced,
    so that the application need not be restarted when the directory is.
    """

    def __init__(self, settings: LdapSettings) -> None:
        """Check the settings, and warn of passwords that would cross the network unencrypted.

        Args:
            settings: Servers, bind, base and timeouts; `from_config` reads them from an
                application's config.

        Raises:
            ConfigurationError: The settings contradict each other.
        """
        settings.check()
        settings.warn_of_plain_passwords()
        self._settings = settings
        self._pool = ConnectionPool(settings)
        self._schema = DirectorySchema(self._pool, settings)
        self._statistics = MatchStatistics()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LdapBackend:
        """Return a backend for an application's `GLUU_CHANGES_LDAP_…` keys.

        Args:
            config: The application's config.

        Raises:
            ConfigurationError: A key is missing, unknown or wrong.
        """
        return cls(LdapSettings.load(config))

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Stream the matching entries in the order in which the directory sends them.

        Args:
            query: Who is asked for, and which attributes are needed.

        Raises:
            BackendUnavailable: No server of the setting can be reached, or one takes too long.
            BackendRefused: The directory refuses the search, or a setting does not fit it.
        """
        return chain.from_iterable(self._batches(query))

    def attribute_type(self, name: str) -> AttributeType | None:
        """Return the registered type of an attribute, else the one of the directory's schema.

        Args:
            name: The attribute's name without options, in any case.

        Raises:
            BackendError: The schema has to be read and cannot be.
        """
        return self._schema.info().types.get(name.lower())

    def describe(self, name: str) -> AttributeInfo | None:
        """Return what the directory's schema tells of an attribute; None where it has none.

        Args:
            name: A name or OID of the attribute, without options and in lower case.

        Raises:
            BackendError: The schema has to be read and cannot be.
        """
        return self._schema.info().describe(name)

    def yields_octets(self) -> bool:
        """Return True; False for a subclass with an own `changes` or `follower`."""
        own = type(self)
        return own.changes is LdapBackend.changes and own.follower is LdapBackend.follower

    def store_name(self) -> str:
        """Return the settings without secrets: the servers, who asks, and where people are."""
        return repr(self._settings)

    def ping(self, query: ChangesQuery) -> None:
        """Have a server answer on a bound connection.

        Args:
            query: Is not asked: without an index a directory would read everybody.

        Raises:
            BackendError: No server of the setting can be reached, or the bind is refused.
        """
        with translated("asking whether the directory answers"), self._pool.borrow_checked():
            pass

    def examine(self, query: ChangesQuery) -> Iterator[Finding]:
        """Examine every server of the setting: connection, schema, indexes, clock, limits, rights.

        Reads all people several times, and writes nothing.

        Args:
            query: What the feed would ask.
        """
        return examine(self._settings, query)

    def follower(self, query: ChangesQuery) -> Follower:
        """Return a consumer of slapd's syncrepl, or a reader of OpenDJ's changelog.

        Args:
            query: Which attributes are needed; its time does not count.

        Raises:
            NotFollowable: The directory does not report changes to this account.
            BackendError: The directory cannot be asked.
        """
        kind = SyncreplFollower if self._schema.info().openldap else ChangelogFollower
        return kind(self._pool, self._settings, self._schema, query)

    def connections(self) -> Mapping[str, tuple[int, int]]:
        """Return how many connections to the directory are idle, and in use."""
        return {"ldap": self._pool.numbers()}

    def close(self) -> None:
        """Unbind the idle connections."""
        self._pool.close()

    def _batches(self, query: ChangesQuery) -> Iterator[list[Entry]]:
        search, found = self._search(query), 0
        with translated("searching the people"):
            # An idle connection may have been closed by its server; then a new one is tried once.
            for borrow in (self._pool.borrow, self._pool.borrow_new):
                try:
                    with borrow() as connection:
                        if self._finds_nobody(connection, search, query):
                            break
                        for batch in stream(connection, search):
                            found += len(batch)
                            yield batch
                    break
                except UNREACHABLE as error:
                    # What was yielded cannot be taken back, and a slow server is not asked twice.
                    if found or isinstance(error, ldap.TIMEOUT):
                        raise
        if not query.everybody:
            self._statistics.record(query.since, found)

    def _finds_nobody(self, connection: Connection, search: Search, query: ChangesQuery) -> bool:
        """Ask whether there is still nobody, where the last answer was empty: most polls are."""
        if query.everybody or not self._statistics.none_since(query.since):
            return False
        return not has_matches(connection, search)

    def _search(self, query: ChangesQuery) -> Search:
        info = self._schema.info()
        check_time_attributes(query.time_attributes, info)
        check_object_class(self._settings.ldap_object_class, info)
        indexed = self._statistics.few_since(query.since) or not info.openldap
        return Search(
            base=self._settings.ldap_base_dn,
            filter=since_filter(query, self._settings.ldap_object_class, indexed=indexed),
            attributes=requested_attributes(query, info),
            timeout=self._settings.ldap_operation_timeout,
        )

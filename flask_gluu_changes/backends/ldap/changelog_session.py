"""Reading OpenDJ's external changelog, cn=changelog, from a cookie on.

A server's changelog has the changes of all replicas, also those that it has not yet made itself;
what it has made it shows in cn=monitor.

The changelog can be searched persistently, too. But whoever reads such a search slowly holds up
the server's replication, so it is asked at short intervals instead; nothing new costs next to
nothing. What a change consists of is not asked for: it may hold passwords.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import ldap
from ldap.cidict import cidict
from ldap.controls import RequestControl

from ...errors import BackendRefused, BackendUnavailable
from ...following import ContinuityLost
from ...model import Entry
from . import ber
from .changelog_position import Numbers, lowered, numbers_of
from .search import Search, stream
from .session import Session

CHANGELOG = "cn=changelog"
COOKIE_EXCHANGE = "1.3.6.1.4.1.26027.1.5.4"
NEWEST = "lastExternalChangelogCookie"
NAMES = ("changeType", "targetDN", "targetEntryUUID", "changeLogCookie")
"""What an account must be allowed to read of a record."""

REPLICAS = "cn=Replication,cn=monitor"
_OWN = "(&(domain-name=*)(replayed-updates=*))"
"""Finds what the server says of its own replicas; there are entries on others as well."""

PAGE = 1000
"""Records in one answer."""


class Change(NamedTuple):
    """A record of the changelog. name: the entry's before the change. cookie: right behind it."""

    kind: str
    name: str
    uuid: str
    cookie: str


class ChangelogSession(Session):
    """Reads the changelog in pages, and the people."""

    def newest(self) -> str | None:
        """Give the cookie behind the last change; None when the server does not show it."""
        root = self._handle.read_rootdse_s(attrlist=[NEWEST])
        return str(root[NEWEST][0].decode()) if root.get(NEWEST) else None

    def made(self) -> Numbers:
        """Give the last changes that the server has made itself, of each replica's changes."""
        names = ("domain-name", "server-state")
        found = self.visible(REPLICAS, ldap.SCOPE_SUBTREE, _OWN, *names)
        if not found:
            raise BackendUnavailable(f"the account that binds sees no replica in {REPLICAS}")
        return {base: numbers for _, entry in found for base, numbers in _state(cidict(entry))}

    def start(self) -> str:
        """Give a cookie behind the last change that the server has made."""
        newest = self.newest() or ""
        return lowered(newest, self.made()) if newest else ""

    def everybody(self, people: Search) -> Iterator[Entry]:
        """Stream all people."""
        return chain.from_iterable(stream(self._handle, people))

    def changes(self, cookie: str) -> list[Change]:
        """Give the next changes behind a cookie, `PAGE` of them if there are as many.

        Raises ContinuityLost when the server cannot begin there.
        """
        try:
            found = self.records(cookie, "(objectClass=changeLogEntry)", PAGE)
        except (ldap.UNWILLING_TO_PERFORM, ldap.PROTOCOL_ERROR) as error:
            self._blame(cookie, error)
            raise
        return [_change(entry) for _, entry in found]

    def records(self, cookie: str, filter_: str, limit: int) -> list[tuple[str, Any]]:
        """Search the changelog for no more than `limit` entries."""
        control = RequestControl(COOKIE_EXCHANGE, True, ber.octets(cookie.encode()))
        asked = (CHANGELOG, ldap.SCOPE_SUBTREE, filter_, ["objectClass", *NAMES])
        message = self._handle.search_ext(*asked, serverctrls=[control], sizelimit=limit)
        found: list[tuple[str, Any]] = []
        try:
            kind = None
            while kind != ldap.RES_SEARCH_RESULT:
                kind, entries = self._handle.part(message, self._timeout)
                found += entries
        except ldap.SIZELIMIT_EXCEEDED:
            pass
        return found

    def _blame(self, cookie: str, error: ldap.LDAPError) -> None:
        """Tell a cookie of no use from a server that can answer nobody, as in its last moments."""
        said = error.args[0].get("info", "") if error.args else ""
        try:
            self.records("", "(objectClass=changeLogEntry)", 1)
        except ldap.UNWILLING_TO_PERFORM:
            raise BackendUnavailable(f"the changelog cannot be read: {said}") from error
        raise ContinuityLost(f"the directory does not accept the cookie: {said}") from error


def shows(entry: Mapping[str, Any]) -> bool:
    """Tell whether the account may read all that is needed of a record."""
    return all(name in cidict(entry) for name in NAMES)


def _state(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    text = b" ".join(entry.get("server-state", [])).decode()
    yield entry["domain-name"][0].decode(), numbers_of(text)


def _change(entry: Mapping[str, Any]) -> Change:
    if not shows(entry):
        raise BackendRefused(f"a record of {CHANGELOG} hides one of {', '.join(NAMES)}")
    found = cidict(entry)
    return Change(*(found[name][0].decode() for name in NAMES))

"""Reading OpenDJ's external changelog, cn=changelog, from a position on.

A server's changelog has the changes of all replicas, also those that it has not yet made itself;
what it has made it shows in cn=monitor.

The changelog can be searched persistently, too. But whoever reads such a search slowly holds up
the server's replication, so it is asked at short intervals instead; nothing new costs next to
nothing. What a change consists of is not asked for: it may hold passwords.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import ldap
from ldap.cidict import cidict
from ldap.controls import RequestControl

from ....errors import BackendRefused, BackendUnavailable
from ....follower import ContinuityLost
from ....model import Entry
from ...ldap import ber
from ..follower import Session
from ..search import Search, stream

_CSN = re.compile(r"[0-9a-f]{16}([0-9a-f]{4})[0-9a-f]{8}")
"""A change sequence number of OpenDJ: time, server id, count, in hexadecimal digits."""

_COOKIE = re.compile(r"([^;]+:[0-9a-f ]*;)*")

Numbers: TypeAlias = Mapping[str, Mapping[str, str]]
"""Change sequence numbers by base and server id."""


@dataclass(frozen=True, slots=True)
class ChangelogPosition:
    """Two things that must agree with the directory's for the reading to continue.

    changelog: the server's cookie, `base:csn csn …;base:csn …;`; "" is before every change.
    shape: digest of the attributes and types that people were read with.
    """

    changelog: str
    shape: str

    @classmethod
    def parse(cls, cookie: str) -> ChangelogPosition:
        """Read what `str()` wrote; ContinuityLost for anything else."""
        try:
            found = cls(**json.loads(cookie))
        except (ValueError, TypeError) as error:
            raise ContinuityLost("the saved cookie cannot be read") from error
        if not _COOKIE.fullmatch(str(found.changelog)):
            raise ContinuityLost("the saved cookie is none of OpenDJ's")
        return found

    def __str__(self) -> str:
        return json.dumps({"changelog": self.changelog, "shape": self.shape})


def csns(cookie: str) -> Numbers:
    """Give the change sequence numbers in a cookie, the last of each server."""
    domains = (domain.rpartition(":") for domain in cookie.split(";") if domain)
    return {base: numbers_of(text) for base, _, text in domains}


def numbers_of(text: str) -> Mapping[str, str]:
    """Find the change sequence numbers in a text, by server id."""
    return {found[1]: found[0] for found in _CSN.finditer(text)}


def check_not_ahead(cookie: str, newest: str) -> None:
    """Raise ContinuityLost when the server does not know of all that the cookie stands for.

    newest: the server's own cookie. OpenDJ takes a cookie of the future for a good one.
    """
    if not covers({**{base: {} for base in csns(cookie)}, **csns(newest)}, cookie):
        raise ContinuityLost(f"the directory went back: it knows {newest!r}, and not {cookie!r}")


def covers(known: Numbers, cookie: str) -> bool:
    """Tell whether all that a cookie stands for is known; bases that are not are of no concern."""
    return all(
        known[base].get(server, "") >= number
        for base, numbers in csns(cookie).items()
        for server, number in numbers.items()
        if base in known
    )


def lowered(cookie: str, known: Numbers) -> str:
    """Give a cookie that stands for nothing that is not known; as `covers` has it."""
    return "".join(
        f"{base}:{' '.join(_lower(numbers, known.get(base, numbers)))};"
        for base, numbers in csns(cookie).items()
    )


def _lower(numbers: Mapping[str, str], known: Mapping[str, str]) -> Iterator[str]:
    return (min(number, known[server]) for server, number in numbers.items() if server in known)


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


class ChangelogRecord(NamedTuple):
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

    def changes(self, cookie: str) -> list[ChangelogRecord]:
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


def _change(entry: Mapping[str, Any]) -> ChangelogRecord:
    if not shows(entry):
        raise BackendRefused(f"a record of {CHANGELOG} hides one of {', '.join(NAMES)}")
    found = cidict(entry)
    return ChangelogRecord(*(found[name][0].decode() for name in NAMES))

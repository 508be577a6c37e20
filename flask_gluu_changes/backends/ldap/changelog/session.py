"""Reading OpenDJ's external changelog, cn=changelog, from a position on.

A server's changelog has the changes of all replicas, also those that it has not replayed itself
yet; what it has replayed it shows in cn=monitor.

The changelog can be searched persistently, too. But a slow reader of such a search holds up the
server's replication, so it is polled at short intervals instead; a poll without changes costs next
to nothing. What a change consists of is not asked for: it may hold passwords.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import ldap
from ldap.cidict import cidict
from ldap.controls import RequestControl

from ....errors import BackendRefused, BackendUnavailable
from ....follower import ContinuityLost
from ....model import Entry
from .. import ber
from ..follower import Session, read_position
from ..search import Search, stream

CHANGELOG = "cn=changelog"
COOKIE_EXCHANGE = "1.3.6.1.4.1.26027.1.5.4"
NEWEST = "lastExternalChangelogCookie"
NAMES = ("changeType", "targetDN", "targetEntryUUID", "changeLogCookie")
"""What an account must be allowed to read of a record."""

REPLICAS = "cn=Replication,cn=monitor"
_OWN_REPLICAS = "(&(domain-name=*)(replayed-updates=*))"
"""Finds the entries on the server's own replicas; there are entries on others as well."""

PAGE = 1000
"""Records in one answer."""

_RECORDS = "(objectClass=changeLogEntry)"

_CSN = re.compile(r"[0-9a-f]{16}([0-9a-f]{4})[0-9a-f]{8}")
"""A change sequence number of OpenDJ: time, server id, count, in hexadecimal digits."""

_COOKIE = re.compile(r"([^;]+:[0-9a-f ]*;)*")

Csns: TypeAlias = Mapping[str, Mapping[str, str]]
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
        """Read what `str()` wrote; raise ContinuityLost for anything else."""
        position = read_position(cls, cookie)
        if not _COOKIE.fullmatch(position.changelog):
            raise ContinuityLost("the saved cookie is none of OpenDJ's")
        return position

    def __str__(self) -> str:
        return json.dumps({"changelog": self.changelog, "shape": self.shape})


def csns(cookie: str) -> Csns:
    """Return the change sequence numbers in a cookie, the last of each server."""
    domains = (domain.rpartition(":") for domain in cookie.split(";") if domain)
    return {base: _csns_by_server(text) for base, _, text in domains}


def check_not_ahead(cookie: str, newest: str) -> None:
    """Raise ContinuityLost when the server lacks changes that the cookie stands for.

    newest: the server's own cookie. OpenDJ itself accepts a cookie of the future.
    """
    if not covers({**{base: {} for base in csns(cookie)}, **csns(newest)}, cookie):
        raise ContinuityLost(f"the directory went back: it knows {newest!r}, and not {cookie!r}")


def covers(known: Csns, cookie: str) -> bool:
    """Return whether all that a cookie stands for is known; other bases do not count."""
    return all(
        known[base].get(server, "") >= csn
        for base, by_server in csns(cookie).items()
        for server, csn in by_server.items()
        if base in known
    )


def limited(cookie: str, known: Csns) -> str:
    """Return a cookie that stands for nothing beyond what is known, as `covers` has it."""
    return "".join(
        f"{base}:{' '.join(_limited(by_server, known.get(base, by_server)))};"
        for base, by_server in csns(cookie).items()
    )


def _limited(by_server: Mapping[str, str], known: Mapping[str, str]) -> Iterator[str]:
    return (min(csn, known[server]) for server, csn in by_server.items() if server in known)


def _csns_by_server(text: str) -> Mapping[str, str]:
    return {found[1]: found[0] for found in _CSN.finditer(text)}


class ChangelogRecord(NamedTuple):
    """A record of the changelog.

    kind: add, delete, modify or modrdn. dn: the entry's before the change. cookie: the one right
    after the change.
    """

    kind: str
    dn: str
    uuid: str
    cookie: str


class ChangelogSession(Session):
    """A session that reads the changelog in pages, and the people."""

    def newest_cookie(self) -> str | None:
        """Return the cookie after the last change; None when the server does not show it."""
        root = self._connection.read_rootdse_s(attrlist=[NEWEST])
        return _text(root[NEWEST]) if root.get(NEWEST) else None

    def replayed(self) -> Csns:
        """Return the last change of each replica that the server has replayed itself."""
        names = ("domain-name", "server-state")
        found = self.search_visible(REPLICAS, ldap.SCOPE_SUBTREE, _OWN_REPLICAS, *names)
        if not found:
            raise BackendUnavailable(f"the account that binds sees no replica in {REPLICAS}")
        return dict(_replica_state(cidict(entry)) for _, entry in found)

    def replayed_cookie(self) -> str:
        """Return a cookie after the last change that the server has replayed."""
        newest = self.newest_cookie() or ""
        return limited(newest, self.replayed()) if newest else ""

    def entries(self, search: Search) -> Iterator[Entry]:
        """Stream the entries of a search."""
        return chain.from_iterable(stream(self._connection, search))

    def changes(self, cookie: str) -> list[ChangelogRecord]:
        """Return the next changes after a cookie, `PAGE` of them if there are as many.

        Raises ContinuityLost when the server cannot begin there.
        """
        try:
            found = self.records(cookie, _RECORDS, PAGE)
        except (ldap.UNWILLING_TO_PERFORM, ldap.PROTOCOL_ERROR) as error:
            self._explain(cookie, error)
            raise
        return [_record(entry) for _, entry in found]

    def records(self, cookie: str, filter_: str, limit: int) -> list[tuple[str, Any]]:
        """Search the changelog for no more than `limit` entries."""
        control = RequestControl(COOKIE_EXCHANGE, True, ber.octets(cookie.encode()))
        arguments = (CHANGELOG, ldap.SCOPE_SUBTREE, filter_, ["objectClass", *NAMES])
        message_id = self._connection.search_ext(*arguments, serverctrls=[control], sizelimit=limit)
        found: list[tuple[str, Any]] = []
        try:
            message_type = None
            while message_type != ldap.RES_SEARCH_RESULT:
                message_type, entries = self._connection.next_message(message_id, self._timeout)
                found += entries
        except ldap.SIZELIMIT_EXCEEDED:  # the way in which a page ends
            pass
        return found

    def _explain(self, cookie: str, error: ldap.LDAPError) -> None:
        """Raise ContinuityLost, or BackendUnavailable while the server answers nobody."""
        info = error.args[0].get("info", "") if error.args else ""
        try:
            self.records("", _RECORDS, 1)
        except ldap.UNWILLING_TO_PERFORM:
            raise BackendUnavailable(f"the changelog cannot be read: {info}") from error
        raise ContinuityLost(f"the directory does not accept the cookie: {info}") from error


def is_readable(entry: Mapping[str, Any]) -> bool:
    """Return whether the account may read all that is needed of a record."""
    found = cidict(entry)
    return all(found.get(name) for name in NAMES)


def _replica_state(entry: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    if not entry.get("domain-name"):
        raise BackendRefused(f"let the account that binds read domain-name below {REPLICAS}")
    state = b" ".join(entry.get("server-state", []))
    return _text(entry["domain-name"]), _csns_by_server(_text([state]))


def _record(entry: Mapping[str, Any]) -> ChangelogRecord:
    if not is_readable(entry):
        raise BackendRefused(
            f"a record of {CHANGELOG} hides one of {', '.join(NAMES)}; let the account that binds"
            " read them (OpenDJ: `dsconfig set-access-control-handler-prop --add global-aci:…`)"
        )
    found = cidict(entry)
    return ChangelogRecord(*(_text(found[name]) for name in NAMES))


def _text(values: Sequence[bytes]) -> str:
    """Return the first value; what is no UTF-8 in it names nothing that there is."""
    return values[0].decode(errors="replace")

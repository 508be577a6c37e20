"""Which search to send, and its answer as a stream.

slapd evaluates a wide `>=` on an indexed attribute in quadratic time, and a narrow one without the
index by reading everything. Which of both a time stamp is shows only in the number of its matches,
so the first search for a time avoids the index, and searches from a time on that was seen to have
few matches use it. After a time that was seen to have none, the next search asks only whether
there is any match, which is much cheaper than naming all attributes: most polls find nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Any

import ldap
from ldap.filter import filter_format

from ...errors import BackendRefused
from ...model import ChangesQuery, Entry
from ...timestamps import to_generalized_time
from .connection import Connection

FEW_MATCHES = 5000
"""Matches up to which slapd's index is the quicker way (it breaks even near 13,000)."""

REMEMBERED_SECONDS = 600.0
"""How long a time stamp counts as one with few matches without having been asked again."""

NO_ATTRIBUTES = "1.1"
"""Asks for the names of entries alone (RFC 4511, 4.5.1.8)."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search of the subtree below `base`; timeout in seconds for each message of the answer."""

    base: str
    filter: str
    attributes: tuple[str, ...]
    timeout: float

    def with_attributes(self, *names: str) -> Search:
        """Return the same search for other attributes."""
        return replace(self, attributes=names)


class MatchStatistics:
    """What the last searches found: since which time there are few matches, or none."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._few_since: tuple[datetime, float] | None = None
        self._none_since: datetime | None = None

    def few_since(self, since: datetime) -> bool:
        """Return whether a search from this time on will find few entries, as far as is known."""
        known = self._few_since
        return known is not None and known[0] <= since and not self._stale(known)

    def none_since(self, since: datetime) -> bool:
        """Return whether the last search found nobody, from this time on or an earlier one."""
        return self._none_since is not None and self._none_since <= since

    def record(self, since: datetime, found: int) -> None:
        """Take in how many entries a search found."""
        known = self._few_since
        self._none_since = None if found else since
        # An earlier time covers all later ones, so it is kept until it is stale or proved wrong.
        if found > FEW_MATCHES:
            self._few_since = None if self.few_since(since) else known
        elif known is None or since <= known[0] or self._stale(known):
            self._few_since = since, self._clock()

    def _stale(self, known: tuple[datetime, float]) -> bool:
        return self._clock() - known[1] > REMEMBERED_SECONDS


def since_filter(query: ChangesQuery, object_class: str, *, indexed: bool) -> str:
    """Return the filter (RFC 4515) for a query, in a form that may or may not use an index.

    The double negation means the same, but no server looks up a negation in an index.
    """
    person: str = filter_format("(objectClass=%s)", [object_class])
    if query.everybody:
        return person
    bounds = [
        filter_format("(%s>=%s)", [name, to_generalized_time(query.bound(name))])
        for name in query.time_attributes
    ]
    either = f"(|{''.join(bounds)})"
    if not indexed:
        either = f"(!(&{''.join(f'(!{bound})' for bound in bounds)}))"
    return f"(&{person}{either})"


def has_matches(connection: Connection, search: Search) -> bool:
    """Return whether a search would find any entry; raise what `stream` raises."""
    message_id = connection.send_search(search.base, search.filter, [NO_ATTRIBUTES], limit=1)
    types = []
    try:
        while ldap.RES_SEARCH_RESULT not in types:
            types.append(connection.next_message(message_id, search.timeout)[0])
    except ldap.SIZELIMIT_EXCEEDED:  # there are more than the one that was asked for
        return True
    return len(types) > 1


def stream(connection: Connection, search: Search) -> Iterator[list[Entry]]:
    """Yield the entries of a search message by message, as they arrive.

    Raises python-ldap's exceptions. A search that is given up is abandoned at the server.
    """
    message_id = connection.send_search(search.base, search.filter, search.attributes)
    message_type = None
    try:
        while message_type != ldap.RES_SEARCH_RESULT:
            message_type, entries = connection.next_message(message_id, search.timeout)
            yield [checked_entry(dn, entry) for dn, entry in entries]
    except (GeneratorExit, ldap.TIMEOUT):
        connection.abandon_ext(message_id)
        raise


def checked_entry(dn: str | None, entry: Any) -> Entry:
    """Return an entry of an answer; raise BackendRefused for a reference (RFC 4511, 4.5.3)."""
    if dn is None:
        raise BackendRefused(
            f"the directory refers to another server for a part of the people: {entry}; point"
            " GLUU_CHANGES_LDAP_URI at a server that holds them all"
        )
    return entry  # type: ignore[no-any-return]

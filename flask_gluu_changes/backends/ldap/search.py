"""Which search to ask, and its answer as a stream.

slapd evaluates a wide `>=` on an indexed attribute in quadratic time, and a narrow one without the
index by reading everything. Which of both a time stamp is shows only in the number of its matches,
so the first search for a time avoids the index, and searches after a time that was seen to have
few matches use it. After a time that was seen to have none, the next search asks only whether
there is anybody, which is much cheaper than naming all attributes: most polls find nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

import ldap
from ldap.filter import filter_format

from ...errors import BackendRefused
from ...model import ChangesQuery, Entry
from ...timestamps import to_generalized_time
from .connection import Handle

FEW = 5000
"""Matches up to which slapd's index is the quicker way (it breaks even near 13,000)."""

REMEMBERED_SECONDS = 600.0
"""How long a time stamp counts as narrow without having been asked again."""

NO_ATTRIBUTES = "1.1"
"""Asks for the names of entries alone (RFC 4511, 4.5.1.8)."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to ask of a directory: base, filter, attributes; timeout in seconds for each part."""

    base: str
    filter: str
    attributes: tuple[str, ...]
    timeout: float


def since_filter(query: ChangesQuery, object_class: str, *, indexed: bool) -> str:
    """Write the filter (RFC 4515) for a query, in a form that may or may not use an index.

    The double negation means the same, but no server looks up a negation in an index.
    """
    bounds = [
        filter_format("(%s>=%s)", [name, to_generalized_time(query.bound(name))])
        for name in query.time_attributes
    ]
    either = f"(|{''.join(bounds)})"
    if not indexed:
        either = f"(!(&{''.join(f'(!{bound})' for bound in bounds)}))"
    return f"(&{filter_format('(objectClass=%s)', [object_class])}{either})"


class NarrowTimes:
    """Remembers from which time on a search is known to find few entries."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: tuple[datetime, float] | None = None
        self._quiet: datetime | None = None

    def covers(self, since: datetime) -> bool:
        """Tell whether a search from this time on will find few entries, as far as is known."""
        known = self._known
        return known is not None and known[0] <= since and not self._stale(known)

    def quiet(self, since: datetime) -> bool:
        """Tell whether the last search found nobody, from this time on or an earlier one."""
        return self._quiet is not None and self._quiet <= since

    def learn(self, since: datetime, found: int) -> None:
        """Take in what a search found."""
        known = self._known
        self._quiet = None if found else since
        if found > FEW:
            self._known = None if self.covers(since) else known
        elif known is None or since <= known[0] or self._stale(known):
            self._known = since, self._clock()

    def _stale(self, known: tuple[datetime, float]) -> bool:
        return self._clock() - known[1] > REMEMBERED_SECONDS


def anybody(handle: Handle, search: Search) -> bool:
    """Tell whether a search would find anybody; raises what `stream` does."""
    asked = (search.base, ldap.SCOPE_SUBTREE, search.filter, [NO_ATTRIBUTES])
    try:
        return bool(handle.search_ext_s(*asked, timeout=search.timeout, sizelimit=1))
    except ldap.SIZELIMIT_EXCEEDED:
        return True


def stream(handle: Handle, search: Search) -> Iterator[list[Entry]]:
    """Yield the entries of one search in the parts in which they arrive, holding none back.

    Raises python-ldap's exceptions. A search that is given up is abandoned at the server.
    """
    message = handle.search_ext(
        search.base, ldap.SCOPE_SUBTREE, search.filter, list(search.attributes)
    )
    kind = None
    try:
        while kind != ldap.RES_SEARCH_RESULT:
            kind, entries = handle.part(message, search.timeout)
            yield [person(dn, entry) for dn, entry in entries]
    except (GeneratorExit, ldap.TIMEOUT):
        handle.abandon_ext(message)
        raise


def person(dn: str | None, entry: Any) -> Entry:
    """Give an entry of an answer; BackendRefused for a reference to another server."""
    if dn is None:
        raise BackendRefused(
            f"the directory refers to another server for a part of the people: {entry}; point"
            " GLUU_CHANGES_LDAP_URI at a server that holds them all"
        )
    return entry  # type: ignore[no-any-return]

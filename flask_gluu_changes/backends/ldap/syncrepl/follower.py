"""Following the people of an OpenLDAP directory exactly, by syncrepl (RFC 4533).

Where a cookie cannot be continued without a doubt, `ContinuityLost` says so, and everything is
read anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import ldap
from ldap.syncrepl import SyncRequestControl

from ....follower import Event, NotFollowable, StopSignal
from ..connection import Handle
from ..errors import translated
from ..follower import DirectoryFollower
from ..search import NO_ATTRIBUTES, Search
from .memberships import GROUPS, MEMBER
from .session import REQUEST, SyncPosition, SyncSession, check_not_ahead
from .stream import MEMBER_OF, SyncScope, SyncStream


class SyncreplFollower(DirectoryFollower):
    """Follows one directory; raises NotFollowable without slapd's overlay syncprov."""

    mechanism = "syncrepl"

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens in the directory, over one connection, until it is told to stop."""
        position = SyncPosition.parse(cookie) if cookie else SyncPosition("", "", "")
        with translated("following the people"), self._connections.own() as handle:
            self._followed = session = SyncSession(handle, self._timeout)
            check_not_ahead(position.people, self._context_csns(session))
            yield from SyncStream(session, self._plan(session), position).events(stop)

    def _require(self, handle: Handle) -> None:
        root = handle.read_rootdse_s(attrlist=["supportedControl"])
        if REQUEST.encode() not in root.get("supportedControl", []):
            raise NotFollowable("the directory offers no syncrepl (slapd: moduleload syncprov)")
        asked = (self._base, ldap.SCOPE_BASE, "(objectClass=*)", [NO_ATTRIBUTES])
        try:
            handle.search_ext_s(*asked, serverctrls=[SyncRequestControl(mode="refreshOnly")])
        except ldap.UNAVAILABLE_CRITICAL_EXTENSION as error:
            raise NotFollowable("the database of the people lacks overlay syncprov") from error

    def _context_csns(self, session: SyncSession) -> list[bytes]:
        own, name = self._contexts.own, "contextCSN"
        found = session.visible(own, ldap.SCOPE_BASE, "(objectClass=*)", name)
        return [number for _, entry in found for number in entry.get(name, [])]

    def _plan(self, session: SyncSession) -> SyncScope:
        people = self._people()
        groups = Search(self._contexts.own, GROUPS, (MEMBER,), self._timeout)
        shows = MEMBER_OF.lower() in {name.lower() for name in people.attributes}
        return SyncScope(people, groups if shows and self._can_see(session) else None, self._shape)

    def _can_see(self, session: SyncSession) -> bool:
        return bool(session.visible(self._contexts.own, ldap.SCOPE_BASE, "(objectClass=*)"))

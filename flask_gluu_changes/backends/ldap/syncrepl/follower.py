"""Following the people of an OpenLDAP directory exactly, by syncrepl (RFC 4533).

Where it is in doubt whether a cookie can be continued, `ContinuityLost` is raised, and everything
is read anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import ldap
from ldap.syncrepl import SyncRequestControl

from ....follower import Event, NotFollowable, StopSignal
from ..connection import Connection
from ..errors import translated
from ..follower import DirectoryFollower
from ..search import NO_ATTRIBUTES, Search
from .memberships import GROUPS, MEMBER
from .session import SYNC_REQUEST, SyncPosition, SyncSession, check_not_ahead
from .stream import MEMBER_OF, SyncScope, SyncStream


class SyncreplFollower(DirectoryFollower):
    """A follower of one directory; raises NotFollowable without slapd's overlay syncprov."""

    mechanism = "syncrepl"

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens in the directory, over one connection, until it is told to stop."""
        position = SyncPosition.parse(cookie) if cookie else SyncPosition("", "", "")
        with translated("following the people"), self._pool.dedicated() as connection:
            self._session = session = SyncSession(connection, self._timeout)
            self._check_directory(session)
            check_not_ahead(position.people, self._context_csns(session))
            yield from SyncStream(session, self._scope(session), position).events(stop)

    def _require(self, connection: Connection) -> None:
        root = connection.read_rootdse_s(attrlist=["supportedControl"])
        if SYNC_REQUEST.encode() not in root.get("supportedControl", []):
            raise NotFollowable("the directory offers no syncrepl (slapd: moduleload syncprov)")
        arguments = (self._base, ldap.SCOPE_BASE, "(objectClass=*)", [NO_ATTRIBUTES])
        control = SyncRequestControl(mode="refreshOnly")
        try:
            connection.search_ext_s(*arguments, serverctrls=[control])
        except ldap.UNAVAILABLE_CRITICAL_EXTENSION as error:
            raise NotFollowable("the database of the people lacks overlay syncprov") from error

    def _context_csns(self, session: SyncSession) -> list[bytes]:
        base, name = self._contexts.of_people, "contextCSN"
        found = session.search_visible(base, ldap.SCOPE_BASE, "(objectClass=*)", name)
        return [csn for _, entry in found for csn in entry.get(name, [])]

    def _scope(self, session: SyncSession) -> SyncScope:
        people = self._people()
        groups = Search(self._contexts.of_people, GROUPS, (MEMBER,), self._timeout)
        shown = MEMBER_OF.lower() in {name.lower() for name in people.attributes}
        return SyncScope(people, groups if shown and self._can_see(session) else None, self._shape)

    def _can_see(self, session: SyncSession) -> bool:
        base = self._contexts.of_people
        return bool(session.search_visible(base, ldap.SCOPE_BASE, "(objectClass=*)"))

"""Following the people of an OpenLDAP directory exactly, by syncrepl (RFC 4533).

Where it is in doubt whether a cookie can be continued, `ContinuityLost` is raised, and everything
is read anew.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import replace

import ldap
from ldap.syncrepl import SyncRequestControl

from ....follower import ContinuityLost, Event, NotFollowable, StopSignal
from ....model import ChangesQuery
from ....settings.backends import LdapSettings
from ..connection import Connection, ConnectionPool
from ..errors import translated
from ..follower import DirectoryFollower, read_position
from ..groups import GROUPS, MEMBER_OF, MEMBERS
from ..schema import DirectorySchema
from ..search import NO_ATTRIBUTES, Search
from .session import SYNC_REQUEST, SyncPosition, SyncSession, ahead
from .stream import SyncScope, SyncStream

log = logging.getLogger(__name__)


class SyncreplFollower(DirectoryFollower):
    """A follower of one directory; raises NotFollowable without slapd's overlay syncprov."""

    mechanism = "syncrepl"

    def __init__(
        self,
        pool: ConnectionPool,
        settings: LdapSettings,
        schema: DirectorySchema,
        query: ChangesQuery,
    ) -> None:
        super().__init__(pool, settings, schema, query)
        self._stream: SyncStream | None = None
        if self._shows_groups(self._people()):
            self.why += (
                f"; memberOf is read again when a group's {' or '.join(MEMBERS)} changes, and that"
                " of dynamic and nested groups is compared every"
                f" {settings.ldap_compare_interval:g} s"
            )

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens in the directory, over one connection, until it is told to stop."""
        position = SyncPosition.parse(cookie) if cookie else SyncPosition("", "", "")
        with translated("following the people"), self._pool.dedicated() as connection:
            self._session = session = SyncSession(connection, self._timeout)
            self._check_directory(session)
            scope = self._scope(session)
            if missing := ahead(position.people, self._context_csns(session)):
                self._check_crashed(session, scope, position, missing)
                position = SyncPosition("", "", "")  # slapd would refuse its cookie
            self._stream = SyncStream(session, scope, position)
            yield from self._stream.events(stop)

    def present(self, ids: Collection[str]) -> set[str]:
        """Look identities up, and have whoever is there compared: nothing told of him."""
        found = super().present(ids)
        if self._stream is not None:
            self._stream.suspect(found)
        return found

    def doubted(self, cookie: str) -> str:
        """Return a cookie by which all people are read again whom slapd does not report."""
        return str(replace(read_position(SyncPosition, cookie), told="")) if cookie else cookie

    def _check_crashed(
        self, session: SyncSession, scope: SyncScope, position: SyncPosition, missing: list[str]
    ) -> None:
        """Raise ContinuityLost unless the directory only forgot how far it was.

        After a crash slapd begins with the contextCSN that it last wrote down, though entries are
        newer. The last change may be a deletion, which leaves no entry: then all are as told. By a
        cookie that is in doubt nobody is.
        """
        base = self._contexts.of_people
        if all(session.has_changes_since(base, csn) for csn in missing):
            log.info("slapd forgot how far it was, and nothing else; everybody is read again")
        elif (
            session.stamps(scope.people, scope.references).in_other_buckets(position.told)
            is not None
        ):
            text = f"the directory went back: it knows nothing as new as {missing[0]}"
            raise ContinuityLost(text)

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
        groups = Search(self._contexts.of_people, GROUPS, MEMBERS, self._timeout)
        known = self._schema.info().references
        references = frozenset(name for name in people.attributes if name.lower() in known)
        visible = self._shows_groups(people) and self._can_see(session)
        return SyncScope(
            self._contexts.of_people,
            people,
            groups if visible else None,
            references,
            self._shape,
            self._settings.ldap_compare_interval,
        )

    def _shows_groups(self, people: Search) -> bool:
        return MEMBER_OF.lower() in {name.lower() for name in people.attributes}

    def _can_see(self, session: SyncSession) -> bool:
        base = self._contexts.of_people
        return bool(session.search_visible(base, ldap.SCOPE_BASE, "(objectClass=*)"))

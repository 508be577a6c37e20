"""Following the people of an OpenDJ exactly, by its external changelog with cookies.

Gluu keeps memberOf on people itself, so that a membership that begins or ends is a change of the
person. OpenDJ's own isMemberOf is computed when it is asked for: no change tells of it, and people
are not read with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import ldap

from ....follower import Event, NotFollowable, StopSignal
from ..connection import Handle
from ..errors import translated
from ..follower import UUID, DirectoryFollower, until_farewell
from .session import (
    CHANGELOG,
    COOKIE_EXCHANGE,
    NAMES,
    NEWEST,
    ChangelogPosition,
    ChangelogSession,
    check_not_ahead,
    shows,
)
from .stream import ChangelogScope, ChangelogStream

NO_CHANGELOG = (
    f"the directory has no {CHANGELOG} (OpenDJ: enable replication, for which one server is enough)"
)
NOT_ALLOWED = (
    "the account that binds may not read the changelog (OpenDJ: give it the privilege"
    f" changelog-read, the control {COOKIE_EXCHANGE}, {NEWEST} of the root DSE, and"
    f" {', '.join(NAMES)} below {CHANGELOG})"
)


class ChangelogFollower(DirectoryFollower):
    """Follows one directory; raises NotFollowable without a changelog that may be read."""

    mechanism = CHANGELOG

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens in the directory, over one connection, until it is told to stop."""
        position = ChangelogPosition.parse(cookie) if cookie else ChangelogPosition("", "")
        following = translated("following the people")
        with following, until_farewell(), self._connections.own() as handle:
            self._followed = session = ChangelogSession(handle, self._timeout)
            check_not_ahead(position.changelog, session.newest() or "")
            yield from ChangelogStream(session, self._plan(), position).events(stop)

    def _require(self, handle: Handle) -> None:
        root = handle.read_rootdse_s(attrlist=["supportedControl"])
        if COOKIE_EXCHANGE.encode() not in root.get("supportedControl", []):
            raise NotFollowable(NO_CHANGELOG)
        session = ChangelogSession(handle, self._timeout)
        try:
            found = dict(session.records("", "(objectClass=*)", 2))
        except ldap.NO_SUCH_OBJECT as error:
            raise NotFollowable(NO_CHANGELOG) from error
        except (ldap.UNAVAILABLE_CRITICAL_EXTENSION, ldap.INSUFFICIENT_ACCESS) as error:
            raise NotFollowable(NOT_ALLOWED) from error
        root_of_it = found.pop(CHANGELOG, None)
        if None in (root_of_it, session.newest()) or not all(map(shows, found.values())):
            raise NotFollowable(NOT_ALLOWED)

    def _plan(self) -> ChangelogScope:
        people = self._people()
        named = replace(people, attributes=(*people.attributes, UUID))
        return ChangelogScope(named, self._contexts.every, self._shape)

"""Following the people of an OpenDJ exactly, by its external changelog with cookies.

Gluu keeps memberOf on people itself, so that a membership that begins or ends is a change of the
person. OpenDJ's own isMemberOf is computed when it is asked for: no change reports it, and people
are not read with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import ldap

from ....follower import Event, NotFollowable, StopSignal
from ..connection import Connection
from ..errors import translated
from ..follower import DirectoryFollower, shutdown_as_unavailable
from .session import (
    CHANGELOG,
    COOKIE_EXCHANGE,
    NAMES,
    NEWEST,
    ChangelogPosition,
    ChangelogSession,
    check_not_ahead,
    is_readable,
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
    """A follower of one directory; raises NotFollowable without a changelog that may be read."""

    mechanism = CHANGELOG

    def events(self, cookie: str, stop: StopSignal) -> Iterator[Event]:
        """Yield what happens in the directory, over one connection, until it is told to stop."""
        position = ChangelogPosition.parse(cookie) if cookie else ChangelogPosition("", "")
        following = translated("following the people")
        with following, shutdown_as_unavailable(), self._pool.dedicated() as connection:
            self._session = session = ChangelogSession(connection, self._timeout)
            self._check_directory(session)
            check_not_ahead(position.changelog, session.newest_cookie() or "")
            yield from ChangelogStream(session, self._scope(), position).events(stop)

    def _require(self, connection: Connection) -> None:
        root = connection.read_rootdse_s(attrlist=["supportedControl"])
        if COOKIE_EXCHANGE.encode() not in root.get("supportedControl", []):
            raise NotFollowable(NO_CHANGELOG)
        session = ChangelogSession(connection, self._timeout)
        try:
            found = dict(session.records("", "(objectClass=*)", 2))
        except ldap.NO_SUCH_OBJECT as error:
            raise NotFollowable(NO_CHANGELOG) from error
        except (ldap.UNAVAILABLE_CRITICAL_EXTENSION, ldap.INSUFFICIENT_ACCESS) as error:
            raise NotFollowable(NOT_ALLOWED) from error
        visible = found.pop(CHANGELOG, None) is not None and session.newest_cookie() is not None
        if not visible or not all(map(is_readable, found.values())):
            raise NotFollowable(NOT_ALLOWED)

    def _scope(self) -> ChangelogScope:
        return ChangelogScope(self._people(), self._contexts.names, self._shape)

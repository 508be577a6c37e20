"""A connection with searches that never end: refreshAndPersist of RFC 4533.

python-ldap's `SyncreplConsumer` decodes controls with pyasn1, which costs twice as much as all the
rest of reading an entry; here they are taken as the octets that they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import ldap
from ldap.syncrepl import SyncRequestControl

from ...errors import BackendRefused, BackendUnavailable
from ...following import ContinuityLost
from ...model import Entry
from .search import Search, person
from .session import Session
from .sync_messages import INFO, EntryState, SyncInfo, entry_state, sync_info

REFRESH_REQUIRED = (ldap.UNWILLING_TO_PERFORM.errnum, 4096)
"""What slapd says to a cookie newer than itself, and e-syncRefreshRequired (RFC 4533, 2.6)."""


class SyncEntry(NamedTuple):
    """An entry that was added, changed or deleted, or is still there."""

    search: int
    name: str
    entry: Entry
    state: EntryState


class SyncNews(NamedTuple):
    """A message about a search as a whole."""

    search: int
    info: SyncInfo


class SyncSession(Session):
    """Several such searches on one connection, told apart by their number."""

    def fileno(self) -> int:
        """Give the socket, to wait on when `poll` has nothing."""
        return int(self._handle.fileno())

    def follow(self, search: Search, cookie: str) -> int:
        """Begin a search from a cookie on; its number tells its messages."""
        control = SyncRequestControl(cookie=cookie or None, mode="refreshAndPersist")
        asked = (search.base, ldap.SCOPE_SUBTREE, search.filter, list(search.attributes))
        return int(self._handle.search_ext(*asked, serverctrls=[control]))

    def poll(self) -> SyncEntry | SyncNews | None:
        """Give the next message that is there, whatever its search; None when none is."""
        with _continuous():
            while (message := self._handle.waiting())[0] is not None:
                kind, content, search = message
                if kind == ldap.RES_SEARCH_RESULT:
                    raise BackendUnavailable("the directory ended a search that has no end")
                if found := _decoded(kind, content, search):
                    return found
        return None


def _decoded(kind: int, content: list[Any], search: int) -> SyncEntry | SyncNews | None:
    """Decode a message; each holds one entry or one announcement. None: of no concern."""
    name, value, controls = content[0]
    if kind != ldap.RES_INTERMEDIATE:
        return SyncEntry(search, name, person(name, value), entry_state(controls))
    return SyncNews(search, sync_info(value)) if name == INFO else None


@contextmanager
def _continuous() -> Iterator[None]:
    """Tell the answer to a cookie of no use from other failures."""
    try:
        yield
    except ValueError as error:
        raise BackendRefused(f"a message of syncrepl cannot be read: {error}") from error
    except ldap.LDAPError as error:
        said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        if said.get("result") in REFRESH_REQUIRED:
            why = f"the directory does not accept the cookie: {said.get('info', '')}"
            raise ContinuityLost(why) from error
        raise

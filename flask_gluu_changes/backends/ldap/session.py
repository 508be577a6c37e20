"""A connection of a follower's own: its searches, with the account's rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ldap

from ...errors import BackendUnavailable
from .connection import Handle
from .search import NO_ATTRIBUTES

HIDDEN = (ldap.NO_SUCH_OBJECT, ldap.INSUFFICIENT_ACCESS)


FAREWELL = (ldap.PROTOCOL_ERROR, ldap.CANCELLED)
"""What an OpenDJ that shuts down says to whoever is waiting for an answer."""


@contextmanager
def until_farewell() -> Iterator[None]:
    """Tell the end of a connection from what an operator must mend."""
    try:
        yield
    except FAREWELL as error:
        raise BackendUnavailable(f"the directory ended the connection: {error}") from error


class Session:
    """Reads over one connection. timeout: seconds for a whole answer."""

    def __init__(self, handle: Handle, timeout: float) -> None:
        self._handle = handle
        self._timeout = timeout

    def read(self, base: str, scope: int, filter_: str, *names: str) -> list[tuple[str, Any]]:
        """Search in between, while messages of other searches queue up."""
        asked = (base, scope, filter_, list(names) or [NO_ATTRIBUTES])
        found = self._handle.search_ext_s(*asked, timeout=self._timeout)
        return [(dn, entry) for dn, entry in found if dn is not None]

    def visible(self, base: str, scope: int, filter_: str, *names: str) -> list[tuple[str, Any]]:
        """Search; what the account that binds may not see counts as not there."""
        try:
            return self.read(base, scope, filter_, *names)
        except HIDDEN:
            return []

    def ping(self) -> None:
        """Find out whether the directory is still there; a dead one raises."""
        self.read("", ldap.SCOPE_BASE, "(objectClass=*)")

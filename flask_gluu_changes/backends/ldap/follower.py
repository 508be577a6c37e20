"""What all followers of a directory have in common, however they learn of changes.

Identities are entryUUIDs, which survive every rename. A follower has a connection of its own, with
the account's rights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import ldap
from ldap.filter import filter_format

from ...errors import BackendUnavailable
from ...model import ChangesQuery
from ...settings.backends import LdapSettings
from .connection import Connections, Handle
from .dn import within
from .errors import translated
from .schema import DirectorySchema, check_times, wanted
from .search import NO_ATTRIBUTES, Search

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


UUID = "entryUUID"

AT_ONCE = 200
"""Identities to be looked up by one search."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """The naming contexts of a directory, and the one that holds the people."""

    every: tuple[str, ...]
    own: str


class DirectoryFollower:
    """Knows whom to follow and in which form.

    mechanism: how changes are told, for the source's reader. Making one raises what `_require`
    raises: NotFollowable when the directory cannot be followed like that.
    """

    level = "exact"
    mechanism = ""

    def __init__(
        self,
        connections: Connections,
        settings: LdapSettings,
        schema: DirectorySchema,
        query: ChangesQuery,
    ) -> None:
        self._connections = connections
        self._schema = schema
        self._query = query
        self._timeout = settings.ldap_operation_timeout
        self._base = str(settings.ldap_base_dn)
        self._filter = filter_format("(objectClass=%s)", [str(settings.ldap_object_class)])
        asking = translated(f"asking for {self.mechanism}")
        with asking, until_farewell(), connections.reliable() as handle:
            self._require(handle)
            self._contexts = _contexts(handle, self._base)
        self._followed: Session | None = None
        where = " ".join(settings.ldap_uri)
        self.source = f"{UUID} {self._base} {self._filter} at {where}"
        self.why = f"{self.mechanism} tells every change at {where}"

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Look for entries that were moved away, or changed so that they are no people now."""
        gone, session = list(ids), self._followed
        if session is None:
            raise BackendUnavailable("nothing is followed at the moment")
        with translated("looking for entries that left the people"), until_farewell():
            return {uuid for any_of in any_of_each(gone) for uuid in self._found(session, any_of)}

    def count(self) -> int | None:
        """Count the people by their names alone, which takes a tenth of the time of reading."""
        asked = (self._base, ldap.SCOPE_SUBTREE, self._filter, [NO_ATTRIBUTES])
        with translated("counting the people"), self._connections.reliable() as handle:
            return len(handle.search_ext_s(*asked, timeout=self._timeout))

    def _require(self, handle: Handle) -> None:
        """Raise NotFollowable unless the directory tells changes."""
        raise NotImplementedError

    def _found(self, session: Session, filter_: str) -> Iterator[str]:
        for context in self._contexts.every:
            for _, entry in session.visible(context, ldap.SCOPE_SUBTREE, filter_, UUID):
                yield entry[UUID][0].decode()

    def _people(self) -> Search:
        info = self._schema.info()
        check_times(self._query.time_attributes, info)
        return Search(self._base, self._filter, wanted(self._query, info), self._timeout)

    def _shape(self) -> str:
        """Give the digest of all that decides how people are read, as it is at the moment."""
        info = self._schema.info()
        kinds = sorted((name, str(kind)) for name, kind in info.types.items())
        text = repr((wanted(self._query, info), kinds))
        return blake2b(text.encode(), digest_size=8).hexdigest()


def any_of_each(uuids: list[str]) -> Iterator[str]:
    """Write filters that find identities, a limited number by each."""
    for i in range(0, len(uuids), AT_ONCE):
        each = (filter_format(f"({UUID}=%s)", [uuid]) for uuid in uuids[i : i + AT_ONCE])
        yield f"(|{''.join(each)})"


def _contexts(handle: Handle, base: str) -> Contexts:
    root = handle.read_rootdse_s(attrlist=["namingContexts"])
    every = tuple(name.decode() for name in root.get("namingContexts", []) if name)
    holding = [name for name in every if within(base, name)]
    return Contexts(every, max(holding, key=len, default=base))

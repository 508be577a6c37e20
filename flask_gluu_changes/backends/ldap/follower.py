"""What all followers of a directory have in common, however they learn of changes.

Identities are entryUUIDs, which survive every rename. A follower has a connection of its own, with
the account's rights.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain
from typing import Any, TypeVar

import ldap
from ldap.filter import filter_format

from ...errors import BackendRefused, BackendUnavailable
from ...follower import ContinuityLost, Upserted
from ...model import ChangesQuery
from ...settings.backends import LdapSettings
from .connection import Connection, ConnectionPool
from .dn import normal, within
from .errors import translated
from .schema import (
    DirectorySchema,
    check_object_class,
    check_time_attributes,
    hidden_attributes,
    requested_attributes,
)
from .search import NO_ATTRIBUTES, Search, stream

T = TypeVar("T")

UUID = "entryUUID"
CSN = "entryCSN"

UUIDS_PER_SEARCH = 200
"""Identities that are looked up by one search."""

NOT_VISIBLE = (ldap.NO_SUCH_OBJECT, ldap.INSUFFICIENT_ACCESS)

SHUTDOWN_RESULTS = (ldap.PROTOCOL_ERROR, ldap.CANCELLED)
"""What an OpenDJ that shuts down answers to pending requests."""


@contextmanager
def shutdown_as_unavailable() -> Iterator[None]:
    """Raise BackendUnavailable when the server shuts down: no operator need act on that."""
    try:
        yield
    except SHUTDOWN_RESULTS as error:
        raise BackendUnavailable(f"the directory ended the connection: {error}") from error


class Session:
    """Searches over one connection. timeout: seconds for a whole answer."""

    def __init__(self, connection: Connection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout

    def search(self, base: str, scope: int, filter_: str, *names: str) -> list[tuple[str, Any]]:
        """Return the entries of a search, while messages of other searches queue up."""
        arguments = (base, scope, filter_, list(names) or [NO_ATTRIBUTES])
        found = self._connection.search_ext_s(*arguments, timeout=self._timeout)
        return [(dn, entry) for dn, entry in found if dn is not None]

    def search_visible(
        self, base: str, scope: int, filter_: str, *names: str
    ) -> list[tuple[str, Any]]:
        """Search; what the account that binds may not see counts as absent."""
        try:
            return self.search(base, scope, filter_, *names)
        except NOT_VISIBLE:
            return []

    def ping(self) -> None:
        """Read the root DSE; raises when the directory no longer answers."""
        self.search("", ldap.SCOPE_BASE, "(objectClass=*)")


@dataclass(frozen=True, slots=True)
class NamingContexts:
    """The naming contexts of a directory (RFC 4512, 5.1), and the one that holds the people."""

    names: tuple[str, ...]
    of_people: str


class DirectoryFollower:
    """The base of followers: whom to follow, and in which form.

    mechanism: how changes are reported, for an operator. The constructor raises what `_require`
    raises: NotFollowable when the directory cannot be followed in this way.
    """

    level = "exact"
    mechanism = ""

    def __init__(
        self,
        pool: ConnectionPool,
        settings: LdapSettings,
        schema: DirectorySchema,
        query: ChangesQuery,
    ) -> None:
        self._pool = pool
        self._schema = schema
        self._query = query
        self._settings = settings
        self._timeout = settings.ldap_operation_timeout
        self._base = settings.ldap_base_dn
        self._filter = filter_format("(objectClass=%s)", [settings.ldap_object_class])
        asking = translated(f"asking for {self.mechanism}")
        # a new one, because `events` opens one too: both reach the first server that answers
        with asking, shutdown_as_unavailable(), pool.borrow_new() as connection:
            self._require(connection)
            self._contexts = _naming_contexts(connection, self._base)
            self._identity = self._identify(Session(connection, self._timeout))
        self._session: Session | None = None
        self.source = f"{UUID} {normal(self._base)} {self._filter.lower()} in {self._identity}"
        self.why = f"{self.mechanism} reports every change"  # clients read it: no address in it

    def doubted(self, cookie: str) -> str:
        """Return the cookie as it is: it says nothing of how identities were told."""
        return cookie

    def present(self, ids: Collection[str]) -> set[str]:
        """Look identities up over the session that follows: another server may lag behind."""
        looking = translated("looking for people whom a search did not show")
        with looking, shutdown_as_unavailable(), self._any_session() as session:
            return {
                uuid_of(entry)
                for any_uuid in uuid_filters([*ids])
                for _, entry in session.search(
                    self._base, ldap.SCOPE_SUBTREE, f"(&{self._filter}{any_uuid})", UUID
                )
            }

    def outside(self, ids: Iterable[str]) -> set[str]:
        """Return those entries that were moved away, or changed so that they are no people now."""
        uuids, looking = list(ids), translated("looking for entries that left the people")
        with looking, shutdown_as_unavailable(), self._any_session() as session:
            return {
                uuid for filter_ in uuid_filters(uuids) for uuid in self._uuids(session, filter_)
            }

    def read(self, ids: Collection[str] | None = None) -> Iterator[Upserted]:
        """Read the people by plain searches over a connection of their own."""
        reading = translated("reading the people")
        with reading, shutdown_as_unavailable(), self._pool.dedicated() as connection:
            self._check_directory(Session(connection, self._timeout))
            people = self._people()
            for filter_ in [""] if ids is None else uuid_filters([*ids]):
                search = replace(with_uuid(people), filter=f"(&{people.filter}{filter_})")
                for entry in chain.from_iterable(stream(connection, search)):
                    yield Upserted(take_uuid(entry, people), entry)

    @contextmanager
    def _any_session(self) -> Iterator[Session]:
        """Lend the session that follows, or another one where nothing is followed."""
        if self._session is not None:
            yield self._session
            return
        with self._pool.borrow_checked() as connection:
            yield Session(connection, self._timeout)

    def count(self) -> int | None:
        """Count the people by their names alone, which takes a tenth of the time of reading."""
        arguments = (self._base, ldap.SCOPE_SUBTREE, self._filter, [NO_ATTRIBUTES])
        with translated("counting the people"), self._pool.borrow_checked() as connection:
            return len(connection.search_ext_s(*arguments, timeout=self._timeout))

    def _identify(self, session: Session) -> str:
        """Return what tells this directory from others, at whatever address it is.

        That is the entryUUID of its suffix, which replicas and restored directories have as well;
        where the account may not see it, that of the people's base.
        """
        for base in (self._contexts.of_people, self._base):
            found = session.search_visible(base, ldap.SCOPE_BASE, "(objectClass=*)", UUID)
            for _, entry in found:
                if UUID in entry:
                    return f"the directory {uuid_of(entry)}"
        return f"the directory at {' '.join(self._settings.ldap_uri)}"

    def _check_directory(self, session: Session) -> None:
        """Raise BackendUnavailable when another directory answers than the one to be followed."""
        if self._identify(session) != self._identity:
            raise BackendUnavailable("another directory of GLUU_CHANGES_LDAP_URI answers now")

    def _require(self, connection: Connection) -> None:
        """Raise NotFollowable unless the directory reports changes."""
        raise NotImplementedError

    def _uuids(self, session: Session, filter_: str) -> Iterator[str]:
        for context in self._contexts.names:
            for _, entry in session.search_visible(context, ldap.SCOPE_SUBTREE, filter_, UUID):
                yield uuid_of(entry)

    def _people(self) -> Search:
        info = self._schema.info()
        check_time_attributes(self._query.time_attributes, info)
        check_object_class(self._settings.ldap_object_class, info)
        attributes = requested_attributes(self._query, info)
        return Search(self._base, self._filter, attributes, self._timeout)

    def _shape(self) -> str:
        """Return the digest of all that decides how people are read, as it is at the moment."""
        info = self._schema.info()
        kinds = sorted((name, str(kind)) for name, kind in info.types.items())
        hidden = hidden_attributes(self._query, info)
        text = repr((requested_attributes(self._query, info), kinds, hidden))
        return blake2b(text.encode(), digest_size=8).hexdigest()


def with_uuid(people: Search) -> Search:
    """Return the same search, by which the entryUUID comes as well."""
    return people.with_attributes(*dict.fromkeys((*people.attributes, UUID)))


def take_uuid(entry: Any, people: Search) -> str:
    """Return the entryUUID of an entry, and take it out unless it was asked for as well."""
    uuid = uuid_of(entry)
    if UUID not in people.attributes:
        del entry[UUID]
    return uuid


def uuid_of(entry: Mapping[str, Sequence[bytes]]) -> str:
    """Return the identity of an entry; raise BackendRefused where the account may not see it."""
    if UUID not in entry:
        raise BackendRefused(
            f"let the account that binds read {UUID} of the people and groups (slapd: `access to"
            f" attrs={UUID} by dn.exact=… read`)"
        )
    return entry[UUID][0].decode(errors="replace")


def read_position(kind: Callable[..., T], cookie: str) -> T:
    """Read a saved position, a JSON object of texts; raise ContinuityLost for anything else."""
    try:
        texts = json.loads(cookie)
        "".join(texts.values()).encode()
        return kind(**texts)
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise ContinuityLost("the saved cookie cannot be read") from error


def uuid_filters(uuids: list[str]) -> Iterator[str]:
    """Yield filters that find identities, `UUIDS_PER_SEARCH` by each."""
    for i in range(0, len(uuids), UUIDS_PER_SEARCH):
        each = (filter_format(f"({UUID}=%s)", [uuid]) for uuid in uuids[i : i + UUIDS_PER_SEARCH])
        yield f"(|{''.join(each)})"


def _naming_contexts(connection: Connection, base: str) -> NamingContexts:
    root = connection.read_rootdse_s(attrlist=["namingContexts"])
    names = tuple(name.decode() for name in root.get("namingContexts", []) if name)
    holding = [name for name in names if within(base, name)]
    return NamingContexts(names, max(holding, key=len, default=base))

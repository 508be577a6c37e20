"""One connection with syncrepl searches: positions, messages, and refreshAndPersist (RFC 4533).

python-ldap's `SyncreplConsumer` decodes controls with pyasn1, which costs twice as much as all the
rest of reading an entry; here they are taken as the octets that they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import ldap
from ldap.syncrepl import SyncRequestControl

from ....errors import BackendRefused, BackendUnavailable
from ....follower import ContinuityLost
from ....model import Entry
from ...ldap import ber
from ..follower import Session
from ..search import Search, person

_CSN = re.compile(r"\d{14}\.\d{6}Z#[0-9a-f]{6}#([0-9a-f]{3})#[0-9a-f]{6}")
"""A change sequence number: time, count, server id, count (draft-ietf-ldup-model)."""


@dataclass(frozen=True, slots=True)
class SyncPosition:
    """Three things that must agree with the directory's for the reading to continue.

    people: the server's cookie. groups: digest of the memberships that people were read with.
    shape: digest of the attributes and types that they were read with.
    """

    people: str
    groups: str
    shape: str

    @classmethod
    def parse(cls, cookie: str) -> SyncPosition:
        """Read what `str()` wrote; ContinuityLost for anything else."""
        try:
            found = cls(**json.loads(cookie))
        except (ValueError, TypeError) as error:
            raise ContinuityLost("the saved cookie cannot be read") from error
        if not csns(found.people.encode()):
            raise ContinuityLost("the saved cookie is none of OpenLDAP's")
        return found

    def __str__(self) -> str:
        return json.dumps({"people": self.people, "groups": self.groups, "shape": self.shape})


def csns(octets: bytes) -> Mapping[str, str]:
    """Give the change sequence numbers in a cookie or in contextCSN, by server id."""
    text = octets.decode(errors="replace").partition(",delcsn=")[0]
    return {found[1]: found[0] for found in _CSN.finditer(text)}


def check_not_ahead(cookie: str, context: Iterable[bytes]) -> None:
    """Raise ContinuityLost when the server does not know of all that the cookie stands for.

    context: its contextCSN; a server that does not show it is asked by the search alone.
    """
    known = csns(b";".join(context))
    for server, number in csns(cookie.encode()).items():
        if known and known.get(server, "") < number:
            raise ContinuityLost(f"the directory went back: it knows nothing as new as {number}")


REQUEST = "1.3.6.1.4.1.4203.1.9.1.1"
STATE = "1.3.6.1.4.1.4203.1.9.1.2"
INFO = "1.3.6.1.4.1.4203.1.9.1.4"

PRESENT, ADD, MODIFY, DELETE = range(4)
"""States of an entry (section 2.3)."""

NEW_COOKIE, REFRESH_DELETE, REFRESH_PRESENT, ID_SET = 0x80, 0xA1, 0xA2, 0xA3
"""Kinds of the Sync Info message (section 2.5)."""


_BARE = b"0\x15\n\x01"
"""How the control of an entry without a cookie begins, and so nearly every one of a refresh."""


class EntryState(NamedTuple):
    """What the Sync State control says of the entry that it comes with."""

    state: int
    uuid: str
    cookie: str | None


class SyncInfo(NamedTuple):
    """A Sync Info message; fields that its kind does not have hold their defaults."""

    kind: int
    cookie: str | None = None
    flag: bool | None = None
    uuids: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Tell whether the refresh ends with this message (refreshDone DEFAULT TRUE)."""
        return self.kind in {REFRESH_DELETE, REFRESH_PRESENT} and self.flag is not False

    @property
    def deletes(self) -> bool:
        """Tell whether the set names deleted entries (refreshDeletes DEFAULT FALSE)."""
        return self.kind == ID_SET and self.flag is True


def entry_state(controls: Iterable[tuple[str, Any, bytes]]) -> EntryState:
    """Find and decode the control that every entry must carry; ValueError without it."""
    for oid, _, value in controls:
        if oid == STATE:
            if value.startswith(_BARE):
                return EntryState(value[4], to_uuid(value[7:]), None)
            (_, state), (_, uuid), *rest = ber.elements(ber.only(value)[1])
            return EntryState(state[0], to_uuid(uuid), rest[0][1].decode() if rest else None)
    raise ValueError("an entry came without its Sync State control")


def sync_info(value: bytes) -> SyncInfo:
    """Decode the value of a Sync Info message."""
    kind, content = ber.only(value)
    if kind == NEW_COOKIE:
        return SyncInfo(kind, content.decode())
    parts = dict(ber.elements(content))
    return SyncInfo(
        kind,
        cookie=parts[ber.OCTETS].decode() if ber.OCTETS in parts else None,
        flag=parts[ber.BOOLEAN] != b"\0" if ber.BOOLEAN in parts else None,
        uuids=tuple(to_uuid(uuid) for _, uuid in ber.elements(parts.get(ber.SET, b""))),
    )


def to_uuid(octets: bytes) -> str:
    """Write an entryUUID as text (RFC 4122)."""
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


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

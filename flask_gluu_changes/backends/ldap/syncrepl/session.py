"""One connection with syncrepl searches: positions, messages, and refreshAndPersist (RFC 4533).

python-ldap's `SyncreplConsumer` decodes controls with pyasn1, which costs twice as much as all the
rest of reading an entry; here they are decoded from their octets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import ldap
from ldap.filter import filter_format
from ldap.syncrepl import SyncRequestControl

from ....errors import BackendUnavailable
from ....follower import ContinuityLost
from ....model import Entry
from .. import ber
from ..follower import CSN, UUID, Session, read_position, uuid_of
from ..search import Search, checked_entry
from .stamps import Stamps, values_of

SYNC_REQUEST = "1.3.6.1.4.1.4203.1.9.1.1"
SYNC_STATE = "1.3.6.1.4.1.4203.1.9.1.2"
SYNC_INFO = "1.3.6.1.4.1.4203.1.9.1.4"

PRESENT, ADD, MODIFY, DELETE = range(4)
"""States of an entry (RFC 4533, 2.3)."""

NEW_COOKIE, REFRESH_DELETE, REFRESH_PRESENT, ID_SET = 0x80, 0xA1, 0xA2, 0xA3
"""Kinds of the Sync Info message (RFC 4533, 2.5)."""

REFRESH_REQUIRED = (ldap.UNWILLING_TO_PERFORM.errnum, 4096)
"""What slapd answers to a cookie newer than itself, and e-syncRefreshRequired (RFC 4533, 2.6)."""

_CSN = re.compile(r"\d{14}\.\d{6}Z#[0-9a-f]{6}#([0-9a-f]{3})#[0-9a-f]{6}")
"""A change sequence number: time, count, server id, count (draft-ietf-ldup-model)."""

_STATES = {bytes([state]): state for state in (PRESENT, ADD, MODIFY, DELETE)}
_WITHOUT_COOKIE = {b"0\x15\n\x01%b\x04\x10" % octet: state for octet, state in _STATES.items()}
"""How Sync State controls without a cookie begin, and so nearly all of a refresh."""

_LENGTH_WITHOUT_COOKIE, _UUID_LENGTH = 23, 16
_KINDS = {NEW_COOKIE, REFRESH_DELETE, REFRESH_PRESENT, ID_SET}


@dataclass(frozen=True, slots=True)
class SyncPosition:
    """Three things that must agree with the directory's for the reading to continue.

    people: the server's cookie. told: sketch of the stamps that people were told with. shape:
    digest of the attributes and types that they were read with.
    """

    people: str
    told: str
    shape: str

    @classmethod
    def parse(cls, cookie: str) -> SyncPosition:
        """Read what `str()` wrote; raise ContinuityLost for anything else."""
        position = read_position(cls, cookie)
        if not (position.people.isascii() and csns(position.people.encode())):
            raise ContinuityLost("the saved cookie is none of OpenLDAP's")
        return position

    def __str__(self) -> str:
        return json.dumps({"people": self.people, "told": self.told, "shape": self.shape})


def csns(octets: bytes) -> Mapping[str, str]:
    """Return the change sequence numbers in a cookie or in contextCSN, by server id."""
    # delcsn is the number of a deletion, and no part of what a cookie stands for.
    text = octets.decode(errors="replace").partition(",delcsn=")[0]
    return {found[1]: found[0] for found in _CSN.finditer(text)}


def ahead(cookie: str, context: Iterable[bytes]) -> list[str]:
    """Return the change sequence numbers of a cookie that are newer than all of a server's.

    context: its contextCSN; where a server does not show it, only the search can tell.
    """
    known = csns(b";".join(context))
    cookies = csns(cookie.encode()).items()
    return [csn for server, csn in cookies if known and known.get(server, "") < csn]


class EntryState(NamedTuple):
    """The content of the Sync State control that comes with an entry."""

    state: int
    uuid: str
    cookie: str | None


class SyncInfo(NamedTuple):
    """The value of a Sync Info message; fields that its kind does not have hold their defaults."""

    kind: int
    cookie: str | None = None
    flag: bool | None = None
    uuids: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the refresh ends with this message (refreshDone DEFAULT TRUE)."""
        return self.kind in {REFRESH_DELETE, REFRESH_PRESENT} and self.flag is not False

    @property
    def deletes(self) -> bool:
        """Whether the set names deleted entries (refreshDeletes DEFAULT FALSE)."""
        return self.kind == ID_SET and self.flag is True


class SyncEntry(NamedTuple):
    """A message with an entry that was added, changed or deleted, or is still present."""

    message_id: int
    dn: str
    entry: Entry
    state: EntryState


class SyncInfoMessage(NamedTuple):
    """A message about a search as a whole."""

    message_id: int
    info: SyncInfo


class SyncSession(Session):
    """Several syncrepl searches over one connection, told apart by their message ids."""

    def fileno(self) -> int:
        """Return the socket, to wait on when `poll` has nothing."""
        return int(self._connection.fileno())

    def follow(self, search: Search, cookie: str) -> int:
        """Begin a search from a cookie on; return the id of its messages."""
        control = SyncRequestControl(cookie=cookie or None, mode="refreshAndPersist")
        arguments = (search.base, ldap.SCOPE_SUBTREE, search.filter, list(search.attributes))
        return int(self._connection.search_ext(*arguments, serverctrls=[control]))

    def has_changes_since(self, base: str, csn: str) -> bool:
        """Return whether an entry was written as the change of a number, or later there."""
        found = self.search_visible(
            base, ldap.SCOPE_SUBTREE, filter_format("(entryCSN>=%s)", [csn]), CSN
        )
        written = [csns(value) for _, entry in found for value in entry.get(CSN, [])]
        return any(
            server in written_there for server in csns(csn.encode()) for written_there in written
        )

    def has_change(self, base: str, csn: str) -> bool:
        """Return whether an entry is as the change of a number left it."""
        filter_ = filter_format("(entryCSN=%s)", [csn])
        return bool(self.search_visible(base, ldap.SCOPE_SUBTREE, filter_))

    def everybody(self, search: Search) -> Iterator[tuple[str, Any]]:
        """Yield what a search finds, as it arrives, while messages of other searches queue up."""
        message_id = self._connection.send_search(search.base, search.filter, search.attributes)
        message_type = None
        while message_type != ldap.RES_SEARCH_RESULT:
            message_type, found = self._connection.next_message(message_id, search.timeout)
            for dn, entry in found:
                yield str(dn), checked_entry(dn, entry)

    def stamps(self, search: Search, references: frozenset[str]) -> Stamps:
        """Read the stamps of everybody whom a search finds."""
        stamps = Stamps()
        for _, entry in self.everybody(search.with_attributes(UUID, CSN, *references)):
            csn = entry.get(CSN, (b"",))[0]
            stamps.put(uuid_of(entry), csn, values_of(entry, references))
        return stamps

    def poll(self) -> SyncEntry | SyncInfoMessage | None:
        """Return the next message that has arrived, whatever its search; None when none has."""
        try:
            while (message := self._connection.poll_message())[0] is not None:
                message_type, content, message_id = message
                if message_type == ldap.RES_SEARCH_RESULT:
                    raise BackendUnavailable("the directory ended a search that has no end")
                if decoded := _decoded(message_type, content, message_id):
                    return decoded
        except UnicodeDecodeError:
            raise  # it is about the name of an entry
        except ValueError as error:
            raise BackendUnavailable(f"a message of syncrepl cannot be read: {error}") from error
        except ldap.LDAPError as error:
            _check_continuity(error)
            raise
        return None


def entry_state(controls: Iterable[tuple[str, Any, bytes]]) -> EntryState:
    """Decode the control that every entry must carry; raise ValueError without it."""
    for oid, _, value in controls:
        if oid == SYNC_STATE and value:
            # By far the most frequent form is cut at fixed offsets, in half the time.
            state = _WITHOUT_COOKIE.get(value[:7])
            if state is not None and len(value) == _LENGTH_WITHOUT_COOKIE:
                return EntryState(state, to_uuid(value[7:]), None)
            return _entry_state(value)
    raise ValueError("an entry came without its Sync State control")


def _entry_state(value: bytes) -> EntryState:
    tag, content = ber.single_element(value)
    (kind, state), (uuid_kind, uuid), *rest = ber.elements(content)
    has_form = (tag, kind, uuid_kind) == (ber.SEQUENCE, ber.ENUMERATED, ber.OCTETS)
    if not has_form or state not in _STATES:
        raise ValueError("a Sync State control has another form than RFC 4533 gives it")
    cookie = _cookie(rest[0][1]) if rest else None
    return EntryState(_STATES[state], to_uuid(uuid), cookie)


def sync_info(value: bytes) -> SyncInfo:
    """Decode the value of a Sync Info message; raise ValueError for what is none."""
    kind, content = ber.single_element(value or b"")
    if kind not in _KINDS:
        raise ValueError("a Sync Info message is of no kind that RFC 4533 has")
    if kind == NEW_COOKIE:
        return SyncInfo(kind, _cookie(content))
    parts = dict(ber.elements(content))
    return SyncInfo(
        kind,
        cookie=_cookie(parts[ber.OCTETS]) if ber.OCTETS in parts else None,
        flag=parts[ber.BOOLEAN] != b"\0" if ber.BOOLEAN in parts else None,
        uuids=tuple(to_uuid(uuid) for _, uuid in ber.elements(parts.get(ber.SET, b""))),
    )


def _cookie(octets: bytes) -> str:
    try:
        return octets.decode("ascii")  # as OpenLDAP writes it; python-ldap sends nothing else back
    except UnicodeDecodeError as error:
        raise ValueError("a cookie is no text") from error


def to_uuid(octets: bytes) -> str:
    """Return an entryUUID as text (RFC 4122); raise ValueError for what is none."""
    if len(octets) != _UUID_LENGTH:
        raise ValueError("an entryUUID does not have 16 octets")
    text = octets.hex()  # the class uuid.UUID takes several times as long
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _decoded(
    message_type: int, content: list[Any], message_id: int
) -> SyncEntry | SyncInfoMessage | None:
    """Decode a message, which holds one entry or one Sync Info; return None for any other."""
    name, value, controls = content[0]  # name: the entry's DN, or the OID of the message
    if message_type != ldap.RES_INTERMEDIATE:
        return SyncEntry(message_id, name, checked_entry(name, value), entry_state(controls))
    return SyncInfoMessage(message_id, sync_info(value)) if name == SYNC_INFO else None


def _check_continuity(error: ldap.LDAPError) -> None:
    """Raise ContinuityLost when the server does not accept the cookie."""
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    if details.get("result") in REFRESH_REQUIRED:
        reason = f"the directory does not accept the cookie: {details.get('info', '')}"
        raise ContinuityLost(reason) from error

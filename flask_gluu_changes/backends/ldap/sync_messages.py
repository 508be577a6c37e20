"""The messages of LDAP content synchronization (RFC 4533, section 2), decoded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from . import ber

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

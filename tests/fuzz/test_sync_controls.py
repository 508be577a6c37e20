"""What a directory's messages hold is read as it is meant, or refused as unreadable."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st
from ldap.syncrepl import SyncStateControl

from flask_gluu_changes.backends.ldap import ber
from flask_gluu_changes.backends.ldap.syncrepl.session import (
    ADD,
    DELETE,
    ID_SET,
    MODIFY,
    NEW_COOKIE,
    PRESENT,
    REFRESH_DELETE,
    REFRESH_PRESENT,
    SYNC_STATE,
    entry_state,
    sync_info,
)

from .budget import fuzzed
from .octets import mangled

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KINDS = {NEW_COOKIE, REFRESH_DELETE, REFRESH_PRESENT, ID_SET}

COOKIES = st.none() | st.binary(max_size=40) | st.just(b"rid=000,csn=20240501120000.000000Z#0")
UUIDS = st.binary(min_size=16, max_size=16) | st.binary(max_size=20)


def element(tag: int, content: bytes) -> bytes:
    """Encode an element, its length in the shortest form."""
    return bytes([tag]) + ber.octets(content)[1:]


def odd_lengths(octets: bytes) -> st.SearchStrategy[bytes]:
    """Write the length of an element in other forms: indefinite, long, reserved, enormous."""
    tag, content = octets[:1], ber.single_element(octets)[1]
    size = len(content)
    long = [bytes([0x80 + n]) + size.to_bytes(n, "big") for n in (4, 8, 126)]
    other = [b"\x80", b"\xff", b"\x84\xff\xff\xff\xff", b"\xfe" + b"\xff" * 126, *long]
    return st.sampled_from([*(tag + length + content + b"\0\0" for length in other), octets])


def parts(*tags_and_contents: tuple[int, bytes | None]) -> bytes:
    """Encode those elements that there are."""
    return b"".join(
        element(tag, content) for tag, content in tags_and_contents if content is not None
    )


STATES = st.builds(
    lambda state, uuid, cookie: element(
        ber.SEQUENCE, parts((ber.ENUMERATED, state), (ber.OCTETS, uuid), (ber.OCTETS, cookie))
    ),
    st.sampled_from([b"\0", b"\1", b"\2", b"\3", b"\4", b"", b"\0\1", b"\xff"]),
    UUIDS,
    COOKIES,
)

INFOS = st.builds(
    lambda kind, cookie, flag, uuids: element(
        kind,
        cookie or b""
        if kind == NEW_COOKIE
        else parts(
            (ber.OCTETS, cookie),
            (ber.BOOLEAN, flag),
            (ber.SET, b"".join(element(ber.OCTETS, u) for u in uuids) if kind == ID_SET else None),
        ),
    ),
    st.sampled_from([*KINDS, 0x30, 0xA0, 0xA4]),
    COOKIES,
    st.sampled_from([None, b"\0", b"\xff", b"", b"\0\0"]),
    st.lists(UUIDS, max_size=5),
)


def broken(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes | None]:
    """Break octets in any way; a control may lack its value, too."""
    return values | mangled(values) | values.flatmap(odd_lengths) | st.none()


@fuzzed
@given(broken(STATES))
@example(b"0\x19\n\x01\x02\x04\x10\x8cXE}CGpVl\xcf\x02k\x0f\xabA\x02\x04\x02\xdc\x9b")
def test_the_state_of_an_entry(value: bytes | None) -> None:
    """A state of the protocol and an entryUUID, as python-ldap reads them; else ValueError."""
    try:
        found = entry_state([(SYNC_STATE, False, value)])  # type: ignore[list-item]
    except ValueError:
        return
    assert found.state in {PRESENT, ADD, MODIFY, DELETE}
    assert UUID.fullmatch(found.uuid)
    theirs = SyncStateControl()
    theirs.decodeControlValue(value)
    assert (theirs.opnames[found.state], found.uuid) == (theirs.state, theirs.entryUUID)
    assert found.cookie == theirs.cookie


@fuzzed
@given(broken(INFOS))
def test_sync_info(value: bytes | None) -> None:
    """A kind of the protocol with what belongs to it; else ValueError."""
    try:
        found = sync_info(value)  # type: ignore[arg-type]
    except ValueError:
        return
    assert found.kind in KINDS
    assert all(UUID.fullmatch(uuid) for uuid in found.uuids)
    assert found.uuids == () or found.kind == ID_SET


@fuzzed
@given(mangled(STATES | INFOS | st.binary(max_size=300)))
def test_elements(data: bytes) -> None:
    """They are the octets that there are, in their order, and an element is never cut."""
    try:
        found = [*ber.elements(data)]
    except ValueError:
        return
    assert sum(2 + len(content) for _, content in found) <= len(data)

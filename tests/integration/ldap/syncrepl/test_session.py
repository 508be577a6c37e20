"""The hand-written decoder reads what python-ldap's own does, and refuses what is cut off."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap.syncrepl import SyncInfoMessage, SyncStateControl

from flask_gluu_changes.backends.ldap import ber
from flask_gluu_changes.backends.ldap.syncrepl.session import (
    ID_SET,
    NEW_COOKIE,
    REFRESH_DELETE,
    REFRESH_PRESENT,
    SYNC_STATE,
    SyncPosition,
    entry_state,
    sync_info,
)
from flask_gluu_changes.backends.ldap.syncrepl.stamps import Stamps
from flask_gluu_changes.follower import ContinuityLost

COOKIES = st.none() | st.text(st.characters(codec="ascii"), min_size=1, max_size=300)
UUIDS = st.uuids().map(lambda found: found.bytes)


def element(tag: int, content: bytes) -> bytes:
    """Encode one element."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(octets)]) + octets + content


def optional(tag: int, content: str | bool | None) -> bytes:
    """Encode an element that may be left out."""
    if content is None:
        return b""
    octets = content.encode() if isinstance(content, str) else b"\xff" if content else b"\0"
    return element(tag, octets)


@given(st.integers(0, 3), UUIDS, COOKIES)
def test_the_state_of_an_entry(state: int, octets: bytes, cookie: str | None) -> None:
    """State, entryUUID and cookie are python-ldap's."""
    parts = element(ber.ENUMERATED, bytes([state])) + element(ber.OCTETS, octets)
    value = element(ber.SEQUENCE, parts + optional(ber.OCTETS, cookie))
    theirs = SyncStateControl()
    theirs.decodeControlValue(value)
    ours = entry_state([("1.2.3", False, b""), (SYNC_STATE, False, value)])
    assert (theirs.opnames[ours.state], ours.uuid) == (theirs.state, theirs.entryUUID)
    assert ours.cookie == theirs.cookie == cookie


@given(COOKIES, st.none() | st.booleans(), st.sampled_from([REFRESH_DELETE, REFRESH_PRESENT]))
def test_the_end_of_a_refresh(cookie: str | None, done: bool | None, kind: int) -> None:
    """refreshDone is true when it is left out."""
    value = element(kind, optional(ber.OCTETS, cookie) + optional(ber.BOOLEAN, done))
    ours = sync_info(value)
    assert (ours.kind, ours.cookie, ours.done) == (kind, cookie, done is not False)
    assert not ours.deletes


@given(COOKIES, st.booleans(), st.lists(UUIDS, max_size=50, unique=True))
def test_a_set_of_identities(cookie: str | None, deletes: bool, octets: list[bytes]) -> None:
    """Present ones and deleted ones, as python-ldap reads them."""
    members = element(ber.SET, b"".join(element(ber.OCTETS, one) for one in octets))
    content = optional(ber.OCTETS, cookie) + optional(ber.BOOLEAN, deletes) + members
    value = element(ID_SET, content)
    ours, theirs = sync_info(value), SyncInfoMessage(value).syncIdSet
    assert [*ours.uuids] == [str(uuid.UUID(bytes=one)) for one in octets]
    assert sorted(ours.uuids) == sorted(theirs["syncUUIDs"])
    assert (ours.deletes, ours.done, ours.cookie) == (theirs["refreshDeletes"], False, cookie)


def test_a_new_cookie_alone() -> None:
    """slapd sends it after changes that do not concern the search."""
    assert sync_info(element(NEW_COOKIE, b"rid=000")).cookie == "rid=000"


@pytest.mark.parametrize(
    "octets", [b"\x04", b"\x04\x05abc", b"\x04\x82\x01", b"\x04\x01a\x04\x01b"]
)
def test_what_is_cut_off_is_refused(octets: bytes) -> None:
    """Never read as less than it was."""
    with pytest.raises(ValueError, match=r"BER|unpack"):
        ber.single_element(octets)


def test_an_entry_without_its_control_is_refused() -> None:
    """Nobody could tell whether it came or went."""
    with pytest.raises(ValueError, match="without its Sync State control"):
        entry_state([("1.2.3", False, b"")])


UUID = b"\x04\x10" + bytes(16)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"0\x15\n\x01",
        b"0\x15\n\x01\x07" + UUID,
        b"0\x14\n\x00" + UUID,
        b"0\x14\n\x01\x01\x04\x0f" + bytes(15),
        b"0\x80\n\x01\x01" + UUID + b"\0\0",
        b"0\x15\x04\x01\x01" + UUID,
        b"1\x15\n\x01\x01" + UUID,
    ],
)
def test_a_state_of_another_form_is_refused(value: bytes | None) -> None:
    """It might be read as somebody else's."""
    with pytest.raises(ValueError, match=r"BER|Sync State|entryUUID|unpack"):
        entry_state([(SYNC_STATE, False, value)])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "value",
    [None, b"", b"0\x00", b"\xa4\x00", b"\xa1\x80\0\0", b"\xa3\x05\x31\x03\x04\x01a"],
)
def test_sync_info_of_another_form_is_refused(value: bytes | None) -> None:
    """What is not understood may have named people."""
    with pytest.raises(ValueError, match=r"BER|Sync Info|entryUUID|unpack"):
        sync_info(value)  # type: ignore[arg-type]


CSN = "20240501120000.000000Z#000000#001#000000"


@pytest.mark.parametrize("cookie", ["", "rid=001", f"{CSN}é"])
def test_a_cookie_that_openldap_does_not_write_is_refused(cookie: str) -> None:
    """It could not be sent back."""
    with pytest.raises(ContinuityLost, match="none of OpenLDAP's"):
        SyncPosition.parse(json.dumps({"people": cookie, "told": "", "shape": ""}))


@pytest.mark.parametrize(
    "position",
    [
        "[" * 5000,
        "7",
        json.dumps({"people": 7, "told": "", "shape": ""}),
        json.dumps({"people": CSN, "told": ["x"], "shape": ""}),
        json.dumps({"people": f"{CSN}\ud800", "told": "", "shape": ""}),
    ],
)
def test_a_position_that_is_none_is_refused(position: str) -> None:
    """Everybody is read anew then."""
    with pytest.raises(ContinuityLost, match="cannot be read"):
        SyncPosition.parse(position)


@pytest.mark.parametrize("sketch", ["x", "é", "AAAA"])
def test_a_sketch_that_is_none_proves_nothing(sketch: str) -> None:
    """All are read again."""
    stamps = Stamps()
    stamps.put("1", b"csn", [])
    assert stamps.in_other_buckets(sketch) == {"1"}

"""What goes over the wire to OpenDJ, and which of its cookies can be continued."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.backends.ldap import ber
from flask_gluu_changes.backends.ldap.changelog.session import (
    NAMES,
    ChangelogPosition,
    _record,
    _replica_state,
    check_not_ahead,
    covers,
    csns,
    limited,
)
from flask_gluu_changes.backends.ldap.dn import normal
from flask_gluu_changes.backends.ldap.follower import uuid_of
from flask_gluu_changes.errors import BackendRefused
from flask_gluu_changes.follower import ContinuityLost

EARLY = "000001a20a533104000100000001"
LATE = "000001a20a5b6fb80001000003ed"
OTHER = "000001a20a5b6fb80002000003ed"


@pytest.mark.parametrize(
    ("cookie", "start"),
    [
        ("", b"\x04\x00"),
        (f"o=gluu:{EARLY};", b"\x04\x24o=gluu:0000"),
        ("x" * 200, b"\x04\x81\xc8xx"),
    ],
)
def test_the_control_holds_the_cookie(cookie: str, start: bytes) -> None:
    """As an OCTET STRING in BER, which OpenDJ 5.0.3 was seen to take."""
    assert ber.octets(cookie.encode()).startswith(start)


@given(st.binary(max_size=70_000))
def test_octets_are_read_as_they_were_written(content: bytes) -> None:
    """Of any length: a cookie grows with the replicas."""
    assert ber.single_element(ber.octets(content)) == (ber.OCTETS, content)


def test_a_position_is_read_as_it_was_written() -> None:
    """Before the first change its cookie is empty."""
    for cookie in ("", "o=gluu:;", f"o=gluu:{EARLY} {OTHER};cn=x,o=y:{LATE};"):
        assert ChangelogPosition.parse(
            str(ChangelogPosition(cookie, "shape"))
        ) == ChangelogPosition(cookie, "shape")


@pytest.mark.parametrize(
    "cookie",
    [
        "garbage",
        "[1]",
        "[" * 5000,
        '{"changelog": 7, "shape": ""}',
        json.dumps({"changelog": "o=\ud800:;", "shape": ""}),
        '{"people": "", "groups": "", "shape": ""}',
        json.dumps(
            {"changelog": "rid=000,csn=20990101000000.000000Z#000000#000#000000"} | {"shape": ""}
        ),
    ],
)
def test_what_is_no_position_is_refused(cookie: str) -> None:
    """It may have been written by a follower of another kind."""
    with pytest.raises(ContinuityLost):
        ChangelogPosition.parse(cookie)


def test_numbers_are_told_by_base_and_server() -> None:
    """A base may hold a colon."""
    assert csns(f"o=gluu:{EARLY} {OTHER};o=a:b:{LATE};o=c:;") == {
        "o=gluu": {"0001": EARLY, "0002": OTHER},
        "o=a:b": {"0001": LATE},
        "o=c": {},
    }


def test_a_change_of_another_replica_waits_for_the_server_itself() -> None:
    """Its changelog has changes that its people do not show yet."""
    cookie = f"o=gluu:{EARLY} {OTHER};o=elsewhere:{LATE};"
    assert not covers({"o=gluu": {"0001": LATE}}, cookie)
    assert covers({"o=gluu": {"0001": LATE, "0002": OTHER}}, cookie)


def test_a_reading_begins_behind_what_the_server_has_made() -> None:
    """What it knows of, but has not made, is told again."""
    cookie = f"o=gluu:{LATE} {OTHER};o=elsewhere:{LATE};"
    known = {"o=gluu": {"0001": EARLY}}
    assert limited(cookie, known) == f"o=gluu:{EARLY};o=elsewhere:{LATE};"
    assert limited(f"o=gluu:{OTHER};", known) == "o=gluu:;"


@pytest.mark.parametrize("newest", [f"o=gluu:{LATE};", f"o=gluu:{EARLY} {OTHER};"])
def test_a_server_that_knows_as_much_or_more(newest: str) -> None:
    """Its other replicas are of no concern."""
    check_not_ahead(f"o=gluu:{EARLY};", newest)
    check_not_ahead("", newest)


@pytest.mark.parametrize("newest", ["", "o=gluu:;", f"o=gluu:{EARLY};", f"o=gluu:{OTHER};"])
def test_a_server_that_went_back(newest: str) -> None:
    """Or that never heard of the replica."""
    with pytest.raises(ContinuityLost, match="went back"):
        check_not_ahead(f"o=gluu:{LATE};", newest)


@pytest.mark.parametrize("octets", [b"o=gluu:\xff;", b"\xff"])
def test_a_record_that_is_no_text_is_read(octets: bytes) -> None:
    """Its names are those of nobody, and the directory refuses its cookie by itself."""
    record = _record({name: [octets] for name in NAMES})
    assert "\ufffd" in record.cookie
    assert "\ufffd" in record.dn


@pytest.mark.parametrize("name", NAMES)
def test_a_record_without_a_value_hides_it(name: str) -> None:
    """An empty list is as little as no attribute."""
    with pytest.raises(BackendRefused, match="hides one of"):
        _record({**{n: [b"x"] for n in NAMES}, name: []})


def test_a_replica_without_a_name_is_refused() -> None:
    """The account may not read it."""
    with pytest.raises(BackendRefused, match="domain-name"):
        _replica_state({"server-state": [EARLY.encode()]})


def test_an_entry_whose_id_is_hidden_is_refused() -> None:
    """Nobody could tell whose it is."""
    with pytest.raises(BackendRefused, match="read entryUUID"):
        uuid_of({"uid": [b"ann"]})


@pytest.mark.parametrize("dn", ["1.2.3=#0401ff,o=gluu", "cn=\\ff,o=gluu", "cn=\ud800", "no name"])
def test_a_name_of_odd_octets_has_a_normal_form(dn: str) -> None:
    """The same for each spelling in another case."""
    assert normal(dn) == normal(dn.upper()) == dn.lower()

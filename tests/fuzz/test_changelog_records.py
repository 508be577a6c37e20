"""What a directory's changelog and groups say is understood, or refused with a sentence."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.backends.ldap.changelog.session import (
    NAMES,
    ChangelogRecord,
    _record,
    _replica_state,
    covers,
    csns,
    limited,
)
from flask_gluu_changes.backends.ldap.dn import normal, within
from flask_gluu_changes.backends.ldap.groups import members_of
from flask_gluu_changes.backends.ldap.syncrepl.memberships import Memberships
from flask_gluu_changes.errors import BackendError

from .budget import fuzzed
from .octets import TEXTS, mangled

WHOLE = {
    "changeType": [b"modify"],
    "targetDN": [b"inum=1,ou=people,o=gluu"],
    "targetEntryUUID": [b"0f5e3c2a-0000-4000-8000-000000000001"],
    "changeLogCookie": [b"o=gluu:000001a20a533104000100000001;"],
}
DNS = mangled(
    st.sampled_from(
        [
            b"inum=1,ou=people,o=gluu",
            b"cn=a\\,b+sn=\\C3\\A9,o=gluu",
            b"cn=\\ff,o=gluu",
            b"1.2.3=#0401ff,o=gluu",
            b'cn="a;b",o=gluu',
            b"",
        ]
    )
)


def values(name: str, least: int) -> st.SearchStrategy[list[bytes]]:
    """Give values of an attribute, of which some are broken."""
    return st.lists(mangled(st.sampled_from(WHOLE[name])), min_size=least, max_size=2)


RECORDS = st.fixed_dictionaries({}, optional={name: values(name, 0) for name in NAMES}) | (
    st.fixed_dictionaries({name: values(name, 1) for name in NAMES})
)


@fuzzed
@given(RECORDS)
def test_records(entry: dict[str, list[bytes]]) -> None:
    """A record is read, or refused as one that hides what is needed."""
    try:
        record = _record(entry)
    except BackendError:
        return
    assert isinstance(record, ChangelogRecord)
    within(record.dn, "ou=people,o=gluu")
    covers(csns(record.cookie), record.cookie)
    limited(record.cookie, csns(record.cookie)).encode()


@fuzzed
@given(
    st.fixed_dictionaries(
        {}, optional={n: st.lists(st.binary()) for n in ("domain-name", "server-state")}
    )
)
def test_replicas(entry: dict[str, list[bytes]]) -> None:
    """What monitoring says is read, or refused."""
    try:
        _replica_state(entry)
    except BackendError:
        return


@fuzzed
@given(DNS | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_names(octets: bytes) -> None:
    """Every name has a normal form, and a form that is normal stays as it is."""
    name = normal(octets.decode(errors="replace"))
    assert normal(name) == name


@fuzzed
@given(st.lists(DNS, max_size=4), st.lists(DNS, max_size=4), st.data())
def test_groups(members: list[bytes], member_of: list[bytes], data: Any) -> None:
    """Whatever names groups hold and people show, memberships are compared."""
    groups = Memberships()
    expected = groups.put("g", "cn=g,o=gluu", members_of({"member": members}))
    for one in expected:
        one.is_met(member_of)
    groups.odd("p", "inum=1,ou=people,o=gluu", member_of)
    groups.put("g", "cn=h,o=gluu", members_of({"uniqueMember": member_of}))
    groups.drop("g")

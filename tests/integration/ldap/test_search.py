"""What is asked of a directory: secrets never, everything else in the cheapest form."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap.filter import escape_filter_chars

from flask_gluu_changes import ChangesQuery
from flask_gluu_changes.backends.ldap.search import (
    FEW_MATCHES,
    REMEMBERED_SECONDS,
    MatchStatistics,
    since_filter,
)
from flask_gluu_changes.testing import NOON, person
from flask_gluu_changes.visibility import Visibility
from tests.support.clocks import Clock
from tests.support.directory import Directory, client_of

from .test_updated_users import OPERATION, iso, walk

TIME = "20240501120000.500Z"

SECRETS = [
    *("secretQuestion", "secretAnswer", "oxOTPCache", "oxOTPDevices", "oxEnrollmentCode"),
    *("userRandomKey", "oxAuthPersistentJWT", "gluuIMAPData", "oxCountInvalidLogin"),
    *("oxAuthBackchannelUserCode", "oxAuthBackchannelDeviceRegistrationToken"),
    *("oxDuoDevices", "oxBiometricDevices"),
]


def test_the_filter_that_uses_an_index() -> None:
    """A narrow time is asked for in the plain form."""
    assert since_filter(ChangesQuery(NOON), "gluuPerson", indexed=True) == (
        f"(&(objectClass=gluuPerson)(|(updatedAt>={TIME})(oxCreationTimestamp>={TIME})))"
    )


def test_the_filter_that_uses_none() -> None:
    """A wide time is asked for in a negated form, in which slapd does not look at its index."""
    assert since_filter(ChangesQuery(NOON), "gluuPerson", indexed=False) == (
        f"(&(objectClass=gluuPerson)(!(&(!(updatedAt>={TIME}))(!(oxCreationTimestamp>={TIME})))))"
    )


@given(st.text(), st.booleans())
def test_settings_cannot_break_out_of_the_filter(name: str, indexed: bool) -> None:
    """Whatever a setting holds stays one value of the filter."""
    text = since_filter(ChangesQuery(NOON), name, indexed=indexed)
    assert text.startswith(f"(&(objectClass={escape_filter_chars(name)})")


@given(st.text(max_size=40))
def test_a_time_stamp_cannot_reach_the_filter(running_directory: Directory, stamp: str) -> None:
    """A time stamp is a time or a 400; nothing of its text goes to the directory."""
    client = client_of(running_directory.backend)
    answer = client.get(OPERATION, query_string={"timeStamp": stamp, "pagesize": "1"})
    assert answer.status_code == 400


def test_secrets_do_not_leave_the_directory(directory: Directory) -> None:
    """OpenLDAP is not even asked for what nobody may see."""
    secrets = {name: [b"7"] for name in (*SECRETS, "userPassword")}
    directory.add("1", {**person("a"), **secrets, "mail": [b"a@example.org"]})
    query = ChangesQuery(NOON, excluded=Visibility.of().hidden)
    (entry,) = directory.backend.changes(query)
    assert {"uid", "inum", "mail", "cn", "oxCreationTimestamp"} <= entry.keys()
    assert not {"objectClass", "userPassword", *SECRETS} & entry.keys()


@pytest.mark.parametrize(
    "shown", [(), ("secretAnswer",)], ids=["by default", "when it is asked for"]
)
def test_a_secret_is_shown_only_by_its_setting(
    directory: Directory, shown: tuple[str, ...]
) -> None:
    """And the password by none."""
    directory.add("1", {**person("a"), "userPassword": [b"x"], "secretAnswer": [b"blue"]})
    (found,) = walk(client_of(directory.backend, SHOWN_SECRETS=shown), iso(NOON), 10)
    assert not {"userPassword", "objectClass", "dn"} & found.keys()
    assert ("secretAnswer" in found) is bool(shown)


def test_only_what_is_allowed_is_asked_for(directory: Directory) -> None:
    """With an allow-list, the directory sends that and what sorting needs, no more."""
    directory.add("1", {**person("a"), "mail": [b"a@example.org"]})
    (entry,) = directory.backend.changes(ChangesQuery(NOON, attributes=frozenset({"mail"})))
    assert entry.keys() == {"uid", "inum", "mail", "oxCreationTimestamp"}
    (found,) = walk(client_of(directory.backend, ALLOWED_ATTRIBUTES="MAIL uid"), iso(NOON), 10)
    assert found.keys() == {"mail", "uid"}


def test_few_matches_make_a_time_narrow() -> None:
    """After a search that found few, times from there on are narrow, for a while."""
    clock = Clock()
    statistics = MatchStatistics(clock)
    assert not statistics.few_since(NOON)
    statistics.record(NOON, FEW_MATCHES)
    assert statistics.few_since(NOON)
    assert statistics.few_since(NOON + timedelta(days=1))
    assert not statistics.few_since(NOON - timedelta(seconds=1))
    clock.now += REMEMBERED_SECONDS + 1
    assert not statistics.few_since(NOON)


def test_many_matches_end_it() -> None:
    """A narrow time that now has many matches is narrow no more."""
    statistics = MatchStatistics(Clock())
    statistics.record(NOON, 1)
    statistics.record(NOON - timedelta(days=900), FEW_MATCHES + 1)
    assert statistics.few_since(NOON)
    statistics.record(NOON + timedelta(seconds=1), FEW_MATCHES + 1)
    assert not statistics.few_since(NOON)


def test_an_older_narrow_time_is_the_better_one() -> None:
    """The oldest time with few matches covers all younger ones."""
    statistics = MatchStatistics(Clock())
    statistics.record(NOON, 1)
    statistics.record(NOON + timedelta(days=1), 0)
    assert statistics.few_since(NOON)
    statistics.record(NOON - timedelta(days=1), 1)
    assert statistics.few_since(NOON - timedelta(days=1))


def test_the_last_empty_answer_makes_a_time_quiet() -> None:
    """Only times from the last empty search on are quiet."""
    statistics = MatchStatistics(Clock())
    assert not statistics.none_since(NOON)
    statistics.record(NOON, 0)
    assert statistics.none_since(NOON)
    assert not statistics.none_since(NOON - timedelta(seconds=1))
    statistics.record(NOON, 1)
    assert not statistics.none_since(NOON)


def test_quiet_times_end(directory: Directory) -> None:
    """After polls that found nothing, one change and then two more are all found."""
    counts = []
    for added in ([], [], ["1"], ["2", "3"], []):
        for inum in added:
            directory.add(inum, person(f"u{inum}"))
        counts.append(len(list(directory.backend.changes(ChangesQuery(NOON)))))
    assert counts == [0, 0, 1, 3, 3]


def test_both_forms_find_the_same(directory: Directory) -> None:
    """The first look at a time and the later ones, which use the index, agree."""
    for i in range(20):
        directory.add(str(i), person(f"u{i}", updated=NOON if i % 3 else None))
    query = ChangesQuery(NOON)
    directory.backend._statistics.__init__()  # type: ignore[misc]
    first, second = list(directory.backend.changes(query)), list(directory.backend.changes(query))
    assert len(first) == 20
    assert first == second

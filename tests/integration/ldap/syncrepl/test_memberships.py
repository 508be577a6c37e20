"""What a group gained and lost, and when to look whether it shows on people."""

from __future__ import annotations

from flask_gluu_changes.backends.ldap.dn import normal, within
from flask_gluu_changes.backends.ldap.groups import members_of
from flask_gluu_changes.backends.ldap.syncrepl.memberships import (
    FIRST_DELAY,
    LAST_DELAY,
    ExpectedMembership,
    Memberships,
    RetryQueue,
)

ANN, BOB = b"inum=1,ou=people,o=gluu", b"inum=2,ou=people,o=gluu"
STAFF = "inum=staff,ou=groups,o=gluu"


def test_only_the_difference_is_expected_to_change() -> None:
    """However the names are spelled."""
    groups = Memberships()
    assert groups.put("u", STAFF, [ANN]) == [ExpectedMembership(ANN.decode(), STAFF, True)]
    changed = groups.put("u", "inum=staff, ou=groups, o=Gluu", [b"inum=1,ou=People,o=gluu", BOB])
    assert changed == [ExpectedMembership(BOB.decode(), STAFF, True)]
    assert set(groups.drop("u")) == {
        ExpectedMembership("inum=1,ou=People,o=gluu", STAFF, False),
        ExpectedMembership(BOB.decode(), STAFF, False),
    }


def test_a_renamed_group_changes_all_members() -> None:
    """They lose the old name and gain the new one."""
    groups = Memberships()
    groups.put("u", STAFF, [ANN])
    changed = groups.put("u", "inum=crew,ou=groups,o=gluu", [ANN])
    assert [(change.group[:10], change.inside) for change in changed] == [
        ("inum=staff", False),
        ("inum=crew,", True),
    ]


def test_a_person_and_its_group_disagree() -> None:
    """By the name that it has now; said once, until the group changes."""
    groups = Memberships()
    groups.put("u", STAFF, [ANN])
    assert groups.odd("a", ANN.decode(), [STAFF.encode()]) == []
    odd = groups.note(groups.odd("a", "inum=9,ou=people,o=gluu", [STAFF.encode()]))
    assert odd == [ExpectedMembership("a", STAFF, False, stray=True)]
    assert groups.odd("a", "inum=9,ou=people,o=gluu", [STAFF.encode()]) == []
    assert groups.odd("b", ANN.decode(), []) == [ExpectedMembership("b", STAFF, True, stray=True)]
    assert odd[0] in groups.drop("u")
    assert groups.odd("a", "inum=9,ou=people,o=gluu", [STAFF.encode()]) == odd


def test_a_group_that_did_not_change_says_nothing_new() -> None:
    """Two people who disagree with it would have each other read again for ever."""
    groups = Memberships()
    groups.put("u", STAFF, [ANN, BOB])
    odd = groups.note(groups.odd("a", "inum=9,ou=people,o=gluu", [STAFF.encode()]))
    assert groups.put("u", "inum=staff, ou=groups, o=Gluu", [BOB, ANN]) == []
    assert groups.odd("a", "inum=9,ou=people,o=gluu", [STAFF.encode()]) == []
    assert odd[0] in groups.put("u", STAFF, [BOB])
    assert groups.put("none", "inum=none,ou=groups,o=gluu", []) == []


def test_a_group_that_nobody_sees_is_believed() -> None:
    """It may be computed, or be somewhere else."""
    assert Memberships().odd("a", ANN.decode(), [STAFF.encode()]) == []


def test_members_with_an_identifier() -> None:
    """uniqueMember may hold one behind the name."""
    group = {"uniqueMember": [ANN + b"#'0101'B"], "member": [BOB]}
    assert [*members_of(group)] == [BOB, ANN]


def test_names_that_are_none_are_compared_as_text() -> None:
    """A member value may be anything that somebody wrote."""
    assert normal("No Name") == "no name"
    assert within("inum=1,OU=people, o=gluu", "ou=people,o=gluu")
    assert not within("inum=1,ou=people,o=gluu", "u=people,o=gluu")


def test_what_does_not_show_is_looked_at_less_and_less_often() -> None:
    """And no longer when nobody seems to write memberOf."""
    now = 0.0
    retries = RetryQueue(lambda: now)
    change = ExpectedMembership(ANN.decode(), STAFF, True)
    retries.expect([change])
    looks = 0
    while (pause := retries.pause()) is not None:
        now += pause
        for due in retries.due():
            retries.tried(due, met=False)
            looks += 1
    assert FIRST_DELAY < LAST_DELAY < now < 4 * LAST_DELAY
    assert looks < 15


def test_a_newer_expectation_takes_the_place_of_an_older_one() -> None:
    """Somebody who joined and left at once is expected to be out."""
    retries = RetryQueue(lambda: 0.0)
    retries.expect([ExpectedMembership("p", "g", True), ExpectedMembership("p", "g", False)])
    (due,) = retries.due()
    assert (due.is_met([]), due.is_met([b"g"])) == (True, False)
    retries.tried(due, met=True)
    assert retries.pause() is None

"""What a group gained and lost, and when to look whether it shows on people."""

from __future__ import annotations

from flask_gluu_changes.backends.ldap.dn import normal, within
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


def test_the_digest_does_not_depend_on_the_way() -> None:
    """Only on who is in which group in the end."""
    one, other = Memberships(), Memberships()
    one.put("u", STAFF, [ANN, BOB])
    one.put("v", "inum=v,o=gluu", [])
    other.put("v", "inum=v,o=gluu", [ANN])
    other.put("v", "inum=v,o=gluu", [])
    other.put("u", STAFF, [BOB, ANN])
    assert one.digest == other.digest != Memberships().digest
    other.drop("u")
    other.drop("v")
    assert other.digest == Memberships().digest


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

"""A person's name is no identity: memberships are told whoever is renamed or moved meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import ldap
import pytest

from flask_gluu_changes.testing import person
from tests.support.directory import dn_of
from tests.support.filling import SLAPD, Journal
from tests.support.followed import People, filled, group_dn
from tests.support.people import PEOPLE_DN
from tests.support.slapd import Slapd

from .test_groups import groups_of

REFINT = SLAPD.replace("memberof-member-ad", "memberof-refint TRUE\nmemberof-member-ad")
ELSEWHERE = f"ou=elsewhere,{PEOPLE_DN}"


@pytest.fixture(scope="module")
def refint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A slapd that renames members of groups when people are renamed, and tells nobody."""
    with Slapd(tmp_path_factory.mktemp("refint"), extra=REFINT) as server:
        people = People(server)
        people.admin.add_s(
            ELSEWHERE, [("objectClass", [b"organizationalUnit"]), ("ou", [b"elsewhere"])]
        )
        yield people


@pytest.fixture
def staff(refint: People) -> People:
    """The group staff with ann, 1, and bob, 2."""
    found = refint.admin.search_s(PEOPLE_DN, ldap.SCOPE_SUBTREE, "(inum=*)", ["1.1"])
    for dn, _ in found:
        refint.admin.delete_s(dn)
    found = refint.admin.search_s(group_dn("x").partition(",")[2], ldap.SCOPE_ONELEVEL)
    for dn, _ in found:
        refint.admin.delete_s(dn)
    refint.add("1", person("ann"))
    refint.add("2", person("bob"))
    refint.group("staff", "1", "2")
    return refint


def rename(people: People) -> str:
    """Give ann another RDN."""
    people.admin.rename_s(dn_of("1"), "inum=9")
    return dn_of("9")


def move(people: People) -> str:
    """Move ann to another branch of the people."""
    people.admin.rename_s(dn_of("1"), "inum=1", ELSEWHERE)
    return f"inum=1,{ELSEWHERE}"


def rename_twice(people: People) -> str:
    """Give ann another RDN, and move her."""
    people.admin.rename_s(rename(people), "inum=9", ELSEWHERE)
    return f"inum=9,{ELSEWHERE}"


def leave(people: People, dn: str) -> list[str]:
    """Ann leaves the group under the new name."""
    people.admin.modify_s(group_dn("staff"), [(ldap.MOD_DELETE, "member", [dn.encode()])])
    return []


def delete(people: People, dn: str) -> list[str]:
    """The group is deleted."""
    people.admin.delete_s(group_dn("staff"))
    return []


def rename_group(people: People, dn: str) -> list[str]:
    """The group has another name."""
    people.admin.rename_s(group_dn("staff"), "inum=crew")
    return [group_dn("crew")]


def empty_group(people: People, dn: str) -> list[str]:
    """Everybody leaves."""
    people.regroup("staff")
    return []


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
@pytest.mark.parametrize("end", [leave, delete, rename_group, empty_group])
@pytest.mark.parametrize("begin", [rename, move, rename_twice])
def test_a_membership_that_ends_under_another_name(
    staff: People,
    journal: Journal,
    begin: Callable[[People], str],
    end: Callable[[People, str], list[str]],
    at_once: bool,
) -> None:
    """Whether or not the new name was told before."""
    with filled(journal, staff) as filler:
        filler.built()
        before = {row.id: inum for inum, row in journal.rows().items()}
        dn = begin(staff)
        inum = dn.partition(",")[0].removeprefix("inum=")
        if not at_once:
            staff.change("2", {"mail": [b"later@example.org"]})
            filler.until(lambda: b"later@" in journal.living()["2"] and inum in journal.living())
        groups = end(staff, dn)
        filler.until(lambda: inum in journal.living() and groups_of(journal, inum) == groups)
        assert journal.rows()[inum].id in before


def test_somebody_else_takes_over_the_name(staff: People, journal: Journal) -> None:
    """The one who left and the one who came are told from each other."""
    with filled(journal, staff) as filler:
        filler.built()
        staff.admin.rename_s(dn_of("1"), "inum=9")
        staff.add("1", person("eve"))
        staff.regroup("staff", "1")
        filler.until(lambda: groups_of(journal, "1") == [group_dn("staff")])
        filler.until(lambda: groups_of(journal, "9") == [] and "9" in journal.living())
        staff.regroup("staff", "9")
        filler.until(lambda: groups_of(journal, "9") == [group_dn("staff")])
        filler.until(lambda: groups_of(journal, "1") == [])


def test_who_was_away_comes_back_without_the_group(staff: People, journal: Journal) -> None:
    """A membership that ends while the member is out of scope."""
    with filled(journal, staff) as filler:
        filler.built()
        staff.move_out("1")
        filler.until(lambda: journal.rows()["1"].removed == "outOfScope")
        staff.regroup("staff", "2")
        staff.move_in("1")
        filler.until(lambda: "1" in journal.living() and groups_of(journal, "1") == [])


def test_a_rename_that_no_follower_saw(staff: People, journal: Journal, tmp_path: Path) -> None:
    """Between two followers she is renamed and leaves."""
    with filled(journal, staff) as filler:
        filler.built()
    epoch = journal.state().epoch
    leave(staff, rename(staff))
    with filled(journal, staff) as filler:
        filler.until(lambda: "9" in journal.living() and groups_of(journal, "9") == [])
        assert journal.state().epoch == epoch

"""H15, memberships of groups: members change by memberOf alone, which slapd tells nobody."""

from __future__ import annotations

import json

import ldap

from flask_gluu_changes.journal.tables import now
from flask_gluu_changes.testing import person
from tests.support.directory import dn_of
from tests.support.filling import Journal
from tests.support.followed import People, filled, group_dn


def groups_of(journal: Journal, inum: str) -> list[str]:
    """Give the groups that the journal shows for a person."""
    body = journal.living().get(inum, b"{}")
    return sorted(json.loads(body).get("memberOf", []))


def test_a_new_group_reaches_its_members(people: People, journal: Journal) -> None:
    """The memberof overlay touches neither entryCSN nor modifyTimestamp."""
    people.add("1", person("ann"))
    with filled(journal, people) as filler:
        filler.built()
        people.group("staff", "1")
        filler.until(lambda: groups_of(journal, "1") == [group_dn("staff")])


def test_who_leaves_a_group_is_seen_and_who_stays_is_not(people: People, journal: Journal) -> None:
    """Only the difference between the old and the new members is read again."""
    for inum in ("1", "2", "3"):
        people.add(inum, person(f"u{inum}"))
    people.group("staff", "1", "2")
    with filled(journal, people) as filler:
        filler.built()
        assert groups_of(journal, "1") == [group_dn("staff")]
        before = journal.rows()["2"]
        people.regroup("staff", "2", "3")
        filler.until(lambda: not groups_of(journal, "1") and bool(groups_of(journal, "3")))
        assert journal.rows()["2"] == before


def test_a_group_that_goes_or_is_renamed(people: People, journal: Journal) -> None:
    """Both change the members' memberOf."""
    people.add("1", person("ann"))
    people.group("staff", "1")
    with filled(journal, people) as filler:
        filler.built()
        people.admin.rename_s(group_dn("staff"), "inum=crew")
        filler.until(lambda: groups_of(journal, "1") == [group_dn("crew")])
        people.admin.delete_s(group_dn("crew"))
        filler.until(lambda: groups_of(journal, "1") == [])


def test_a_large_group(people: People, journal: Journal) -> None:
    """slapd reports the group before it has written memberOf on its last member."""
    inums = [str(i) for i in range(300)]
    for inum in inums:
        people.add(inum, person(f"u{inum}"))
    with filled(journal, people) as filler:
        filler.built()
        people.group("staff", *inums)
        filler.until(lambda: all(groups_of(journal, inum) for inum in ("0", "150", "299")))
        people.regroup("staff")
        filler.until(lambda: b"memberOf" not in b"".join(journal.living().values()))


def test_memberships_that_changed_meanwhile(people: People, journal: Journal) -> None:
    """No cookie shows them, so people are read again; the epoch stays."""
    people.add("1", person("ann"))
    people.group("staff", "1")
    with filled(journal, people) as filler:
        filler.built()
    epoch = journal.state().epoch
    people.regroup("staff")
    with filled(journal, people) as filler:
        filler.until(lambda: groups_of(journal, "1") == [])
    assert journal.state().epoch == epoch


def test_a_person_changed_after_the_group(people: People, journal: Journal) -> None:
    """Writes to the person and to its groups in any order end in the same entry."""
    people.add("1", person("ann"))
    with filled(journal, people) as filler:
        filler.built()
        for i in range(20):
            people.change("1", {"mail": [b"%d@example.org" % i]})
            people.group(f"g{i}", "1")
        filler.until(lambda: len(groups_of(journal, "1")) == 20)
        assert b'"19@example.org"' in journal.living()["1"]


def test_people_who_keep_an_old_group_hold_up_no_confirmation(
    people: People, journal: Journal
) -> None:
    """Without memberof-refint, whoever is renamed disagrees with the group for good."""
    for inum in ("1", "2", "3"):
        people.add(inum, person(f"u{inum}"))
    people.group("staff", "1", "2", "3")
    with filled(journal, people) as filler:
        filler.built()
        for inum in ("1", "2", "3"):
            people.admin.rename_s(dn_of(inum), f"inum={inum}{inum}")
        renamed = now()
        filler.until(lambda: journal.state().confirmed_at > renamed)
        assert all(groups_of(journal, inum) == [group_dn("staff")] for inum in ("11", "22", "33"))


def test_a_member_whose_name_is_no_text(people: People, journal: Journal) -> None:
    """slapd takes half a surrogate pair; the other members come, and go, all the same."""
    people.add("1", person("ann"))
    people.group("staff", "1")
    odd = [b"cn=\xed\xa0\x80,o=gluu", dn_of("1").encode()]
    people.admin.modify_s(group_dn("staff"), [(ldap.MOD_REPLACE, "member", odd)])
    with filled(journal, people) as filler:
        filler.built()
        assert groups_of(journal, "1") == [group_dn("staff")]
        people.admin.modify_s(group_dn("staff"), [(ldap.MOD_REPLACE, "member", odd[:1])])
        filler.until(lambda: not groups_of(journal, "1"))

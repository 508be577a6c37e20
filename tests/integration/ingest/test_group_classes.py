"""Groups of any class, by `member` and `uniqueMember`; comparing finds what no group tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ldap
import pytest

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.testing import person
from tests.support.directory import config_of, dn_of
from tests.support.filling import Filler, Journal
from tests.support.followed import People, filled
from tests.support.people import GROUPS_DN, PEOPLE_DN
from tests.support.slapd import STANDARD_SCHEMAS, Slapd

from .test_groups import groups_of

GROUP = f"cn=staff,{GROUPS_DN}"
UNIQUE = (
    "overlay memberof\nmemberof-group-oc groupOfUniqueNames\nmemberof-member-ad uniqueMember\n"
    "memberof-memberof-ad memberOf\n"
)
OVERLAYS = {
    "groupOfNames": "overlay memberof\n",
    "groupOfUniqueNames": UNIQUE,
}
SYNCPROV = "overlay syncprov\nsyncprov-sessionlog 10000\n"
MEMBER = {"groupOfNames": "member", "groupOfUniqueNames": "uniqueMember"}


@pytest.fixture(params=OVERLAYS)
def kind(request: pytest.FixtureRequest) -> str:
    """A class of groups."""
    return str(request.param)


@pytest.fixture
def people(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A slapd for that class, with the people 1 to 3."""
    with Slapd(tmp_path_factory.mktemp(kind), extra=OVERLAYS[kind] + SYNCPROV) as server:
        people = People(server)
        for inum in "123":
            people.add(inum, person(f"u{inum}"))
        yield people


def names(*inums: str) -> list[bytes]:
    """Give the values of people as members."""
    return [dn_of(inum).encode() for inum in inums]


def test_a_group_of_another_class(kind: str, people: People, journal: Journal) -> None:
    """It comes, changes, and goes."""
    member = MEMBER[kind]
    with filled(journal, people) as filler:
        filler.built()
        people.admin.add_s(
            GROUP,
            [("objectClass", [kind.encode()]), ("cn", [b"staff"]), (member, names("1", "2"))],
        )
        filler.until(lambda: groups_of(journal, "1") == groups_of(journal, "2") == [GROUP])
        people.admin.modify_s(GROUP, [(ldap.MOD_REPLACE, member, names("2", "3"))])
        filler.until(lambda: not groups_of(journal, "1") and groups_of(journal, "3") == [GROUP])
        people.admin.delete_s(GROUP)
        filler.until(lambda: b"memberOf" not in b"".join(journal.living().values()))


def test_a_group_that_changed_meanwhile(kind: str, people: People, journal: Journal) -> None:
    """No cookie shows it; the epoch stays."""
    with filled(journal, people) as filler:
        filler.built()
    epoch = journal.state().epoch
    people.admin.add_s(
        GROUP, [("objectClass", [kind.encode()]), ("cn", [b"staff"]), (MEMBER[kind], names("1"))]
    )
    with filled(journal, people) as filler:
        filler.until(lambda: groups_of(journal, "1") == [GROUP])
        assert journal.state().epoch == epoch


@pytest.fixture
def dynamic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A slapd that computes memberOf of whoever has a mail, and of the members of members."""
    extra = (
        f'include "{STANDARD_SCHEMAS}/dyngroup.schema"\nmoduleload dynlist\noverlay dynlist\n'
        f"dynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*\n{SYNCPROV}"
    )
    with Slapd(tmp_path_factory.mktemp("dynamic"), extra=extra) as server:
        people = People(server)
        people.add("1", person("ann"))
        people.add("2", person("bob"))
        yield people


def compared(people: People, journal: Journal, **settings: Any) -> Filler:
    """Fill a journal, and compare often."""
    config = config_of(people.server, LDAP_COMPARE_INTERVAL=0.2)
    return Filler(journal, LdapBackend.from_config(config), **settings)


def test_a_dynamic_group(dynamic: People, journal: Journal) -> None:
    """Nobody's entry is written when the group's URL changes."""
    with compared(dynamic, journal) as filler:
        filler.built()
        url = f"ldap:///{PEOPLE_DN}??sub?(inum=1)".encode()
        classes = [b"groupOfURLs"]
        dynamic.admin.add_s(
            GROUP, [("objectClass", classes), ("cn", [b"staff"]), ("memberURL", [url])]
        )
        filler.until(lambda: groups_of(journal, "1") == [GROUP])
        dynamic.admin.modify_s(
            GROUP, [(ldap.MOD_REPLACE, "memberURL", [url.replace(b"inum=1", b"inum=2")])]
        )
        filler.until(lambda: groups_of(journal, "2") == [GROUP] and not groups_of(journal, "1"))


def test_a_nested_group(dynamic: People, journal: Journal) -> None:
    """A group becomes a member: its members' memberOf grows."""
    outer = f"cn=outer,{GROUPS_DN}"
    with compared(dynamic, journal) as filler:
        filler.built()
        for dn, member in ((GROUP, dn_of("1")), (outer, GROUP)):
            cn = dn.partition(",")[0].removeprefix("cn=").encode()
            dynamic.admin.add_s(
                dn,
                [("objectClass", [b"groupOfNames"]), ("cn", [cn]), ("member", [member.encode()])],
            )
        filler.until(lambda: groups_of(journal, "1") == sorted([GROUP, outer]))
        dynamic.admin.delete_s(outer)
        filler.until(lambda: groups_of(journal, "1") == [GROUP])

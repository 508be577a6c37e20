"""`flask gluu-changes doctor` finds every fault that is planted in a real slapd, and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from flask_gluu_changes.testing import NOON, person, time_octets
from tests.support.directory import Directory, client_of
from tests.support.people import GROUPS_DN, PEOPLE_DN, READER_DN, people_ldif, person_dn
from tests.support.slapd import DEFAULT_INDEXES, STANDARD_SCHEMAS, TIME_INDEXES, Slapd, free_port

from .conftest import MakeBackend

PEOPLE = 30
MANY = 2000
MONITOR = "database monitor\n"
READABLE_CONFIG = f'database config\naccess to * by dn.exact="{READER_DN}" read\n'
OPEN = "access to * by * read\n"
TIMES = ("updatedAt", "oxCreationTimestamp")


@dataclass(frozen=True)
class Report:
    """What the doctor printed, and its exit code."""

    code: int
    text: str

    def of(self, level: str) -> list[str]:
        """Give the findings of a level, each with its advice."""
        found: list[str] = []
        for line in self.text.splitlines():
            if line.startswith(" "):
                found[-1] += line
            else:
                found.append(line)
        return [line for line in found if line.split()[0] == level]


Examine: TypeAlias = Callable[..., Report]


@pytest.fixture
def examine(backend_of: MakeBackend) -> Examine:
    """Run the doctor on a server, with some settings changed."""

    def run(server: Slapd, *, allowed: str = "", **changed: Any) -> Report:
        settings = {"ALLOWED_ATTRIBUTES": allowed}
        app = client_of(backend_of(server, **changed), **settings).application
        done = app.test_cli_runner().invoke(args=["gluu-changes", "doctor"])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        return Report(done.exit_code, done.stdout)

    return run


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Callable[..., Slapd]]:
    """Start a slapd with people in it, well in all that the test does not say."""
    with ExitStack() as stack:

        def start(people: int = PEOPLE, **changed: Any) -> Slapd:
            server = Slapd(
                tmp_path / f"slapd{free_port()}",
                **{"indexes": TIME_INDEXES, "extra": MONITOR, **changed},
            )
            begin = datetime(2024, 1, 1, tzinfo=UTC)
            server.load("".join(people_ldif(people, start=begin, step=timedelta(minutes=1))))
            return stack.enter_context(server)

        yield start


StartSlapd: TypeAlias = Callable[..., Slapd]


def only_fault(report: Report) -> str:
    """Give the one fault of a report; its exit code is 1."""
    (fault,) = report.of("fault")
    assert report.code == 1
    assert "do: " in fault
    return fault


def test_a_directory_that_is_well(slapd: StartSlapd, examine: Examine) -> None:
    """No fault and no warning: exit code 0, and what was looked at is told."""
    report = examine(slapd(extra=MONITOR + READABLE_CONFIG), allowed="uid,inum,mail")
    assert (report.code, report.of("fault"), report.of("warning")) == (0, [], []), report.text
    for word in ("connected", "is there", "updatedAt is indexed", "clock", "no limit", "mail"):
        assert word in report.text


@pytest.mark.parametrize("name", TIMES)
def test_no_index_by_the_configuration(slapd: StartSlapd, examine: Examine, name: str) -> None:
    """An account that may read cn=config learns which time attribute lacks its index."""
    (other,) = {*TIMES} - {name}
    indexes = (*DEFAULT_INDEXES, f"{other} eq")
    server = slapd(indexes=indexes, extra=MONITOR + READABLE_CONFIG)
    fault = only_fault(examine(server))
    assert f"{name} is not indexed" in fault
    assert f"olcDbIndex: {name} eq" in fault


@pytest.mark.parametrize("name", TIMES)
def test_no_index_by_the_time_it_takes(slapd: StartSlapd, examine: Examine, name: str) -> None:
    """An account that may not read it finds out by timing, where people are enough."""
    (other,) = {*TIMES} - {name}
    report = examine(slapd(MANY, indexes=(*DEFAULT_INDEXES, f"{other} eq")))
    assert f"{name} is not indexed" in only_fault(report)
    assert f"{other} is indexed" in report.text


def test_too_few_people_to_time(slapd: StartSlapd, examine: Examine) -> None:
    """Where reading everybody takes no time, it says that it cannot tell; that is no fault."""
    report = examine(slapd(3, indexes=DEFAULT_INDEXES))
    assert report.code == 0, report.text
    assert len([line for line in report.of("warning") if "cannot be found out" in line]) == 2


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("size=20", "SIZELIMIT_EXCEEDED"),
        ("size.soft=20 size.hard=25", "SIZELIMIT_EXCEEDED"),
        ("size.unchecked=20", "ADMINLIMIT_EXCEEDED"),
    ],
)
def test_a_limit_that_is_told(slapd: StartSlapd, examine: Examine, limit: str, said: str) -> None:
    """A limit below the number of people is a fault, with what to change."""
    report = examine(slapd(limits=[f'limits dn.exact="{READER_DN}" {limit}']))
    faults = [fault for fault in report.of("fault") if "reading all people" in fault]
    assert report.code == 1
    assert len(faults) == 1, report.text
    assert said in faults[0]
    assert "size=unlimited" in faults[0]


def test_a_limit_that_is_not_told(slapd: StartSlapd, examine: Examine) -> None:
    """Where the index holds older entries than people, an answer is cut short with success."""
    server = slapd(0, limits=[f'limits dn.exact="{READER_DN}" size.unchecked=40'])
    directory = Directory(server)
    for i in range(60):
        times = {n: [time_octets(NOON - timedelta(minutes=i + 1))] for n in TIMES}
        entry = {"objectClass": [b"device", b"extensibleObject"], "cn": [b"%d" % i], **times}
        directory.admin.add_s(f"cn={i},{GROUPS_DN}", [*entry.items()])
    for i in range(10):
        later = NOON + timedelta(minutes=i)
        directory.add(str(i), person(f"u{i}", updated=later, created=later))
    directory.backend.close()
    fault = only_fault(examine(server))
    assert "cuts answers short" in fault
    assert "size.unchecked" in fault


@pytest.mark.parametrize("name", ["mail", "updatedAt", "oxCreationTimestamp", "uid"])
@pytest.mark.parametrize(("right", "deed"), [("none", "search"), ("search", "read")])
def test_a_right_that_is_missing(
    slapd: StartSlapd, examine: Examine, name: str, right: str, deed: str
) -> None:
    """An attribute that is asked for, and hidden from the account, is named."""
    rule = f'access to dn.subtree="{PEOPLE_DN}" attrs={name} by * {right}\n'
    report = examine(slapd(extra=rule + OPEN + MONITOR), allowed="uid,inum,mail,telephoneNumber")
    rights = [fault for fault in report.of("fault") if "may not" in fault]
    assert report.code == 1
    assert len(rights) == 1, report.text
    assert f"may not {deed} {name} of" in rights[0]
    assert f"attrs={name}" in rights[0]


def test_a_right_that_is_missing_for_some(slapd: StartSlapd, examine: Examine) -> None:
    """A rule that hides an attribute of one person alone is found as well."""
    server = slapd(
        0,
        extra=f'access to dn.exact="inum=1,{PEOPLE_DN}" attrs=mail by * none\n{OPEN}{MONITOR}',
    )
    directory = Directory(server)
    for i in range(3):
        directory.add(str(i), {**person(f"u{i}"), "mail": [b"u@example.org"]})
    directory.backend.close()
    assert "mail of 1 of 3 people" in only_fault(examine(server, allowed="uid,inum,mail"))


def test_an_attribute_that_nobody_has(slapd: StartSlapd, examine: Examine) -> None:
    """What nobody has is not taken for what nobody may read."""
    report = examine(slapd(), allowed="uid,inum,telephoneNumber")
    assert report.code == 0, report.text
    assert "may read inum, oxCreationTimestamp, telephoneNumber, uid, updatedAt" in report.text


@pytest.mark.parametrize(
    ("offset", "said"), [("+1h", "ahead of"), ("-1h", "behind")], ids=["ahead", "behind"]
)
def test_a_clock_that_is_wrong(slapd: StartSlapd, examine: Examine, offset: str, said: str) -> None:
    """A clock an hour off is told by how much and in which direction."""
    fault = only_fault(examine(slapd(clock=offset)))
    assert f"s {said} this machine's" in fault
    seconds = int(fault.split("clock is ")[1].split()[0])
    assert abs(seconds - 3600) < 30


def test_a_clock_that_is_not_told(slapd: StartSlapd, examine: Examine) -> None:
    """Without cn=Monitor, what the server wrote proves that its clock is ahead."""
    server = slapd(0, clock="+1h", extra="")
    report = examine(server)
    assert any("does not show its time" in line for line in report.of("warning"))
    assert report.code == 0, report.text
    directory = Directory(server)
    directory.add("1", person("a"))
    directory.backend.close()
    assert "modifyTimestamp of 1 people lies in the future" in only_fault(examine(server))


def test_a_time_in_the_future(slapd: StartSlapd, examine: Examine) -> None:
    """A change time to come would carry clients beyond the changes until then."""
    server = slapd(0)
    directory = Directory(server)
    directory.add("1", person("a", updated=datetime.now(UTC) + timedelta(hours=1)))
    directory.backend.close()
    assert "updatedAt of 1 people lies in the future, by up to 35" in only_fault(examine(server))


def test_a_missing_base(slapd: StartSlapd, examine: Examine) -> None:
    """A base that is not there is the one thing to be said of the people."""
    fault = only_fault(examine(slapd(), LDAP_BASE_DN="ou=nobody,o=gluu"))
    assert "ou=nobody,o=gluu" in fault
    assert "check GLUU_CHANGES_LDAP_BASE_DN" in fault


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"LDAP_BIND_PASSWORD": "wr0ng"}, "INVALID_CREDENTIALS"),
        ({"LDAP_START_TLS": True}, "binding at"),
        ({"LDAP_BASE_DN": "not a name"}, "correct GLUU_CHANGES_LDAP_BASE_DN"),
        ({"LDAP_OBJECT_CLASS": "gluuPersn"}, "correct GLUU_CHANGES_LDAP_OBJECT_CLASS"),
    ],
    ids=["password", "StartTLS", "name", "class"],
)
def test_a_setting_that_is_wrong(
    slapd: StartSlapd, examine: Examine, changed: dict[str, Any], said: str
) -> None:
    """What the server refuses is told, secrets left out."""
    report = examine(slapd(), **changed)
    assert said in only_fault(report)
    assert "wr0ng" not in report.text


def test_a_server_that_is_down(slapd: StartSlapd, examine: Examine) -> None:
    """Of several servers each is examined, and the one that does not answer is named."""
    server = slapd()
    down = f"ldap://127.0.0.1:{free_port()}"
    report = examine(server, LDAP_URI=[down, server.uri])
    assert down in only_fault(report)
    assert f"{server.uri}: no limit" in report.text


def test_nobody_to_be_seen(slapd: StartSlapd, examine: Examine) -> None:
    """A class that nobody has, or people that are hidden, are a warning: it may be a new server."""
    report = examine(slapd(), LDAP_OBJECT_CLASS="device")
    assert report.code == 0
    assert any("nobody of the class device" in line for line in report.of("warning"))


def test_what_settings_name_in_vain(slapd: StartSlapd, examine: Examine) -> None:
    """Names that the schema lacks, and people without times or uid, are warnings."""
    server = slapd(0)
    directory = Directory(server)
    directory.add("1", {"cn": [b"a"], "sn": [b"a"]})
    directory.backend.close()
    dn = "ou=none,o=gluu"
    report = examine(server, allowed="inum,uid,nosuch", LDAP_ATTRIBUTES_DN=dn)
    assert report.code == 0, report.text
    warnings = " ".join(report.of("warning"))
    for words in ("nosuch", "no updatedAt and no oxCreationTimestamp", "have no uid", dn):
        assert words in warnings


def test_the_examination_writes_nothing(slapd: StartSlapd, examine: Examine) -> None:
    """Before and after, the directory holds the same."""
    server = slapd(extra=MONITOR + READABLE_CONFIG)
    admin = server.connect()
    before = admin.search_s("o=gluu", 2, attrlist=["*", "+"])
    examine(server)
    assert admin.search_s("o=gluu", 2, attrlist=["*", "+"]) == before


def grouped(server: Slapd) -> None:
    """Add a group of all kinds that can be followed, with one person."""
    admin = server.connect()
    member = person_dn(0).encode()
    entry = {"objectClass": [b"groupOfNames"], "cn": [b"staff"], "member": [member]}
    admin.add_s(f"cn=staff,{GROUPS_DN}", list(entry.items()))


def test_groups_that_are_followed(slapd: StartSlapd, examine: Examine) -> None:
    """Of whatever class: they name the members that show them."""
    server = slapd(extra=f"overlay memberof\n{MONITOR}{READABLE_CONFIG}")
    grouped(server)
    report = examine(server)
    assert report.of("warning") == []
    assert "memberships in 1 groups are followed by member and uniqueMember" in report.text


def test_groups_that_name_nobody_are_found_by_comparing(
    slapd: StartSlapd, examine: Examine
) -> None:
    """The group is hidden from the account, or computes its members."""
    hidden = f'access to dn.subtree="{GROUPS_DN}" by * none\n{OPEN}'
    server = slapd(extra=f"{hidden}overlay memberof\n{MONITOR}")
    grouped(server)
    report = examine(server, LDAP_COMPARE_INTERVAL=120)
    assert report.code == 0
    (warning,) = [line for line in report.of("warning") if "memberOf names" in line]
    assert "1 groups" in warning
    assert "every 120 s" in warning


def test_groups_that_never_show_on_people(slapd: StartSlapd, examine: Examine) -> None:
    """By memberUid nobody has a memberOf."""
    server = slapd(extra=f'{MONITOR}include "{STANDARD_SCHEMAS}/nis.schema"\n')
    entry = {"objectClass": [b"posixGroup"], "cn": [b"x"], "gidNumber": [b"1"]}
    entry |= {"memberUid": [b"user0000000"]}
    server.connect().add_s(f"cn=x,{GROUPS_DN}", list(entry.items()))
    report = examine(server)
    assert "1 groups name members by memberUid" in "".join(report.of("warning"))


def test_numbers_of_changes_that_may_not_be_read(slapd: StartSlapd, examine: Examine) -> None:
    """Without them a directory that went back cannot be noticed."""
    server = slapd(extra=f"access to attrs=entryCSN by * none\n{OPEN}{MONITOR}")
    report = examine(server)
    assert report.code == 0
    assert f"may not read entryCSN of {PEOPLE} people" in "".join(report.of("warning"))

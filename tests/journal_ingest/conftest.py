"""A slapd that can be followed, and a journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap
import pytest

from tests.ldap.conftest import Directory, dn_of
from tests.support.filling import SLAPD, Filler, Journal
from tests.support.people import GROUPS_DN
from tests.support.slapd import Slapd

Names = dict[str, list[bytes]]


class People(Directory):
    """The people and groups of a slapd."""

    def group(self, inum: str, *members: str) -> None:
        """Add a group."""
        names = [dn_of(member).encode() for member in members]
        entry = {"objectClass": [b"top", b"gluuGroup"], "inum": [inum.encode()]}
        entry |= {"member": names} if names else {}
        self.admin.add_s(group_dn(inum), list(entry.items()))

    def regroup(self, inum: str, *members: str) -> None:
        """Replace the members of a group."""
        names = [dn_of(member).encode() for member in members]
        self.admin.modify_s(group_dn(inum), [(ldap.MOD_REPLACE, "member", names or None)])

    def move_out(self, inum: str) -> None:
        """Move a person away from the people, to the groups' branch."""
        self.admin.rename_s(dn_of(inum), f"inum={inum}", GROUPS_DN)

    def move_in(self, inum: str) -> None:
        """Move a person back."""
        self.admin.rename_s(group_dn(inum), f"inum={inum}", dn_of(inum).partition(",")[2])

    def empty(self) -> None:
        """Delete all people and groups."""
        super().empty()
        for dn, _ in self.admin.search_s(GROUPS_DN, ldap.SCOPE_ONELEVEL, attrlist=["1.1"]):
            self.admin.delete_s(dn)


def group_dn(inum: str) -> str:
    """Name a group's entry."""
    return f"inum={inum},{GROUPS_DN}"


@pytest.fixture(scope="session")
def running_people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """One slapd for all tests that do not restart it."""
    with Slapd(tmp_path_factory.mktemp("followed"), extra=SLAPD) as server:
        yield People(server)


@pytest.fixture
def people(running_people: People) -> People:
    """The running directory without people."""
    running_people.empty()
    return running_people


@pytest.fixture
def own_people(tmp_path: Path) -> Iterator[People]:
    """A directory of the test's own, to be stopped and started."""
    with Slapd(tmp_path / "slapd", extra=SLAPD) as server:
        yield People(server)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A new journal."""
    made = Journal(tmp_path)
    yield made
    made.engine.dispose()


def filled(journal: Journal, people: People, **settings: Any) -> Filler:
    """Fill a journal from a directory."""
    return Filler(journal, people.backend, **settings)

"""The people and groups of a directory that a journal follows."""

from __future__ import annotations

from typing import Any

import ldap

from tests.support.directory import Directory, dn_of, empty
from tests.support.filling import Filler, Journal
from tests.support.people import GROUPS_DN


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
        empty(self.admin, GROUPS_DN)


def group_dn(inum: str) -> str:
    """Name a group's entry."""
    return f"inum={inum},{GROUPS_DN}"


def filled(journal: Journal, people: People, **settings: Any) -> Filler:
    """Fill a journal from a directory."""
    return Filler(journal, people.backend, **settings)

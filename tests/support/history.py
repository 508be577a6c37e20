"""A history of a directory, made from a seed: people and groups come, change, move and go.

    python -m tests.support.history URI SEED

writes it until the end of its standard input, and through whatever becomes of the directory.
"""

from __future__ import annotations

import itertools
import random
import select
import sys
from contextlib import suppress
from typing import Any

import ldap
from ldap.ldapobject import ReconnectLDAPObject

from flask_gluu_changes.testing import NOON, person, time_octets
from tests.support.people import ADMIN_DN, ADMIN_PASSWORD, GROUPS_DN, PEOPLE_DN, PERSON_CLASSES

PERSON_STEPS = (
    *("modify", "modify", "modify", "nothing", "touch", "refer"),
    *("add", "rename", "move", "move", "delete", "recreate"),
)
GROUP_STEPS = ("fill", "fill", "join", "join", "leave", "leave", "retitle", "transfer", "dissolve")
KINDS = {
    "gluuGroup": ("inum", "member"),
    "groupOfNames": ("cn", "member"),
    "jansGrp": ("inum", "member"),
    "groupOfUniqueNames": ("cn", "uniqueMember"),
    "testTeam": ("cn", "uniqueMember"),
}
"""Classes of groups, with the attribute of their names and that of their members."""

GROUPS = 2 * len(KINDS)
"""Of one writer."""

PEOPLE_BRANCH, GROUPS_BRANCH = f"ou=elsewhere,{PEOPLE_DN}", f"ou=teams,{GROUPS_DN}"
BROKEN_OFF = (
    ldap.SERVER_DOWN,
    ldap.UNAVAILABLE,
    ldap.BUSY,
    ldap.PROTOCOL_ERROR,
    ldap.CANCELLED,
    ldap.ALREADY_EXISTS,
    ldap.NO_SUCH_OBJECT,
)
"""How an operation ends that a restart interrupted, and that was tried again; OpenDJ's way, too."""

REFUSED = (
    ldap.TYPE_OR_VALUE_EXISTS,
    ldap.NO_SUCH_ATTRIBUTE,
    ldap.OBJECT_CLASS_VIOLATION,
    ldap.CONSTRAINT_VIOLATION,
)
"""The answers to whoever joins or leaves twice, or leaves a group that must not be empty."""

LONGEST_BURST = 200
"""Steps between two pauses."""

LONGEST_PAUSE = 0.1
"""Seconds."""


class History:
    """One writer's steps. known: names of people that belong to this writer alone.

    others: names of people who may be renamed or gone, and are made members all the same.
    """

    def __init__(
        self, connection: Any, seed: str, known: list[str], others: list[str] | None = None
    ) -> None:
        self._connection = connection
        self._random = random.Random(seed)
        self._seed = seed
        self._known = known
        self._others = others or []
        self._groups: dict[int, str] = {}
        self._numbers = itertools.count()
        for branch in (PEOPLE_BRANCH, GROUPS_BRANCH):
            with suppress(ldap.ALREADY_EXISTS):
                connection.add_s(branch, [("objectClass", [b"organizationalUnit"])])

    def step(self) -> None:
        """Do one thing to a person or a group; after a failure nobody knows what became of it."""
        if self._random.random() < len(GROUP_STEPS) / len(PERSON_STEPS + GROUP_STEPS):
            self._step_of_groups()
        else:
            self._step_of_people()

    def pause(self) -> float:
        """Return for how many seconds to rest after a burst."""
        return self._random.uniform(0, LONGEST_PAUSE)

    def burst(self) -> int:
        """Return how many steps to do without a rest."""
        return self._random.randint(1, LONGEST_BURST)

    def _step_of_people(self) -> None:
        chosen = getattr(self, f"_{self._random.choice(PERSON_STEPS)}")
        name = self._known.pop(self._random.randrange(len(self._known))) if self._known else None
        with suppress(*BROKEN_OFF):
            self._known.append(chosen(name) if name else self._add(None))

    def _step_of_groups(self) -> None:
        number = self._random.randrange(GROUPS)
        chosen = getattr(self, f"_{self._random.choice(GROUP_STEPS)}")
        name = self._groups.pop(number, None)
        with suppress(*BROKEN_OFF):
            group = self._changed(chosen, number, name) if name else self._found(number)
            if group:
                self._groups[number] = group

    def _changed(self, chosen: Any, number: int, group: str) -> str | None:
        """Change a group; what the directory refuses leaves it as it is."""
        try:
            changed: str | None = chosen(number, group)
        except REFUSED:
            return group
        return changed

    def _modify(self, name: str) -> str:
        mail = b"%d@example.org" % next(self._numbers)
        self._connection.modify_s(name, [(ldap.MOD_REPLACE, "mail", [mail])])
        return name

    def _nothing(self, name: str) -> str:
        self._connection.modify_s(name, [(ldap.MOD_REPLACE, "sn", [b"same"])])
        return name

    def _touch(self, name: str) -> str:
        changes = [(ldap.MOD_REPLACE, "updatedAt", [time_octets(NOON)])]
        self._connection.modify_s(name, changes)
        return name

    def _refer(self, name: str) -> str:
        """Have a person name another one, as a reference that is no membership."""
        values = [other.encode() for other in self._members()[:1]]
        self._connection.modify_s(name, [(ldap.MOD_REPLACE, "associatedClient", values or None)])
        return name

    def _add(self, name: str | None) -> str:
        inum = f"{self._seed}-{next(self._numbers)}"
        added = self._create(f"inum={inum},{PEOPLE_DN}")
        if name:
            self._known.append(name)
        return added

    def _create(self, name: str) -> str:
        inum = name.partition(",")[0].removeprefix("inum=")
        entry = {"objectClass": PERSON_CLASSES, "inum": [inum.encode()], **person(inum)}
        self._connection.add_s(name, [(key, list(values)) for key, values in entry.items()])
        return name

    def _rename(self, name: str) -> str:
        rdn = f"inum={self._seed}-r{next(self._numbers)}"
        self._connection.rename_s(name, rdn)
        return f"{rdn},{name.partition(',')[2]}"

    def _move(self, name: str) -> str:
        """Move a person to another branch, of the people or not."""
        rdn, _, parent = name.partition(",")
        to = self._random.choice([b for b in (PEOPLE_DN, PEOPLE_BRANCH, GROUPS_DN) if b != parent])
        self._connection.rename_s(name, rdn, to)
        return f"{rdn},{to}"

    def _delete(self, name: str) -> str:
        self._connection.delete_s(name)
        return self._add(None)

    def _recreate(self, name: str) -> str:
        """Delete a person, and create another one of the same inum."""
        self._connection.delete_s(name)
        return self._create(name)

    def _found(self, number: int) -> str:
        """Add a group."""
        kind, (naming, member) = self._kind(number)
        title = f"{self._seed}-g{number}-{next(self._numbers)}"
        group = f"{naming}={title},{self._random.choice([GROUPS_DN, GROUPS_BRANCH])}"
        entry = [("objectClass", [b"top", kind.encode()]), (naming, [title.encode()])]
        members = [name.encode() for name in self._members()]
        self._connection.add_s(group, [*entry, *([(member, members)] if members else [])])
        return group

    def _fill(self, number: int, group: str) -> str:
        """Replace all members of a group."""
        self._change(number, group, ldap.MOD_REPLACE, self._members())
        return group

    def _join(self, number: int, group: str) -> str:
        for name in self._members()[:1]:
            self._change(number, group, ldap.MOD_ADD, [name])
        return group

    def _leave(self, number: int, group: str) -> str:
        """Have a member leave a group, whatever its name is by now."""
        _, (_, member) = self._kind(number)
        ((_, entry),) = self._connection.search_s(group, ldap.SCOPE_BASE, attrlist=[member])
        if members := sorted(entry.get(member, ())):
            self._change(number, group, ldap.MOD_DELETE, [self._random.choice(members).decode()])
        return group

    def _retitle(self, number: int, group: str) -> str:
        naming, _ = self._kind(number)[1]
        rdn = f"{naming}={self._seed}-g{number}-{next(self._numbers)}"
        self._connection.rename_s(group, rdn)
        return f"{rdn},{group.partition(',')[2]}"

    def _transfer(self, number: int, group: str) -> str:
        """Move a group to the other branch of groups."""
        rdn, _, parent = group.partition(",")
        to = GROUPS_BRANCH if parent == GROUPS_DN else GROUPS_DN
        self._connection.rename_s(group, rdn, to)
        return f"{rdn},{to}"

    def _dissolve(self, number: int, group: str) -> None:
        self._connection.delete_s(group)

    def _change(self, number: int, group: str, how: int, members: list[str]) -> None:
        _, (_, member) = self._kind(number)
        values = [name.encode() for name in members]
        self._connection.modify_s(group, [(how, member, values or None)])

    def _kind(self, number: int) -> tuple[str, tuple[str, str]]:
        return [*KINDS.items()][number % len(KINDS)]

    def _members(self) -> list[str]:
        """Choose some people, few of the other writers'."""
        own = self._random.sample(self._known, min(self._random.randint(1, 6), len(self._known)))
        if self._others and self._random.random() < 0.2:
            own.append(self._random.choice(self._others))
        return own


def write(uri: str, seed: str) -> int:
    """Write until the end of the standard input; give the number of steps."""
    connection = ReconnectLDAPObject(uri, retry_max=4000, retry_delay=0.05)
    connection.simple_bind_s(ADMIN_DN, ADMIN_PASSWORD)
    found = connection.search_s(PEOPLE_DN, ldap.SCOPE_ONELEVEL, "(inum=*)", attrlist=["1.1"])
    names = [sorted(name for name, _ in found)[i::2] for i in range(2)]
    own = int(seed.rpartition("-")[2]) % 2
    history, steps = History(connection, seed, names[own], names[1 - own]), 0
    while not select.select([sys.stdin], [], [], history.pause())[0]:
        for _ in range(history.burst()):
            history.step()
            steps += 1
    return steps


if __name__ == "__main__":
    print(write(*sys.argv[1:3]), flush=True)

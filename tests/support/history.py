"""A history of a directory, made from a seed: people come, change, move, are renamed and go.

    python -m tests.support.history URI SEED

writes it until the end of its standard input, and through restarts of the directory.
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

STEPS = (
    "modify",
    "modify",
    "modify",
    "nothing",
    "touch",
    "add",
    "rename",
    "move",
    "delete",
    "group",
)
GROUPS = 5
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


class History:
    """One writer's steps. known: names of entries that belong to this writer alone."""

    def __init__(self, connection: Any, seed: str, known: list[str]) -> None:
        self._connection = connection
        self._random = random.Random(seed)
        self._seed = seed
        self._known = known
        self._numbers = itertools.count()

    def step(self) -> None:
        """Do one thing to one entry; after a failure nobody knows what became of it."""
        chosen = getattr(self, f"_{self._random.choice(STEPS)}")
        name = self._known.pop(self._random.randrange(len(self._known))) if self._known else None
        with suppress(*BROKEN_OFF):
            self._known.append(chosen(name) if name else self._add(None))

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

    def _add(self, name: str | None) -> str:
        inum = f"{self._seed}-{next(self._numbers)}"
        entry = {"objectClass": PERSON_CLASSES, "inum": [inum.encode()], **person(inum)}
        added = f"inum={inum},{PEOPLE_DN}"
        self._connection.add_s(added, [(key, list(values)) for key, values in entry.items()])
        if name:
            self._known.append(name)
        return added

    def _rename(self, name: str) -> str:
        rdn = f"inum={self._seed}-r{next(self._numbers)}"
        self._connection.rename_s(name, rdn)
        return f"{rdn},{name.partition(',')[2]}"

    def _move(self, name: str) -> str:
        rdn, _, parent = name.partition(",")
        to = PEOPLE_DN if parent == GROUPS_DN else GROUPS_DN
        self._connection.rename_s(name, rdn, to)
        return f"{rdn},{to}"

    def _delete(self, name: str) -> str:
        self._connection.delete_s(name)
        return self._add(None)

    def _group(self, name: str) -> str:
        number = self._random.randrange(GROUPS)
        inum = f"{self._seed}-g{number}"
        group = f"inum={inum},{GROUPS_DN}"
        with suppress(ldap.ALREADY_EXISTS):
            entry = [("objectClass", [b"top", b"gluuGroup"]), ("inum", [inum.encode()])]
            self._connection.add_s(group, entry)
        members = self._random.sample(self._known, min(3, len(self._known)))
        values = [member.encode() for member in members]
        self._connection.modify_s(group, [(ldap.MOD_REPLACE, "member", values or None)])
        return name


def write(uri: str, seed: str) -> int:
    """Write until the end of the standard input; give the number of steps."""
    connection = ReconnectLDAPObject(uri, retry_max=2000, retry_delay=0.05)
    connection.simple_bind_s(ADMIN_DN, ADMIN_PASSWORD)
    found = connection.search_s(PEOPLE_DN, ldap.SCOPE_ONELEVEL, attrlist=["1.1"])
    even = [name for i, (name, _) in enumerate(sorted(found)) if i % 2 == int(seed) % 2]
    history = History(connection, seed, even)
    for i in itertools.count():
        if select.select([sys.stdin], [], [], 0)[0]:
            return i
        history.step()
    raise AssertionError("unreachable")


if __name__ == "__main__":
    print(write(*sys.argv[1:3]), flush=True)

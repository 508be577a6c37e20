"""Changes a directory without pause until its standard input ends: a process of its own."""

from __future__ import annotations

import itertools
import select
import sys
from typing import Any

import ldap

from flask_gluu_changes.testing import person
from tests.support.people import ADMIN_DN, ADMIN_PASSWORD, PEOPLE_DN, PERSON_CLASSES

STABLE = 300
"""People 0 to STABLE - 1 are there before the start; they are renamed but never deleted."""

KEPT = 20
"""Added people live for so many rounds."""


def churn(uri: str) -> int:
    """Add, delete, rename and move people; give the number of rounds."""
    connection = ldap.initialize(uri)
    connection.simple_bind_s(ADMIN_DN, ADMIN_PASSWORD)
    for i in itertools.count():
        one_round(connection, i)
        if i == 0:
            print("started", flush=True)
        if select.select([sys.stdin], [], [], 0)[0]:
            return i
    raise AssertionError("unreachable")


def one_round(connection: Any, i: int) -> None:
    """Add somebody in front, delete who was added before, rename and touch somebody stable."""
    added = f"inum=churn{i},{PEOPLE_DN}"
    entry = {"objectClass": PERSON_CLASSES, "inum": [b"churn%d" % i], **person(f"a{i}")}
    connection.add_s(added, [(name, list(values)) for name, values in entry.items()])
    stable = f"inum={i * 7 % STABLE},{PEOPLE_DN}"
    uid = b"%c%d" % (b"az"[i % 2], i)
    connection.modify_s(stable, [(ldap.MOD_REPLACE, "uid", [uid])])
    connection.rename_s(added, f"inum=moved{i}")
    if i >= KEPT:
        connection.delete_s(f"inum=moved{i - KEPT},{PEOPLE_DN}")


if __name__ == "__main__":
    print(churn(sys.argv[1]), flush=True)

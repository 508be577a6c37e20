"""Who is in a directory and what clients should see of them, without any code of the package."""

from __future__ import annotations

import re
from typing import Any

import ldap

from .directory_server import DirectoryServer
from .people import PEOPLE_DN, SUFFIX

BOOLEANS = {"gluuSLAManager", "oxTrustActive", "emailVerified"}
INTEGERS = {"myIntegerCustomAttribute"}
TIMES = {"updatedAt", "oxCreationTimestamp"}
NOT_SHOWN = {"objectClass"}
UUID = "entryUUID"
FIRST = 3
"""Differences that a failure shows."""

_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?Z")

People = dict[str, dict[str, list[Any]]]


def everybody(server: DirectoryServer) -> People:
    """Read everybody as the reader may, by entryUUID."""
    connection = server.connect(server.reader_dn, server.reader_password)
    asked = (PEOPLE_DN, ldap.SCOPE_SUBTREE, "(objectClass=gluuPerson)", ["*", UUID])
    found = [entry for _, entry in connection.search_s(*asked)]
    connection.unbind_s()
    return {entry.pop(UUID)[0].decode(): _shown(entry) for entry in found}


def uuids(server: DirectoryServer) -> set[str]:
    """Return who is there at all, among the people or not."""
    connection = server.connect()
    asked = (SUFFIX, ldap.SCOPE_SUBTREE, "(objectClass=gluuPerson)", [UUID])
    found = {entry[UUID][0].decode() for _, entry in connection.search_s(*asked)}
    connection.unbind_s()
    return found


def difference(replica: People, directory: People) -> list[str]:
    """Say how many people differ, and show the first of them; nothing where all are equal."""
    ours = {id_: _in_order(person) for id_, person in replica.items()}
    odd = sorted(i for i in ours.keys() | directory.keys() if ours.get(i) != directory.get(i))
    shown = [f"{i}: {_parts(ours.get(i), directory.get(i))}" for i in odd[:FIRST]]
    return [f"{len(odd)} people differ", *shown] if odd else []


def _parts(ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> str:
    """Show the attributes in which a replica and the directory differ."""
    if ours is None or theirs is None:
        return f"only in the {'directory' if ours is None else 'replica'}: {theirs or ours}"
    names = sorted(n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n))
    return ", ".join(f"{n} is {ours.get(n)} and should be {theirs.get(n)}" for n in names)


def _in_order(person: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: sorted(values) for name, values in person.items()}


def _shown(entry: dict[str, list[bytes]]) -> dict[str, list[Any]]:
    names = entry.keys() - NOT_SHOWN
    return {name: sorted(_typed(name, value.decode()) for value in entry[name]) for name in names}


def _typed(name: str, text: str) -> Any:
    if name in BOOLEANS:
        return text == "TRUE"
    if name in INTEGERS:
        return int(text)
    if name in TIMES:
        found = _TIME.fullmatch(text)
        assert found
        year, month, day, hour, minute, second, rest = found.groups("")
        rest = "" if rest == ".000" else rest
        return f"{year}-{month}-{day}T{hour}:{minute}:{second}{rest}Z"
    return text

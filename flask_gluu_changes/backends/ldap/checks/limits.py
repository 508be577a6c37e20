"""Does the directory give the whole result? Two forms of one question must find equally many.

slapd tells of its size and time limits. Of `size.unchecked` it tells only where it reads everybody;
a search by the index of a time is cut short with success. What lies above today's number of people
cannot be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import ldap

from ....model import Finding
from ..errors import to_finding
from ..search import FEW
from .directory import Directory, count

ADVICE = (
    "give the account that binds limits … size=unlimited time=unlimited, size.unchecked included"
    " (slapd.conf, or olcLimits)"
)


def examine_limits(directory: Directory) -> Iterator[Finding]:
    """Count everybody, and compare the two searches of the backend."""
    try:
        people = count(directory.people())
    except ldap.LDAPError as error:
        yield to_finding(error, "reading all people")
        return
    if not people:
        yield _nobody(directory)
        return
    yield Finding.ok(f"no limit is in the way of all {people} people")
    yield from _silent(directory, people)


def _nobody(directory: Directory) -> Finding:
    settings = directory.settings
    return Finding.warning(
        f"nobody of the class {settings.ldap_object_class} is to be seen below"
        f" {settings.ldap_base_dn}",
        "check GLUU_CHANGES_LDAP_BASE_DN and GLUU_CHANGES_LDAP_OBJECT_CLASS, and that the account"
        " that binds may read the people and their objectClass",
    )


def _silent(directory: Directory, people: int) -> Iterator[Finding]:
    """Compare; not among many people, where the index answers too slowly to be used for all."""
    if people > FEW:
        return
    before = count(directory.changed(indexed=False))
    found = count(directory.changed(indexed=True))
    after = count(directory.changed(indexed=False))
    if found < min(before, after):
        yield Finding.fault(
            f"a search by the index finds {found} people and one without it {after}: the directory"
            " cuts answers short and calls them whole",
            ADVICE,
        )

"""Does the directory give the whole result? Everybody is read once, as the backend would.

slapd tells of its size and time limits, and of `size.unchecked` where it reads everybody; only a
search by the index of a time is cut short with success. What lies above today's number of people
cannot be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import ldap

from ....model import Finding
from ..errors import to_finding
from .directory import Directory, count


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


def _nobody(directory: Directory) -> Finding:
    settings = directory.settings
    return Finding.warning(
        f"nobody of the class {settings.ldap_object_class} is to be seen below"
        f" {settings.ldap_base_dn}",
        "check GLUU_CHANGES_LDAP_BASE_DN and GLUU_CHANGES_LDAP_OBJECT_CLASS, and that the account"
        " that binds may read the people and their objectClass",
    )

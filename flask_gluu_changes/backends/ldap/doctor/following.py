"""What `follow` is told of at once, what it finds by comparing, and what it needs for that.

A person shows its groups by memberOf. Where a group that is named there can be read and names its
members itself, a change of the group says whom to read again. That of other groups (dynamic and
nested ones, those that the account may not see) is found when everybody is compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import ldap
from ldap.cidict import cidict

from ....model import Finding
from ..dn import normal
from ..follower import CSN
from ..groups import MEMBER_OF, MEMBERS, members_of
from .context import Directory

MAX_GROUPS = 1000
"""Groups that are looked at; of further ones nothing is said."""

CLASSES = "(|(objectClass=posixGroup)(memberUid=*))"


def examine_following(directory: Directory) -> Iterator[Finding]:
    """Examine the numbers of changes, and the groups that people show; both are slapd's alone."""
    if not directory.info.openldap:
        return
    if hidden := sum(CSN not in cidict(entry) for entry in directory.people("", (CSN,))):
        yield Finding.warning(
            f"the account that binds may not read {CSN} of {hidden} people: `follow` would not"
            " notice a directory that was restored, or whose clock went back",
            f"give it the right (slapd: access to attrs={CSN} by dn.exact=… read)",
        )
    if _is_shown(directory):
        yield from _groups(directory)


def _groups(directory: Directory) -> Iterator[Finding]:
    shown = _shown(directory)
    silent = {
        group for group, members in shown.items() if not members <= _members(directory, group)
    }
    if told := shown.keys() - silent:
        yield Finding.ok(
            f"memberships in {len(told)} groups are followed by {' and '.join(MEMBERS)}"
        )
    if silent:
        seconds = directory.settings.ldap_compare_interval
        yield Finding.warning(
            f"memberOf names {len(silent)} groups that do not name these members (dynamic, nested"
            " or hidden from the account that binds, or people were renamed without"
            f" memberof-refint): `follow` finds such memberships by comparing, every {seconds:g} s",
            f"let the account read {' and '.join(MEMBERS)} of groups, or set"
            " GLUU_CHANGES_LDAP_COMPARE_INTERVAL to the delay that clients bear",
        )
    yield from _unshown(directory)


def _is_shown(directory: Directory) -> bool:
    allowed, name = directory.query.attributes, MEMBER_OF.lower()
    return name not in directory.query.excluded and (allowed is None or name in allowed)


def _shown(directory: Directory) -> dict[str, set[str]]:
    """Return who shows each group, by names in their normal form."""
    settings, shown = directory.settings, dict[str, set[str]]()
    person = f"(objectClass={settings.ldap_object_class})"
    asked = (settings.ldap_base_dn, ldap.SCOPE_SUBTREE, person, [MEMBER_OF])
    for dn, entry in directory.connection.search_s(*asked):
        for value in cidict(entry).get(MEMBER_OF, ()):
            group = normal(value.decode())
            if group in shown or len(shown) < MAX_GROUPS:
                shown.setdefault(group, set()).add(normal(dn))
    return shown


def _members(directory: Directory, group: str) -> set[str]:
    """Return the members that a group names; none where it cannot be read."""
    asked = (group, ldap.SCOPE_BASE, "(objectClass=*)", list(MEMBERS))
    try:
        found = directory.connection.search_s(*asked)
    except ldap.LDAPError:
        return set()
    return {normal(name.decode()) for _, entry in found for name in members_of(cidict(entry))}


def _unshown(directory: Directory) -> Iterator[Finding]:
    """Say that groups by memberUid do not show on people, where there are any."""
    base = directory.settings.ldap_base_dn.partition(",")[2] or directory.settings.ldap_base_dn
    try:
        found = directory.connection.search_s(base, ldap.SCOPE_SUBTREE, CLASSES, ["1.1"])
    except ldap.LDAPError:
        return
    if number := sum(dn is not None for dn, _ in found):
        yield Finding.warning(
            f"{number} groups name members by memberUid, which no memberOf shows: nothing is told"
            " of these memberships",
            "use groups by member (slapd: overlay memberof) where clients need them",
        )

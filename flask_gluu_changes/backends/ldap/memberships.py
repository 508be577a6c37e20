"""Who is in which group: slapd changes memberOf on people without saying so.

Its memberof overlay touches neither entryCSN nor modifyTimestamp, and syncrepl does not report
the person. The group is reported, so what it gained and lost names the people to read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import ldap.dn

GROUPS = "(|(objectClass=gluuGroup)(objectClass=jansGrp))"
MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a person's memberOf should say in the end: `group`, or no longer `group`."""

    person: str
    group: str
    inside: bool

    def holds(self, values: Iterable[bytes]) -> bool:
        """Tell whether a memberOf says so already."""
        return (self.group in {normal(value.decode()) for value in values}) is self.inside


@dataclass
class Memberships:
    """The members of each group, by the group's entryUUID; names in their normal form."""

    _groups: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    _sum: int = 0

    @property
    def digest(self) -> str:
        """Tell these memberships from others, whatever the order in which they came about."""
        return f"{self._sum:032x}"

    def put(self, uuid: str, name: str, members: Iterable[bytes]) -> list[Expected]:
        """Take in a group as it is now; give what that should change on people."""
        known = {normal(text): text for text in (member.decode() for member in members)}
        return self._replace(uuid, (normal(name), known))

    def drop(self, uuid: str) -> list[Expected]:
        """Take in that a group is gone."""
        return self._replace(uuid, ("", {}))

    def _replace(self, uuid: str, new: tuple[str, Mapping[str, str]]) -> list[Expected]:
        old = self._groups.pop(uuid, ("", {}))
        if new[0]:
            self._groups[uuid] = new
        self._sum ^= _weight(uuid, old) ^ _weight(uuid, new)
        same = old[1].keys() & new[1].keys() if old[0] == new[0] else set()
        lost = [Expected(old[1][key], old[0], False) for key in old[1].keys() - same]
        gained = [Expected(new[1][key], new[0], True) for key in new[1].keys() - same]
        return lost + gained


def normal(name: str) -> str:
    """Write a name so that spellings of the same entry are equal."""
    try:
        return str(ldap.dn.dn2str(ldap.dn.str2dn(name))).lower()
    except ldap.DECODING_ERROR:
        return name.lower()


def within(name: str, base: str) -> bool:
    """Tell whether an entry is at or below a base."""
    return f",{normal(name)}".endswith(f",{normal(base)}")


def _weight(uuid: str, group: tuple[str, Mapping[str, str]]) -> int:
    if not group[0]:
        return 0
    text = "\n".join((uuid, group[0], *sorted(group[1])))
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")

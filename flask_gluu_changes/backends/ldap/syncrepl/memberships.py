"""Who is in which group: slapd changes memberOf on people without reporting it.

Its memberof overlay touches neither entryCSN nor modifyTimestamp, and syncrepl does not report
the person. The group is reported, so what it gained and lost names the people to read again. slapd
reports the group before it has written memberOf on the last member: what does not show yet is read
again, less and less often, until it shows or until nobody writes memberOf here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic

from ..dn import normal

GROUPS = "(|(objectClass=gluuGroup)(objectClass=jansGrp))"
MEMBER = "member"

FIRST_DELAY = 0.01
"""Seconds between the first and the second reading of a person; doubled each time."""

LAST_DELAY = 5.0
"""Seconds up to which readings are repeated."""


@dataclass(frozen=True, slots=True)
class ExpectedMembership:
    """What a person's memberOf should hold in the end: `group`, or no longer `group`."""

    person: str
    group: str
    inside: bool

    def is_met(self, member_of: Iterable[bytes]) -> bool:
        """Return whether a person's memberOf is so already."""
        return (self.group in {normal(value.decode()) for value in member_of}) is self.inside


@dataclass
class Memberships:
    """The members of each group, by the group's entryUUID; names in their normal form."""

    _groups: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    _sum: int = 0

    @property
    def digest(self) -> str:
        """The digest of these memberships, whatever the order in which they came about."""
        return f"{self._sum:032x}"

    def put(self, uuid: str, dn: str, members: Iterable[bytes]) -> list[ExpectedMembership]:
        """Take in a group as it is now; return what that should change on people."""
        known = {normal(text): text for text in (member.decode() for member in members)}
        return self._replace(uuid, (normal(dn), known))

    def drop(self, uuid: str) -> list[ExpectedMembership]:
        """Take in that a group is gone; return what that should change on people."""
        return self._replace(uuid, ("", {}))

    def _replace(self, uuid: str, new: tuple[str, Mapping[str, str]]) -> list[ExpectedMembership]:
        old = self._groups.pop(uuid, ("", {}))
        if new[0]:
            self._groups[uuid] = new
        # XOR takes a group's part out again without hashing the others, in any order.
        self._sum ^= _group_hash(uuid, old) ^ _group_hash(uuid, new)
        same = old[1].keys() & new[1].keys() if old[0] == new[0] else set()
        lost = [ExpectedMembership(old[1][key], old[0], False) for key in old[1].keys() - same]
        gained = [ExpectedMembership(new[1][key], new[0], True) for key in new[1].keys() - same]
        return lost + gained


def _group_hash(uuid: str, group: tuple[str, Mapping[str, str]]) -> int:
    if not group[0]:
        return 0
    text = "\n".join((uuid, group[0], *sorted(group[1])))
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")


class RetryQueue:
    """The memberships that people should show, and when to read each person again."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._waiting: dict[tuple[str, str], tuple[ExpectedMembership, float, float]] = {}

    def expect(self, memberships: Iterable[ExpectedMembership]) -> None:
        """Add memberships that are due at once; a newer one replaces an older one."""
        for expected in memberships:
            key = expected.person, expected.group
            self._waiting[key] = (expected, self._clock(), FIRST_DELAY)

    def due(self) -> list[ExpectedMembership]:
        """Return what is to be looked for now."""
        now = self._clock()
        return [expected for expected, at, _ in self._waiting.values() if at <= now]

    def tried(self, expected: ExpectedMembership, *, met: bool) -> None:
        """Remove a membership that was looked for, or schedule the next try."""
        key = expected.person, expected.group
        _, _, delay = self._waiting.pop(key)
        if not met and delay <= LAST_DELAY:
            self._waiting[key] = (expected, self._clock() + delay, delay * 2)

    def pause(self) -> float | None:
        """Return the seconds until the next try; None when there is none to make."""
        times = [at for _, at, _ in self._waiting.values()]
        return max(0.0, min(times) - self._clock()) if times else None

"""Who is in which group: slapd changes memberOf on people without saying so.

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


def _weight(uuid: str, group: tuple[str, Mapping[str, str]]) -> int:
    if not group[0]:
        return 0
    text = "\n".join((uuid, group[0], *sorted(group[1])))
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")


FIRST_DELAY = 0.01
LAST_DELAY = 5.0
"""Seconds between two looks, doubled each time."""


class RetryQueue:
    """What is expected of whom, and when to look."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._waiting: dict[tuple[str, str], tuple[Expected, float, float]] = {}

    def expect(self, changes: Iterable[Expected]) -> None:
        """Look at once; a newer expectation takes the place of an older one."""
        for change in changes:
            self._waiting[change.person, change.group] = (change, self._clock(), FIRST_DELAY)

    def due(self) -> list[Expected]:
        """Give what is to be looked at now."""
        now = self._clock()
        return [change for change, at, _ in self._waiting.values() if at <= now]

    def looked(self, change: Expected, *, settled: bool) -> None:
        """Be done with an expectation, or look again later."""
        _, _, delay = self._waiting.pop((change.person, change.group))
        if not settled and delay <= LAST_DELAY:
            key = change.person, change.group
            self._waiting[key] = (change, self._clock() + delay, delay * 2)

    def pause(self) -> float | None:
        """Give the seconds until the next look; None when all is settled."""
        times = [at for _, at, _ in self._waiting.values()]
        return max(0.0, min(times) - self._clock()) if times else None

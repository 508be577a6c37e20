"""Who is in which group: slapd changes memberOf on people without reporting it.

Its memberof overlay touches neither entryCSN nor modifyTimestamp, and syncrepl does not report
the person. The group is reported, so what it gained and lost names the people to read again. slapd
reports the group before it has written memberOf on the last member: what does not show yet is read
again, less and less often, until it shows or until nobody writes memberOf here.

A group names its members, and names change: with `memberof-refint` slapd writes a renamed member's
new name into the group, and does not report that. So where a person and a group disagree, the group
is read anew, and the person until both agree. If they never do (without `memberof-refint` they need
not), the person is noted as a stray by entryUUID, and read again when the group changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic

from ..dn import normal, normal_octets

FIRST_DELAY = 0.01
"""Seconds between the first and the second reading of a person; doubled each time."""

LAST_DELAY = 5.0
"""Seconds up to which readings are repeated."""


@dataclass(frozen=True, slots=True)
class ExpectedMembership:
    """What a person's memberOf should hold in the end: `group`, or no longer `group`.

    person: a name, or an entryUUID for strays.
    """

    person: str
    group: str
    inside: bool
    stray: bool = False

    def is_met(self, member_of: Iterable[bytes]) -> bool:
        """Return whether a person's memberOf is so already."""
        return (self.group in {*map(normal_octets, member_of)}) is self.inside


@dataclass
class _Group:
    """A group as it was last seen. members: names as the group spells them, by normal form."""

    dn: str
    members: Mapping[str, str]


class Memberships:
    """The members of each group, by the group's entryUUID, and who shows what they do not say."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._uuids: dict[str, str] = {}
        self._former: set[str] = set()
        self._strays: dict[str, dict[str, bool]] = {}

    def put(self, uuid: str, dn: str, members: Iterable[bytes]) -> list[ExpectedMembership]:
        """Take in a group as it is now; return what that should change on people."""
        texts = [member.decode(errors="replace") for member in members]
        known = {normal(text): text for text in texts}
        return self._replace(uuid, _Group(dn, known))

    def drop(self, uuid: str) -> list[ExpectedMembership]:
        """Take in that a group is gone; return what that should change on people."""
        return self._replace(uuid, None)

    def find(self, group: str) -> tuple[str, str] | None:
        """Return entryUUID and name of a group, by the normal form of its name."""
        uuid = self._uuids.get(group)
        return (uuid, self._groups[uuid].dn) if uuid else None

    def odd(self, uuid: str, dn: str, member_of: Iterable[bytes]) -> list[ExpectedMembership]:
        """Return what a person should show otherwise, by its groups, and was not noted before."""
        name, shown = normal(dn), {*map(normal_octets, member_of)}
        having = {g for g, known in self._uuids.items() if name in self._groups[known].members}
        known = self._uuids.keys() | self._former
        odd = {
            **dict.fromkeys(having - shown, True),
            **dict.fromkeys(shown & known - having, False),
        }
        return [
            ExpectedMembership(uuid, group, inside, stray=True)
            for group, inside in odd.items()
            if self._strays.get(group, {}).get(uuid) is not inside
        ]

    def note(self, odd: list[ExpectedMembership]) -> list[ExpectedMembership]:
        """Note what is odd until the group changes; return it."""
        for stray in odd:
            self._strays.setdefault(stray.group, {})[stray.person] = stray.inside
        return odd

    def _replace(self, uuid: str, new: _Group | None) -> list[ExpectedMembership]:
        old = self._groups.pop(uuid, _Group("", {}))
        before, after = normal(old.dn), normal(new.dn) if new else ""
        self._uuids.pop(before, None)
        if new:
            self._groups[uuid], self._uuids[after] = new, uuid
        self._former.add(before)
        self._former.discard(after)
        members = new.members if new else {}
        if before == after and old.members.keys() == members.keys():
            return []  # whoever was noted stays noted: else two of them would be read for ever
        same = old.members.keys() & members.keys() if before == after else set()
        lost = [
            ExpectedMembership(old.members[m], before, False) for m in old.members if m not in same
        ]
        gained = [ExpectedMembership(members[m], after, True) for m in members if m not in same]
        strays = self._strays.pop(before, {}).items()
        outside = [ExpectedMembership(u, before, False, True) for u, inside in strays if not inside]
        return lost + outside + gained


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

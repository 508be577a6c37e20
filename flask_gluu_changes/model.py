"""The query that a backend gets, the entries and findings that it returns, what clients see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from .timestamps import moment_of, parse_generalized_time, to_micros

NEVER_SHOWN = frozenset({"objectclass", "dn", "userpassword"})
"""What Gluu's UserWebService leaves out of every result, whatever the settings say."""


@dataclass(frozen=True)
class Visibility:
    """The attributes that are allowed (None: all), less the hidden ones; in lower case."""

    allowed: frozenset[str] | None = None
    hidden: frozenset[str] = NEVER_SHOWN

    @classmethod
    def of(cls, allowed: Iterable[str] = (), denied: Iterable[str] = ()) -> Visibility:
        """Build the rule from names in any case; no allowed name means that all are."""
        names = frozenset(map(_base, allowed))
        return cls(names or None, NEVER_SHOWN.union(map(_base, denied)))

    def shows(self, attribute: str) -> bool:
        """Tell whether a client may see an attribute; options as in `cn;lang-de` do not count."""
        name = _base(attribute)
        return name not in self.hidden and (self.allowed is None or name in self.allowed)


def _base(attribute: str) -> str:
    return attribute.partition(";")[0].lower()


Value: TypeAlias = bytes | str | bool | int | datetime
"""One value as a backend delivers it: LDAP octets, LDAP text, or the Python value itself."""

Entry: TypeAlias = Mapping[str, Sequence[Value]]
"""One person: attribute names, spelled as the store spells them, to their values."""

BEFORE_ALL = to_micros(datetime.min.replace(tzinfo=UTC)) - 1
"""Earlier than every time there is."""

DEFAULT_TIME_ATTRIBUTES = ("updatedAt", "oxCreationTimestamp")

WHOLE_SECOND_ATTRIBUTES = frozenset({"modifytimestamp", "createtimestamp"})
"""Written by directory servers without fraction, so asked for from the start of the second."""


@dataclass(frozen=True, slots=True)
class ChangesQuery:
    """Who was added or changed at or after a time.

    since: UTC, whole milliseconds. The bound is inclusive.
    time_attributes: an entry counts when one of these is at or after `since`.
    attributes: names that are needed (besides uid, inum and the times); None means all.
    excluded: names that nobody will see, so that secrets need not even leave the store. Both are
    in lower case, and no more than a hint: the feed hides whatever a backend delivers.
    """

    since: datetime
    time_attributes: tuple[str, ...] = DEFAULT_TIME_ATTRIBUTES
    attributes: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()

    def bound(self, attribute: str) -> datetime:
        """Give the lowest time of this attribute that counts, whole seconds where need be."""
        if attribute.lower() in WHOLE_SECOND_ATTRIBUTES:
            return self.since.replace(microsecond=0)
        return self.since

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry belongs to the answer; for backends that filter in Python."""
        return any(
            time_of(value, BEFORE_ALL) >= to_micros(self.bound(attribute))
            for attribute in self.time_attributes
            for value in entry.get(attribute, ())
        )


class Level(StrEnum):
    """How bad a finding is: a fault keeps the operation from working as it should."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """What an examination of a store found out, and what an operator should do about it."""

    level: Level
    what: str
    advice: str = ""

    @classmethod
    def ok(cls, what: str) -> Finding:
        """Tell of something that is well."""
        return cls(Level.OK, what)

    @classmethod
    def warning(cls, what: str, advice: str) -> Finding:
        """Tell of something that may be meant, or that cannot be told."""
        return cls(Level.WARNING, what, advice)

    @classmethod
    def fault(cls, what: str, advice: str) -> Finding:
        """Tell of something that has to be repaired."""
        return cls(Level.FAULT, what, advice)


def time_of(value: Value, unreadable: int) -> int:
    """Give a time attribute's value in microseconds since the epoch, or `unreadable`."""
    try:
        if isinstance(value, datetime):
            return moment_of(value)[1]
        text = value.decode() if isinstance(value, bytes) else str(value)
        return parse_generalized_time(text)[1]
    except ValueError:
        return unreadable

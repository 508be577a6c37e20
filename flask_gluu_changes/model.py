"""The query that a backend gets, and the entries and findings that it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from .timestamps import moment_of, parse_generalized_time, to_micros

Value: TypeAlias = bytes | str | bool | int | datetime
"""One value as a backend delivers it: LDAP octets, LDAP text, or the Python value itself."""

Entry: TypeAlias = Mapping[str, Sequence[Value]]
"""One person: attribute names, spelled as the store spells them, to their values."""

BEFORE_ALL = to_micros(datetime.min.replace(tzinfo=UTC)) - 1
"""Earlier than every time there is."""

RESERVED = "@"
"""Begins the names of what the journal says about a person; no attribute may pass for it."""

DEFAULT_TIME_ATTRIBUTES = ("updatedAt", "oxCreationTimestamp")

WHOLE_SECOND_ATTRIBUTES = frozenset({"modifytimestamp", "createtimestamp"})
"""Directory servers write these without fraction, so they count from the start of the second."""


@dataclass(frozen=True, slots=True)
class ChangesQuery:
    """The question for those who were added or changed at or after a time.

    `attributes`, `excluded` and `shown` spare a backend work, and keep secrets in the store; no
    backend has to heed them, for the feed hides what clients may not see.

    Attributes:
        since: The inclusive bound, in UTC and whole milliseconds.
        time_attributes: An entry matches when one of these is at or after `since`.
        attributes: The names, in lower case, that are needed besides uid, inum and the times; None
            means all.
        excluded: The names, in lower case, that no client will see.
        shown: The names, in lower case, of secrets that clients may see nonetheless.
        everybody: Whether everybody matches, whatever their times, and those without any, too. The
            journal's ingest asks so when it sweeps a store; `since` is then long ago.
        settings_digest: `Settings.digest` of the application that asks, for stores of entries that
            are written already; empty where it is not known.
    """

    since: datetime
    time_attributes: tuple[str, ...] = DEFAULT_TIME_ATTRIBUTES
    attributes: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()
    everybody: bool = False
    shown: frozenset[str] = frozenset()
    settings_digest: str = ""

    def bound(self, attribute: str) -> datetime:
        """Return the lowest time of an attribute that matches, down to the second where need be."""
        if attribute.lower() in WHOLE_SECOND_ATTRIBUTES:
            return self.since.replace(microsecond=0)
        return self.since

    def matches(self, entry: Entry) -> bool:
        """Return whether an entry matches; for backends that filter in Python."""
        return self.everybody or any(
            time_of(value, BEFORE_ALL) >= to_micros(self.bound(attribute))
            for attribute in self.time_attributes
            for value in entry.get(attribute, ())
        )


class Level(StrEnum):
    """How serious a finding is: a fault keeps the operation from working as it should."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of an examination.

    Attributes:
        level: How serious it is.
        what: What was found, as a sentence without a full stop.
        advice: What an operator should do about it; empty where that is nothing.
    """

    level: Level
    what: str
    advice: str = ""

    @classmethod
    def ok(cls, what: str) -> Finding:
        """Return the finding that something is as it should be."""
        return cls(Level.OK, what)

    @classmethod
    def warning(cls, what: str, advice: str) -> Finding:
        """Return the finding that something may be intended, or that it cannot be examined."""
        return cls(Level.WARNING, what, advice)

    @classmethod
    def fault(cls, what: str, advice: str) -> Finding:
        """Return the finding that something has to be repaired."""
        return cls(Level.FAULT, what, advice)


def time_of(value: Value, unreadable: int) -> int:
    """Return a time attribute's value in microseconds since the epoch, or `unreadable`."""
    try:
        if isinstance(value, datetime):
            return moment_of(value)[1]
        text = value.decode() if isinstance(value, bytes) else str(value)
        return parse_generalized_time(text)[1]
    except ValueError:
        return unreadable

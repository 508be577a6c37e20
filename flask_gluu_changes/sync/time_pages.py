"""A page of the timeStamp form, looked at before anything is believed.

It says less than it seems to: `total` counts this page, and `latestUpdateAt` is missing where
nobody on it was ever updated. So times are read from the people themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import httpx

from ..client import Change, ChangesRefused
from ..client.pages import parse_json
from ..timestamps import parse_generalized_time, parse_timestamp, to_micros

log = logging.getLogger(__name__)

TIMES = ("updatedAt", "oxCreationTimestamp", "jansCreationTimestamp")
"""What tells when somebody was changed or created, at Gluu and at Janssen."""

Name: TypeAlias = tuple[str, str]
"""The inum and the uid of somebody, whose place in the order of pages depends on no more."""


@dataclass(frozen=True, slots=True)
class TimePage:
    """People who were changed since a time.

    Attributes:
        changes: Their states; the version of each is 0, for there are none.
        names: Who they are.
        size: The number of results, those included that were left out.
        reached: The highest time of a change among them, in microseconds; 0 where there is none.
        asked_at: The time of the server in microseconds, None where it does not tell.
    """

    changes: list[Change]
    names: frozenset[Name]
    size: int
    reached: int
    asked_at: int | None


def parse_time_page(response: httpx.Response) -> TimePage:
    """Read a page; raise ValueError or KeyError for anything else.

    Raises:
        ChangesRefused: Nobody on it has an inum, by which people are known.
    """
    people = [_person(given) for given in _results(parse_json(response.content))]
    changes = [_change(person) for person in people if person.get("inum")]
    if people and not changes:
        raise ChangesRefused(
            "nobody has an inum in the server's answer; it must not be hidden", 200
        )
    if len(changes) < len(people):
        log.warning("People without an inum are left out: %s", len(people) - len(changes))
    names = frozenset((change.inum, _first(change.attributes, "uid")) for change in changes)
    times = [_micros(time) for person in people for n in TIMES for time in person.get(n, ())]
    return TimePage(changes, names, len(people), max(times, default=0), _date_of(response))


def _results(page: Any) -> list[Any]:
    if not isinstance(page, dict) or not isinstance(page["results"], list):
        raise ValueError("there is no array of results")
    return page["results"]


def _person(given: Any) -> Mapping[str, list[Any]]:
    if not isinstance(given, dict) or not all(isinstance(v, list) for v in given.values()):
        raise ValueError("a result is no object of arrays")
    return given


def _change(person: Mapping[str, list[Any]]) -> Change:
    inum = _first(person, "inum")
    return Change(inum, 0, "updated", inum, person)


def _first(person: Mapping[str, list[Any]], name: str) -> str:
    return str([*person.get(name, ()), ""][0])


def _micros(time: object) -> int:
    """Return the microseconds of a time, whatever the server made of it; 0 for anything else."""
    try:
        return parse_generalized_time(str(time))[1]
    except ValueError:
        pass
    try:
        return to_micros(parse_timestamp(str(time)))
    except ValueError:
        return 0


def _date_of(response: httpx.Response) -> int | None:
    """Return the earliest time that the answer tells; something between may add its own."""
    told = [_date(text) for text in response.headers.get_list("Date")]
    return min((time for time in told if time is not None), default=None)


def _date(text: str) -> int | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    zoned: datetime = found if found.tzinfo else found.replace(tzinfo=UTC)
    return to_micros(zoned)

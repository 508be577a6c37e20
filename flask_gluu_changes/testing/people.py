"""What the contract's tests are written with: a store to fill, and small people to fill it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias

from ..backend import Backend

Attributes: TypeAlias = Mapping[str, Sequence[bytes]]
"""Attribute names to values, as LDAP octets; a store turns them into what it holds."""

NOON = datetime(2024, 5, 1, 12, 0, 0, 500_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Store(Protocol):
    """A store of people under test, and its backend; an author of a backend writes one.

    What it does shows in the backend's very next answer. The attributes that are used are `uid`,
    `cn`, `sn`, `mail` (twice at most), `l` and the two times, `updatedAt` and
    `oxCreationTimestamp`.
    """

    @property
    def backend(self) -> Backend:
        """The backend under test; an attribute will do."""

    def add(self, inum: str, attributes: Attributes) -> None:
        """Add a person, whose `inum` is not among the attributes."""

    def change(self, inum: str, attributes: Attributes) -> None:
        """Replace the values of some attributes of a person."""

    def remove(self, inum: str) -> None:
        """Delete a person."""


def time_octets(moment: datetime) -> bytes:
    """Write a time as directories hold it, with milliseconds."""
    return f"{moment:%Y%m%d%H%M%S}.{moment.microsecond // 1000:03}Z".encode()


def person(uid: str, *, updated: datetime | None = None, created: datetime = NOON) -> Attributes:
    """Make the attributes of a small person."""
    name = uid.encode()
    times = {} if updated is None else {"updatedAt": [time_octets(updated)]}
    return {
        "uid": [name],
        "cn": [name],
        "sn": [name],
        "oxCreationTimestamp": [time_octets(created)],
        **times,
    }

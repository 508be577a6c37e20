"""How far a changelog has been followed: what the journal keeps as its cookie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...following import ContinuityLost

_CSN = re.compile(r"[0-9a-f]{16}([0-9a-f]{4})[0-9a-f]{8}")
"""A change sequence number of OpenDJ: time, server id, count, in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Position:
    """Two things that must agree with the directory's for the reading to continue.

    changelog: the server's cookie, `base:csn csn …;base:csn …;`; "" is before every change.
    shape: digest of the attributes and types that people were read with.
    """

    changelog: str
    shape: str

    @classmethod
    def parse(cls, cookie: str) -> Position:
        """Read what `str()` wrote; ContinuityLost for anything else."""
        try:
            found = cls(**json.loads(cookie))
        except (ValueError, TypeError) as error:
            raise ContinuityLost("the saved cookie cannot be read") from error
        if found.changelog and not csns(found.changelog):
            raise ContinuityLost("the saved cookie is none of OpenDJ's")
        return found

    def __str__(self) -> str:
        return json.dumps({"changelog": self.changelog, "shape": self.shape})


def csns(cookie: str) -> Mapping[tuple[str, str], str]:
    """Give the change sequence numbers in a cookie, by base and server id."""
    return dict(_numbers(cookie))


def _numbers(cookie: str) -> Iterator[tuple[tuple[str, str], str]]:
    for domain in cookie.split(";"):
        base, _, numbers = domain.rpartition(":")
        yield from (((base, found[1]), found[0]) for found in _CSN.finditer(numbers))


def check_not_ahead(cookie: str, newest: str) -> None:
    """Raise ContinuityLost when the server does not know of all that the cookie stands for.

    newest: the server's own cookie. OpenDJ takes a cookie of the future for a good one.
    """
    known = csns(newest)
    for server, number in csns(cookie).items():
        if known.get(server, "") < number:
            raise ContinuityLost(f"the directory went back: it knows nothing as new as {number}")

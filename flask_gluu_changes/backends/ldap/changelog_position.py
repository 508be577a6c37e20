"""How far a changelog has been followed: what the journal keeps as its cookie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ...following import ContinuityLost

_CSN = re.compile(r"[0-9a-f]{16}([0-9a-f]{4})[0-9a-f]{8}")
"""A change sequence number of OpenDJ: time, server id, count, in hexadecimal digits."""

_COOKIE = re.compile(r"([^;]+:[0-9a-f ]*;)*")

Numbers: TypeAlias = Mapping[str, Mapping[str, str]]
"""Change sequence numbers by base and server id."""


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
        if not _COOKIE.fullmatch(str(found.changelog)):
            raise ContinuityLost("the saved cookie is none of OpenDJ's")
        return found

    def __str__(self) -> str:
        return json.dumps({"changelog": self.changelog, "shape": self.shape})


def csns(cookie: str) -> Numbers:
    """Give the change sequence numbers in a cookie, the last of each server."""
    domains = (domain.rpartition(":") for domain in cookie.split(";") if domain)
    return {base: numbers_of(text) for base, _, text in domains}


def numbers_of(text: str) -> Mapping[str, str]:
    """Find the change sequence numbers in a text, by server id."""
    return {found[1]: found[0] for found in _CSN.finditer(text)}


def check_not_ahead(cookie: str, newest: str) -> None:
    """Raise ContinuityLost when the server does not know of all that the cookie stands for.

    newest: the server's own cookie. OpenDJ takes a cookie of the future for a good one.
    """
    if not covers({**{base: {} for base in csns(cookie)}, **csns(newest)}, cookie):
        raise ContinuityLost(f"the directory went back: it knows {newest!r}, and not {cookie!r}")


def covers(known: Numbers, cookie: str) -> bool:
    """Tell whether all that a cookie stands for is known; bases that are not are of no concern."""
    return all(
        known[base].get(server, "") >= number
        for base, numbers in csns(cookie).items()
        for server, number in numbers.items()
        if base in known
    )


def lowered(cookie: str, known: Numbers) -> str:
    """Give a cookie that stands for nothing that is not known; as `covers` has it."""
    return "".join(
        f"{base}:{' '.join(_lower(numbers, known.get(base, numbers)))};"
        for base, numbers in csns(cookie).items()
    )


def _lower(numbers: Mapping[str, str], known: Mapping[str, str]) -> Iterator[str]:
    return (min(number, known[server]) for server, number in numbers.items() if server in known)

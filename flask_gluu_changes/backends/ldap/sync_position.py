"""How far a directory has been followed: what the journal keeps as its cookie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...following import ContinuityLost

_CSN = re.compile(r"\d{14}\.\d{6}Z#[0-9a-f]{6}#([0-9a-f]{3})#[0-9a-f]{6}")
"""A change sequence number: time, count, server id, count (draft-ietf-ldup-model)."""


@dataclass(frozen=True, slots=True)
class Position:
    """Three things that must agree with the directory's for the reading to continue.

    people: the server's cookie. groups: digest of the memberships that people were read with.
    shape: digest of the attributes and types that they were read with.
    """

    people: str
    groups: str
    shape: str

    @classmethod
    def parse(cls, cookie: str) -> Position:
        """Read what `str()` wrote; ContinuityLost for anything else."""
        try:
            found = cls(**json.loads(cookie))
        except (ValueError, TypeError) as error:
            raise ContinuityLost("the saved cookie cannot be read") from error
        if not csns(found.people.encode()):
            raise ContinuityLost("the saved cookie is none of OpenLDAP's")
        return found

    def __str__(self) -> str:
        return json.dumps({"people": self.people, "groups": self.groups, "shape": self.shape})


def csns(octets: bytes) -> Mapping[str, str]:
    """Give the change sequence numbers in a cookie or in contextCSN, by server id."""
    text = octets.decode(errors="replace").partition(",delcsn=")[0]
    return {found[1]: found[0] for found in _CSN.finditer(text)}


def check_not_ahead(cookie: str, context: Iterable[bytes]) -> None:
    """Raise ContinuityLost when the server does not know of all that the cookie stands for.

    context: its contextCSN; a server that does not show it is asked by the search alone.
    """
    known = csns(b";".join(context))
    for server, number in csns(cookie.encode()).items():
        if known and known.get(server, "") < number:
            raise ContinuityLost(f"the directory went back: it knows nothing as new as {number}")

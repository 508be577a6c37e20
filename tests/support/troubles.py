"""What befalls a directory, its followers and those who serve the journal: a schedule by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from .history import KINDS

QUIET_END = 1 / 3
"""The part of the time, at its end, in which only writers are at work."""

CLOCKS = ("-1h", "+1h", "-1m", "+2m", "")
SIZES = (200, 2000, 10_000)
"""Of directories: below 1000 people are always read one by one, above only where few changed."""


class Trouble(NamedTuple):
    """Something that happens at a time, in seconds since the beginning.

    follower_away: no follower runs meanwhile, and the next one finds what was written since.
    """

    at: float
    kind: str
    follower_away: bool
    clock: str = ""


@dataclass(frozen=True)
class Ordeal:
    """How much befalls a run in its seconds.

    kills: SIGKILLs of `follow`. crashes: SIGKILLs of the directory. restarts: its ends in good
    order. clocks: restarts by another clock. restores: an old dump takes the place of everything.
    nodes: restarts of the web server. cuts: moments from which all lines to the directory and the
    journal's server lose what they carry; every second time new ones do as well, for a while.
    """

    seconds: float
    kills: int = 0
    crashes: int = 0
    restarts: int = 0
    clocks: int = 0
    restores: int = 0
    nodes: int = 0
    cuts: int = 0

    @property
    def goes_back(self) -> bool:
        """Whether the directory forgets what it was."""
        return bool(self.restores)

    def schedule(self, seed: str) -> list[Trouble]:
        """Return all that happens, in its order."""
        chance = random.Random(f"troubles {seed}")
        return sorted(self._troubles(chance))

    def _troubles(self, chance: random.Random) -> Iterator[Trouble]:
        end = self.seconds * (1 - QUIET_END)
        for kind in ("kills", "crashes", "restarts", "clocks", "nodes", "cuts"):
            for _ in range(getattr(self, kind)):
                away, clock = chance.random() < 0.5, chance.choice(CLOCKS)
                yield Trouble(chance.uniform(0, end), kind, away, clock)
        for _ in range(self.restores):
            dumped, restored = sorted(chance.uniform(0, end) for _ in range(2))
            yield Trouble(dumped, "dumps", False)
            yield Trouble(restored, "restores", chance.random() < 0.7)


@dataclass(frozen=True)
class Site:
    """A directory of a kind. people: how many there are in the beginning.

    overlays: slapd's configuration. silent: overlays correct references and tell nobody, so that
    only comparing finds it.
    """

    people: int
    overlays: str
    silent: bool

    @classmethod
    def of(cls, seed: str, people: int = 0) -> Site:
        """Return the directory of a seed, which may have so many people."""
        chance = random.Random(f"site {seed}")
        silent = chance.random() < 0.4
        site = cls(chance.choice(SIZES), _overlays(chance, silent), silent)
        return replace(site, people=people) if people else site


def _overlays(chance: random.Random, silent: bool) -> str:
    lines = ["moduleload refint"]
    refint = chance.choice(["memberof-refint TRUE", "memberof-refint FALSE"])
    for kind, (_, member) in KINDS.items():
        lines.append("overlay memberof")
        if kind != "groupOfNames":  # the overlay's own default
            lines += [f"memberof-group-oc {kind}", f"memberof-member-ad {member}"]
            lines.append("memberof-memberof-ad memberOf")
        lines.append(refint)
    if silent:
        lines += ["overlay refint", "refint_attributes member uniqueMember associatedClient"]
    lines += ["overlay syncprov", f"syncprov-sessionlog {chance.choice([10, 1000, 100_000])}"]
    if chance.random() < 0.5:
        lines.append("syncprov-checkpoint 100 1")
    return "\n".join(lines) + "\n"

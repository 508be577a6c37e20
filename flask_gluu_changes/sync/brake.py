"""How many people may be removed at once, before somebody has to look."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from ..errors import ConfigurationError

FEW = 10
"""Removals that always go: of a small number of people everybody may."""

_LIMIT = re.compile(r"(\d{1,18})(\s*%)?")


@dataclass(frozen=True, slots=True)
class Brake:
    """A limit of removals, as a number or as a share of all.

    Attributes:
        most: The highest number; where `percent` is set, so many of a hundred.
        percent: Whether it is a share.
        allowed: The number that an operator lets go this once; None for none.
    """

    most: int = 20
    percent: bool = True
    allowed: int | None = None

    @classmethod
    def parsed(cls, text: str, allowed: int | None = None) -> Self:
        """Return the brake of a text such as `20%` or `50`."""
        found = _LIMIT.fullmatch(text.strip())
        if found is None or (found[2] and int(found[1]) > 100):
            raise ConfigurationError(
                f"--max-removals is a number of people or a share such as 20%, and not {text!r}"
            )
        return cls(int(found[1]), bool(found[2]), allowed)

    def holds(self, removals: int, known: int, *, emptied: bool = False) -> bool:
        """Return whether so many removals of all who are known are too many.

        emptied: everybody was read, and there is nobody, which is too much whatever the limit is.
        """
        if not removals or removals == self.allowed:
            return False
        if emptied:
            return True
        if self.percent:
            return removals > FEW and removals * 100 > self.most * known
        return removals > self.most

    def __str__(self) -> str:
        return f"{self.most} %" if self.percent else str(self.most)

"""Which attributes a client sees: secrets stay home."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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

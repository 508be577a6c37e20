"""Which attributes clients may see, whatever the store calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

from ..model import RESERVED, ChangesQuery
from .secret_names import is_secret, known_names

NEVER_SHOWN = frozenset({"objectclass", "dn", "userpassword"})
"""What Gluu's UserWebService leaves out of every result, whatever the settings say."""

MAX_VERDICTS = 4096
"""The most attributes for which it is remembered whether they are shown."""


@dataclass(frozen=True)
class AttributeInfo:
    """What a store's schema tells of an attribute; all names are in lower case.

    Attributes:
        names: Every name of it, and its OID.
        supertypes: The names and OIDs of the attributes that it is a kind of.
        is_secret: Whether its syntax, or the like, makes it a secret, whatever its name is.
    """

    names: frozenset[str]
    supertypes: frozenset[str] = frozenset()
    is_secret: bool = False

    @classmethod
    @lru_cache(4096)
    def named(cls, name: str) -> AttributeInfo:
        """Return what is known of an attribute where there is no schema."""
        return cls(frozenset({base_name(name)}))

    @cached_property
    def all_names(self) -> frozenset[str]:
        """The names of it and of its supertypes."""
        return self.names | self.supertypes


class _Verdict(NamedTuple):
    """Whether an attribute is shown, as long as the store tells the same of it."""

    name: str
    info: AttributeInfo | None
    shown: bool


@dataclass(frozen=True)
class Visibility:
    """Which attributes clients may see. All names are in lower case and without options.

    Attributes:
        allowed: Those that may be seen; None means all.
        denied: Those that may not, whether allowed or not.
        shown: Secrets that may be seen nonetheless.
        describe: Returns what the store's schema tells of an attribute; None where that has no
            such attribute.
    """

    allowed: frozenset[str] | None = None
    denied: frozenset[str] = NEVER_SHOWN
    shown: frozenset[str] = frozenset()
    describe: Callable[[str], AttributeInfo | None] = field(
        default=AttributeInfo.named, compare=False, repr=False
    )
    _verdicts: dict[str, _Verdict] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @classmethod
    def of(
        cls, allowed: Iterable[str] = (), denied: Iterable[str] = (), shown: Iterable[str] = ()
    ) -> Visibility:
        """Return the rule for names in any case.

        Args:
            allowed: The names that may be seen; none means that all may.
            denied: The names that may not, besides secrets and those that never are.
            shown: The names of secrets that may be seen nonetheless.
        """
        names = frozenset(map(base_name, allowed))
        hidden = NEVER_SHOWN.union(map(base_name, denied))
        return cls(names or None, hidden, frozenset(map(base_name, shown)))

    @classmethod
    def of_query(cls, query: ChangesQuery) -> Visibility:
        """Return the rule that a backend's query carries, so that secrets stay in the store."""
        return cls(query.attributes, query.excluded, query.shown)

    def known_to(self, describe: Callable[[str], AttributeInfo | None]) -> Visibility:
        """Return the same rule for a store that has a schema."""
        return replace(self, describe=describe)

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The names that are known to be hidden; more may be, by their words and by the schema."""
        return self.denied | known_names(self.shown)

    def shows(self, attribute: str) -> bool:
        """Return whether clients may see an attribute; options as in `cn;lang-de` do not count.

        What is said of an attribute holds for all of its names and its OID, and what is denied for
        the attributes that are kinds of it, too.
        """
        known = self._verdicts.get(attribute)
        name = known.name if known else base_name(attribute)
        info = self.describe(name)
        if known is None or known.info is not info:
            if len(self._verdicts) >= MAX_VERDICTS:
                self._verdicts.clear()
            known = self._verdicts[attribute] = _Verdict(name, info, self._shows(name, info))
        return known.shown

    def _shows(self, name: str, info: AttributeInfo | None) -> bool:
        if name.startswith(RESERVED):
            return False
        info = info or AttributeInfo.named(name)
        if self._hides(info):
            return False
        return self.allowed is None or not self.allowed.isdisjoint(info.names)

    def _hides(self, info: AttributeInfo) -> bool:
        if not self.denied.isdisjoint(info.all_names):
            return True
        if not self.shown.isdisjoint(info.names):
            return False
        return info.is_secret or any(map(is_secret, info.all_names))


def base_name(attribute: str) -> str:
    """Return an attribute description without options, in lower case (RFC 4512, 2.5)."""
    return attribute.partition(";")[0].lower().removeprefix("oid.")

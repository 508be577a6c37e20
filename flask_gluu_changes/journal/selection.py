"""Which attributes a client asked for, with the names that SCIM has for it (RFC 7644, 3.9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b

import orjson

from ..model import Visibility

ALWAYS = frozenset({"inum"})
"""Comes whether it is asked for or not, as `id` does in SCIM, and so does every `@` name."""


@dataclass(frozen=True)
class Selection:
    """The attributes to show, in lower case: the wanted ones (empty: all) less the unwanted."""

    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()

    @classmethod
    @lru_cache(256)
    def of(cls, wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> Selection:
        """Return a selection of names in any case; recent ones are cached."""
        return cls(frozenset(map(str.lower, wanted)), frozenset(map(str.lower, unwanted)))

    @cached_property
    def digest(self) -> bytes:
        """A digest of 8 octets that distinguishes this selection from others."""
        return _digest_of(self.wanted, self.unwanted)

    def apply(self, lines: list[bytes]) -> list[bytes]:
        """Cut objects down to the selection; without one they stay the bytes that they are."""
        if not self.wanted and not self.unwanted:
            return lines
        shown = _ShownNames(self.shows)
        return [_cut(line, shown) for line in lines]

    def shows(self, attribute: str) -> bool:
        """Return whether an attribute is selected; options as in `cn;lang-de` are ignored."""
        name = attribute.partition(";")[0].lower()
        if name in ALWAYS or name.startswith("@"):
            return True
        return name not in self.unwanted and (not self.wanted or name in self.wanted)


def digest_of_visibility(visibility: Visibility) -> bytes:
    """Return a digest of 8 octets that distinguishes what clients may see from other settings."""
    return _digest_of(visibility.allowed or (), visibility.hidden)


class _ShownNames(dict[str, bool]):
    """Whether each name is shown, computed once a name: all people have the same few names."""

    def __init__(self, shows: Callable[[str], bool]) -> None:
        self._shows = shows

    def __missing__(self, name: str) -> bool:
        self[name] = shown = self._shows(name)
        return shown


def _cut(line: bytes, shown: _ShownNames) -> bytes:
    return orjson.dumps({name: v for name, v in orjson.loads(line).items() if shown[name]})


def _digest_of(*sets: Iterable[str]) -> bytes:
    """Digest sets of names to 8 octets, whatever their order."""
    text = "\n".join(" ".join(sorted(names)) for names in sets)
    return blake2b(text.encode(), digest_size=8).digest()

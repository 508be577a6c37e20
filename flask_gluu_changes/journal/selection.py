"""Which attributes a client asked for, with the names that SCIM has for it (RFC 7644, 3.9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import chain

import orjson

from ..visibility import Visibility
from .damage import NONSENSE, damage_told, damaged_by

_VERSION = b'"@version":'
_SAFE = {str, int, bool}
_READER = json.JSONDecoder(parse_int=str, parse_float=str)  # numbers are only passed over

CACHED_NAMES = 100
"""The most names of a selection that is cached: a client may send any number of them."""

ALWAYS = frozenset({"inum"})
"""Comes whether it is asked for or not, as `id` does in SCIM, and so does every `@` name."""


@dataclass(frozen=True)
class Selection:
    """The attributes to show, in lower case: the wanted ones (empty: all) less the unwanted."""

    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> Selection:
        """Return a selection of names in any case; recent ones are cached unless they are long."""
        is_long = len(wanted) + len(unwanted) > CACHED_NAMES
        return _selection(wanted, unwanted) if is_long else _cached_selection(wanted, unwanted)

    def __bool__(self) -> bool:
        """Return whether it leaves anything out."""
        return bool(self.wanted or self.unwanted)

    @cached_property
    def digest(self) -> bytes:
        """A digest of 8 octets that distinguishes this selection from others."""
        return _digest_of(self.wanted, self.unwanted)

    def apply(self, lines: list[bytes]) -> list[bytes]:
        """Cut objects down to the selection; without one they stay the bytes that they are."""
        if not self:
            return lines
        shown = _ShownNames(self.shows)
        with damage_told():
            return [_cut(line, shown) for line in lines]

    def shows(self, attribute: str) -> bool:
        """Return whether an attribute is selected; options as in `cn;lang-de` are ignored."""
        name = attribute.partition(";")[0].lower()
        if name in ALWAYS or name.startswith("@"):
            return True
        return name not in self.unwanted and (not self.wanted or name in self.wanted)


class Cutter:
    """Leaves out of objects what is not to be shown, however they were written."""

    def __init__(self, shows: Callable[[str], bool]) -> None:
        self._shown = _ShownNames(lambda name: name.startswith("@") or shows(name))

    def cut(self, line: bytes) -> bytes:
        """Return an object without the members that are not shown, and with all its `@` keys."""
        try:  # and no context manager, which takes as long as the cutting
            return _cut_carefully(line, self._shown)
        except NONSENSE as error:
            raise damaged_by(error) from error


def _selection(wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> Selection:
    return Selection(frozenset(map(str.lower, wanted)), frozenset(map(str.lower, unwanted)))


_cached_selection = lru_cache(256)(_selection)


def digest_of_visibility(visibility: Visibility) -> bytes:
    """Return a digest of 8 octets that distinguishes what clients may see from other settings."""
    return _digest_of(visibility.allowed or (), visibility.hidden, visibility.shown)


class _ShownNames(dict[str, bool]):
    """Whether each name is shown, computed once a name: all people have the same few names."""

    def __init__(self, shows: Callable[[str], bool]) -> None:
        self._shows = shows

    def __missing__(self, name: str) -> bool:
        self[name] = shown = self._shows(name)
        return shown


def _cut(line: bytes, shown: _ShownNames) -> bytes:
    """Return an object without the members that are not shown; the others keep every octet.

    What one serializer wrote it writes again, except for whole numbers that are too long for it: it
    reads them as floats, or not at all.
    """
    start = _end_of_head(line)
    if line[start : start + 1] != b",":
        return line
    try:
        body = orjson.loads(b"{" + line[start + 1 :])
        kept = {name: v for name, v in body.items() if shown[name]}
        is_safe = {*map(type, chain.from_iterable(kept.values()))} <= _SAFE
    except (TypeError, ValueError):
        is_safe = False
    if not is_safe:
        return _cut_carefully(line, shown)
    return line[:start] + (b"," if kept else b"") + orjson.dumps(kept)[1:]


def _end_of_head(line: bytes) -> int:
    """Return where the `@` keys end, which come first and of which `@version` is the last."""
    at = line.index(_VERSION) + len(_VERSION)
    comma = line.find(b",", at)
    return comma if comma > 0 else len(line) - 1


def _cut_carefully(line: bytes, shown: _ShownNames) -> bytes:
    """Do the same without writing anything anew; a value ends where a reader of JSON says so."""
    text, kept, at = line.decode(), [], 1
    while text[at : at + 1] not in {"}", ""}:
        name, colon = _READER.raw_decode(text, at)
        _, end = _READER.raw_decode(text, colon + 1)
        if shown[name]:
            kept.append(text[at:end])
        at = end + 1
    return f"{{{','.join(kept)}}}".encode()


def _digest_of(*sets: Iterable[str]) -> bytes:
    """Digest sets of names to 8 octets, whatever their order."""
    text = "\n".join(" ".join(sorted(names)) for names in sets)
    return blake2b(text.encode(), digest_size=8).digest()

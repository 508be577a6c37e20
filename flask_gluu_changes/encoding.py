"""From an entry to the bytes of one element of `results`, on the hot path of every page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import orjson

from .model import ChangesQuery, Entry, Value, times_of
from .timestamps import to_micros
from .values import AttributeType, Converter, JsonValue, Misfit, converter, to_string

log = logging.getLogger(__name__)

NEVER_SHOWN = frozenset({"objectclass", "dn", "userpassword"})
"""What Gluu's UserWebService leaves out of every result, whatever the settings say."""

_LAST = b"\xff"
"""Sorts behind every UTF-8 text: an entry without uid comes last (RFC 2891, section 2.2)."""


class EncodedEntry(NamedTuple):
    """An entry ready to be served: where it sorts, when it changed (microseconds), its JSON."""

    sort_key: bytes
    changed: int
    body: bytes


@dataclass(frozen=True)
class Visibility:
    """Which attributes a client sees: those allowed (all, when none is named), less the denied."""

    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()

    @classmethod
    def of(cls, allowed: Iterable[str] = (), denied: Iterable[str] = ()) -> Visibility:
        """Build the rule from names in any case."""
        return cls(frozenset(map(str.lower, allowed)), frozenset(map(str.lower, denied)))

    def shows(self, attribute: str) -> bool:
        """Tell whether a client may see an attribute; options as in `cn;lang-de` do not count."""
        name = base_name(attribute)
        hidden = name in NEVER_SHOWN or name in self.denied
        return not hidden and (not self.allowed or name in self.allowed)


def base_name(attribute: str) -> str:
    """Give an attribute description's type in lower case, without options (RFC 4512, 2.5)."""
    return attribute.partition(";")[0].lower()


class EntryEncoder:
    """Types, hides and serializes the entries of one answer.

    type_of: gives an attribute's type by its name without options. Without a type, text is a
    string and Python's own values stay what they are.
    """

    def __init__(
        self,
        query: ChangesQuery,
        type_of: Callable[[str], AttributeType | None],
        visibility: Visibility,
    ) -> None:
        self._floor = to_micros(query.since)
        self._time_attributes = query.time_attributes
        self._type_of = type_of
        self._visibility = visibility
        self._converters: dict[str, Converter | None] = {}
        self._misfits: list[str] = []
        self._reported: set[str] = set()

    def encode(self, entry: Entry) -> EncodedEntry:
        """Turn one entry into its place, its change time and its JSON object."""
        encoded = EncodedEntry(_sort_key(entry), self._changed(entry), self._body(entry))
        if self._misfits:
            self._report(entry)
        return encoded

    def _body(self, entry: Entry) -> bytes:
        converters = self._converters
        shown: dict[str, list[JsonValue]] = {}
        for name, values in entry.items():
            try:
                convert = converters[name]
            except KeyError:
                convert = converters[name] = self._converter(name)
            if convert is not None:
                shown[name] = convert(values)
        return _dumps(shown)

    def _changed(self, entry: Entry) -> int:
        times = [t for name in self._time_attributes for t in times_of(entry, name)]
        return max(self._floor, *times) if times else self._floor

    def _converter(self, name: str) -> Converter | None:
        if not self._visibility.shows(name):
            return None
        attribute_type = self._type_of(name.partition(";")[0])
        misfit = partial(self._misfits.append, name)
        return converter(attribute_type, misfit) if attribute_type else _untyped(misfit)

    def _report(self, entry: Entry) -> None:
        """Log the first misfit of each attribute; never its value, which may be a secret."""
        for name in set(self._misfits) - self._reported:
            log.warning("%s of %s does not fit its type; served as text", name, entry.get("inum"))
        self._reported.update(self._misfits)
        self._misfits.clear()


def _sort_key(entry: Entry) -> bytes:
    uid = min(map(_folded, entry.get("uid", ())), default=_LAST)
    return uid + b"\0" + min(map(_octets, entry.get("inum", ())), default=_LAST)


def _folded(value: Value) -> bytes:
    octets = _octets(value)
    if octets.isascii():
        return octets.lower()
    return octets.decode(errors="replace").casefold().encode()


def _octets(value: Value) -> bytes:
    return value if isinstance(value, bytes) else to_string(value).encode(errors="replace")


def _untyped(misfit: Misfit) -> Converter:
    """Leave Python's own numbers, truths and times what they are; all else is a string."""
    strings = converter(AttributeType.STRING, misfit)
    natives: dict[type, Converter] = {
        bool: converter(AttributeType.BOOLEAN, misfit),
        int: converter(AttributeType.NUMERIC, misfit),
    }

    def convert(values: Sequence[Value]) -> list[JsonValue]:
        return natives.get(type(values[0]), strings)(values) if values else []

    return convert


def _dumps(shown: dict[str, list[JsonValue]]) -> bytes:
    try:
        return orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return orjson.dumps(_without_surrogates(shown), option=orjson.OPT_SORT_KEYS)


def _without_surrogates(shown: dict[str, list[JsonValue]]) -> dict[str, list[JsonValue]]:
    return {
        _clean(name): [_clean(v) if isinstance(v, str) else v for v in values]
        for name, values in shown.items()
    }


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()

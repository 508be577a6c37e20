"""From an entry to the bytes of one element of `results`, on the hot path of every page.

Nearly all entries come from a directory as octets that fit their types, or from a database as text
and Python values that do. Those go the quick way: the serializer decodes their text by itself, and
Python touches only the few values of other types. Any other entry raises there and is done again,
value by value. A value that does not fit is delivered as its text and logged: one bad entry never
fails a page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import TypeAlias

import orjson

from .model import ChangesQuery, Entry, Value, time_of
from .timestamps import to_micros
from .values import QUICK, AttributeType, JsonValue, to_string, typed, untyped
from .visibility import Visibility

log = logging.getLogger(__name__)

EncodedEntry: TypeAlias = tuple[bytes, int, bytes]
"""An entry ready to be served: where it sorts, when it changed (microseconds), its JSON."""

_LAST = b"\xff"
"""Sorts behind every UTF-8 text: an entry without uid comes last (RFC 2891, section 2.2)."""

_to_json = partial(orjson.dumps, default=bytes.decode, option=orjson.OPT_SORT_KEYS)
"""Serializes octets as the text that they are, and keys in order, as Gluu writes them."""


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
        self._shows = visibility.shows
        self._quick = _QuickWays(type_of, visibility)
        self._texts = self._quick.texts
        self._reported: set[str] = set()

    def encode(self, entry: Entry) -> EncodedEntry:
        """Turn one entry into its place, its change time and its JSON object."""
        return sort_key(entry), self._changed(entry), self.body(entry)

    def _changed(self, entry: Entry) -> int:
        changed = self._floor
        for name in self._time_attributes:
            for value in entry.get(name, ()):
                changed = max(changed, time_of(value, changed))
        return changed

    def body(self, entry: Entry) -> bytes:
        """Turn one entry into its JSON object."""
        try:
            return self._quickly(entry)
        except (LookupError, TypeError, ValueError):
            return self._carefully(entry)

    def _quickly(self, entry: Entry) -> bytes:
        shown: dict[str, Sequence[Value] | list[JsonValue]] = dict(entry)
        for name in shown.keys() - self._texts:
            one = self._quick[name]
            if one is None:
                del shown[name]
            else:
                shown[name] = [*map(one, entry[name])]
        self._check_texts(entry)
        return _to_json(shown)

    def _check_texts(self, entry: Entry) -> None:
        """Raise unless all is octets, or all that is shown as text is text.

        The serializer would write other Python values in a way of its own.
        """
        try:
            b"".join(chain.from_iterable(entry.values()))  # type: ignore[arg-type]
        except TypeError:
            "".join(chain.from_iterable(map(entry.__getitem__, entry.keys() & self._texts)))  # type: ignore[arg-type]

    def _carefully(self, entry: Entry) -> bytes:
        return _to_json(
            {
                to_string(name): [self._lenient(name, value, entry) for value in values]
                for name, values in entry.items()
                if self._shows(name)
            }
        )

    def _lenient(self, name: str, value: Value, entry: Entry) -> JsonValue:
        try:
            return typed(value, self._type_of(_type_name(name)))
        except ValueError:
            self._report(name, entry)
            return untyped(value)

    def _report(self, name: str, entry: Entry) -> None:
        """Log the first misfit of each attribute; never its value, which may be personal."""
        if name not in self._reported:
            self._reported.add(name)
            inum = [untyped(value) for value in entry.get("inum", ())]
            log.warning("%r of %r does not fit its type; it is served as text", name, inum)


class _QuickWays(dict[str, "Callable[[Value], JsonValue] | None"]):
    """Attribute names to the functions for their values; None for what a client may not see.

    texts: the names met so far that are shown as the text that they are.
    """

    def __init__(
        self, type_of: Callable[[str], AttributeType | None], visibility: Visibility
    ) -> None:
        self.texts: set[str] = set()
        self._type_of = type_of
        self._shows = visibility.shows

    def __missing__(self, name: str) -> Callable[[Value], JsonValue] | None:
        kind = self._type_of(_type_name(name)) or AttributeType.STRING
        one = self[name] = QUICK[kind] if self._shows(name) else None
        if one is to_string:
            self.texts.add(name)
        return one


def _type_name(attribute: str) -> str:
    """Take the options off an attribute description such as `cn;lang-de` (RFC 4512, 2.5)."""
    return attribute.partition(";")[0]


def sort_key(entry: Entry) -> bytes:
    """Tell where an entry sorts: by uid ignoring case, then by inum."""
    return _least(entry.get("uid"), _folded) + b"\0" + _least(entry.get("inum"), _octets)


def _least(values: Sequence[Value] | None, form: Callable[[Value], bytes]) -> bytes:
    if not values:
        return _LAST
    return form(values[0]) if len(values) == 1 else min(map(form, values))


def _folded(value: Value) -> bytes:
    octets = _octets(value)
    if octets.isascii():
        return octets.lower()
    return octets.decode(errors="replace").casefold().encode()


def _octets(value: Value) -> bytes:
    return value if isinstance(value, bytes) else untyped(value).encode()

"""Encodes an entry as the bytes of one element of `results`: the hot path of every page.

Nearly all entries come from a directory as octets that fit their types, or from a database as text
and Python values that do. Those are encoded quickly: the serializer decodes their text by itself,
and Python converts only the few values of other types, by a plan that is made once for all entries
with the same attributes. Any other entry raises there and is encoded again, value by value. A value
that does not fit its type is served as text and logged: one bad entry never fails a page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import orjson

from .model import BEFORE_ALL, ChangesQuery, Entry, Value, time_of
from .timestamps import to_micros
from .values import QUICK, AttributeType, JsonValue, quick_moment, to_string, typed, untyped
from .visibility import Visibility

log = logging.getLogger(__name__)

EncodedEntry: TypeAlias = tuple[bytes, int, bytes]
"""An entry as it is served: its sort key, its change time (microseconds), its JSON object."""

MAX_PLANS = 1000
"""The most plans that are kept; a store has few combinations of attributes."""

_LAST = b"\xff"
"""Sorts behind every UTF-8 text: an entry without uid comes last (RFC 2891, section 2.2)."""

_to_json = partial(orjson.dumps, default=bytes.decode, option=orjson.OPT_SORT_KEYS)
"""Serializes octets as UTF-8 text, and keys in order, as Gluu writes them."""

_sorted_to_json = partial(orjson.dumps, default=bytes.decode)
"""Does the same, faster, where the keys are in order already."""


class EntryEncoder:
    """Types, hides and serializes the entries of one answer.

    type_of: returns an attribute's type by its name without options. Without a type, text is a
    string and Python's own values stay what they are. octets: whether all values are known to be
    octets.
    """

    def __init__(
        self,
        query: ChangesQuery,
        type_of: Callable[[str], AttributeType | None],
        visibility: Visibility,
        *,
        octets: bool = False,
    ) -> None:
        self._octets = octets
        self._floor = to_micros(query.since)
        self._time_attributes = query.time_attributes
        self._type_of = type_of
        self._shows = visibility.shows
        self._plans = AttributePlans(type_of, visibility, query.time_attributes)
        self._reported: set[str] = set()

    def encode(self, entry: Entry) -> EncodedEntry:
        """Return the sort key of an entry, its change time and its JSON object."""
        body, times = self.read(entry)
        # the floor stands for times that cannot be read: the store found the entry by one of them
        return sort_key(entry), max((self._floor, *times.values())), body

    def read(self, entry: Entry) -> tuple[bytes, dict[str, int]]:
        """Return the JSON object, and for each time attribute the latest time that can be read.

        Times are microseconds since the epoch.
        """
        try:
            return self._quickly(entry)
        except (AttributeError, LookupError, TypeError, ValueError):
            # the quick way checks nothing by itself: an unusual value fails in it somewhere
            return self._carefully(entry), _latest(entry, self._time_attributes)

    def _quickly(self, entry: Entry) -> tuple[bytes, dict[str, int]]:
        plan = self._plans[tuple(entry)]
        shown: dict[str, Sequence[Value] | list[JsonValue]] = dict(entry)
        for name in plan.hidden:
            del shown[name]
        for name, convert in plan.converted:
            values = entry[name]
            shown[name] = [convert(values[0])] if len(values) == 1 else [*map(convert, values)]
        times = _latest(entry, plan.unshown) if plan.unshown else {}
        for name, counts in plan.times:
            values = entry[name]
            if len(values) == 1:
                text, latest = quick_moment(values[0])
                shown[name] = [text]
            else:
                shown[name], latest = _read_times(values)
            if counts:
                times[name] = latest
        if not self._octets:
            _check_texts(entry, plan.texts)
        return (_sorted_to_json if plan.ordered else _to_json)(shown), times

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
            return typed(value, self._type_of(type_name(name)))
        except ValueError:
            self._report(name, entry)
            return untyped(value)

    def _report(self, name: str, entry: Entry) -> None:
        """Log the first misfit of each attribute, without its value, which may be personal."""
        if name not in self._reported:
            self._reported.add(name)
            inum = [untyped(value) for value in entry.get("inum", ())]
            log.warning("%r of %r does not fit its type; it is served as text", name, inum)


def _read_times(values: Sequence[Value]) -> tuple[list[JsonValue], int]:
    moments = [*map(quick_moment, values)]
    return [text for text, _ in moments], max(micros for _, micros in moments)


def _check_texts(entry: Entry, texts: list[str]) -> None:
    """Raise unless all values are octets, or all that is shown as text is text.

    The serializer would write other Python values in a way of its own. `join` raises TypeError for
    them, and checks all values in one call.
    """
    if texts and type(entry[texts[0]][0]) is bytes:
        b"".join(chain.from_iterable(entry.values()))  # type: ignore[arg-type]
    else:
        "".join(chain.from_iterable(map(entry.__getitem__, texts)))  # type: ignore[arg-type]


def _latest(entry: Entry, names: Iterable[str]) -> dict[str, int]:
    found = {name: [time_of(value, BEFORE_ALL) for value in entry.get(name, ())] for name in names}
    return {n: max(times) for n, times in found.items() if times and max(times) > BEFORE_ALL}


class AttributePlan(NamedTuple):
    """The attributes of an entry, by what the encoder does with them.

    Attributes:
        hidden: Not shown.
        converted: Shown, with the functions that convert their values.
        times: Shown as times, and whether they are time attributes.
        unshown: Time attributes that are not shown as times.
        texts: Shown as the text that they are.
        ordered: Whether the names are in order.
    """

    hidden: list[str]
    converted: list[tuple[str, Callable[[Value], JsonValue]]]
    times: list[tuple[str, bool]]
    unshown: list[str]
    texts: list[str]
    ordered: bool


class AttributePlans(dict[tuple[str, ...], AttributePlan]):
    """The plans by the names of an entry's attributes; each is made when it is first needed."""

    def __init__(
        self,
        type_of: Callable[[str], AttributeType | None],
        visibility: Visibility,
        time_attributes: tuple[str, ...],
    ) -> None:
        self._type_of = type_of
        self._shows = visibility.shows
        self._time_attributes = time_attributes

    def __missing__(self, names: tuple[str, ...]) -> AttributePlan:
        if len(self) >= MAX_PLANS:
            self.clear()
        plan = self[names] = AttributePlan([], [], [], [], [], ordered=[*names] == sorted(names))
        for name in names:
            self._add(plan, name)
        return plan

    def _add(self, plan: AttributePlan, name: str) -> None:
        shown, counts = self._shows(name), name in self._time_attributes
        kind = self._type_of(type_name(name)) or AttributeType.STRING
        if shown and kind is AttributeType.GENERALIZED_TIME:
            plan.times.append((name, counts))
            return
        if counts:
            plan.unshown.append(name)
        if not shown:
            plan.hidden.append(name)
        elif QUICK[kind] is to_string:
            plan.texts.append(name)
        else:
            plan.converted.append((name, QUICK[kind]))


def type_name(attribute: str) -> str:
    """Return an attribute description such as `cn;lang-de` without its options (RFC 4512, 2.5)."""
    return attribute.partition(";")[0]


def sort_key(entry: Entry) -> bytes:
    """Return the key by which entries are sorted: uid ignoring case, then inum."""
    try:
        (uid,), (inum,) = entry["uid"], entry["inum"]
        return _quick_key(uid, inum)
    except (AttributeError, LookupError, TypeError, ValueError):
        return _careful_key(entry)


def _quick_key(uid: Any, inum: Any) -> bytes:
    if not uid.isascii():
        raise ValueError("only ASCII is folded by lower()")
    if type(uid) is bytes:
        return b"\0".join((uid.lower(), inum))
    return str.encode("\0".join((uid.lower(), inum)))


def _careful_key(entry: Entry) -> bytes:
    return _least(entry.get("uid"), _folded) + b"\0" + _least(entry.get("inum"), _octets)


def _least(values: Sequence[Value] | None, form: Callable[[Value], bytes]) -> bytes:
    if not values:
        return _LAST
    return form(values[0]) if len(values) == 1 else min(map(form, values))


def _folded(value: Value) -> bytes:
    text = value if isinstance(value, (bytes, str)) else untyped(value)
    if text.isascii():
        return _octets(text.lower())
    return _octets(text).decode(errors="replace").casefold().encode()


def _octets(value: Value) -> bytes:
    return value if isinstance(value, bytes) else untyped(value).encode()

"""What becomes of each attribute, decided once for all entries that have the same ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .model import Value
from .values import QUICK, AttributeType, JsonValue, to_string
from .visibility import Visibility

MOST = 1000
"""Plans to be remembered; a store has few combinations of attributes."""


class Plan(NamedTuple):
    """The attributes of an entry, by what the encoder does with them.

    converted: with the functions for their values. times: shown as times, and whether they count
    as time attributes. unshown: time attributes that are not shown as times. texts: shown as the
    text that they are. ordered: whether the names are in order.
    """

    hidden: list[str]
    converted: list[tuple[str, Callable[[Value], JsonValue]]]
    times: list[tuple[str, bool]]
    unshown: list[str]
    texts: list[str]
    ordered: bool


class Plans(dict[tuple[str, ...], Plan]):
    """Plans by the names of an entry's attributes."""

    def __init__(
        self,
        type_of: Callable[[str], AttributeType | None],
        visibility: Visibility,
        time_attributes: tuple[str, ...],
    ) -> None:
        self._type_of = type_of
        self._shows = visibility.shows
        self._time_attributes = time_attributes

    def __missing__(self, names: tuple[str, ...]) -> Plan:
        if len(self) >= MOST:
            self.clear()
        plan = self[names] = Plan([], [], [], [], [], ordered=[*names] == sorted(names))
        for name in names:
            self._add(plan, name)
        return plan

    def _add(self, plan: Plan, name: str) -> None:
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
    """Take the options off an attribute description such as `cn;lang-de` (RFC 4512, 2.5)."""
    return attribute.partition(";")[0]

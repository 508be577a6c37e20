"""A page of changes as JSON, looked at before anything is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

REMOVED = "removed"

_KINDS = {"created", "updated"}
LONGEST_TOKEN = 10_000
"""Characters."""

_TOKEN = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_TOKEN}}}")

_LONGEST_INTEGER = 4300
"""Digits that Python reads (its `sys.int_info`)."""


@dataclass(frozen=True, slots=True)
class Change:
    """The state of an identity, or its removal; deduplicate on (id, version).

    Attributes:
        id: The identity, which never changes.
        version: A number that grows with each change of the identity.
        kind: `created`, `updated` or `removed`. Treat the first two alike, because the creation may
            have been reported to another client.
        inum: Gluu's name of the identity, which can change.
        attributes: Attribute names to arrays of values; empty for a removal. A number of more than
            4300 digits is text.
        reason: The reason of a removal, `deleted` or `outOfScope`; empty for other changes.
        omitted: The names of attributes of which something was too large and is not told.
    """

    id: str
    version: int
    kind: str
    inum: str
    attributes: Mapping[str, list[Any]]
    reason: str = ""
    omitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Changes, and where to go on: by a cursor, or, on the last page only, by a token."""

    changes: list[Change]
    cursor: str
    token: str


def parse_page(octets: bytes) -> Page:
    """Read a page, removals first; raise ValueError for anything else.

    Whoever is removed and created again has another id and the same inum.
    """
    page = parse_json(octets)
    _check(isinstance(page, dict), "it is no object")
    changes = [
        *map(_removed, _list(page.get(REMOVED, []))),
        *map(_upserted, _list(page["results"])),
    ]
    if "nextDeltaToken" in page:
        return Page(changes, "", _token(_object(page["nextDeltaToken"])["value"]))
    return Page(changes, _token(page["nextCursor"]), "")


def parse_json(octets: bytes) -> Any:
    """Read JSON as strangers write it; raise ValueError for anything else."""
    try:
        return json.loads(octets, parse_int=_integer, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _upserted(given: Any) -> Change:
    entry = _object(given)
    attributes = {name: values for name, values in entry.items() if name[:1] != "@"}
    _check(all(type(values) is list for values in attributes.values()), "a value is no array")
    _check(entry["@changeType"] in _KINDS, "a change has no known kind")
    inum = _text([*attributes.get("inum", []), ""][0])
    omitted = tuple(map(_text, _list(entry.get("@omitted", []))))
    return Change(*_key(entry), entry["@changeType"], inum, attributes, omitted=omitted)


def _removed(given: Any) -> Change:
    entry = _object(given)
    inum, reason = _text(entry.get("inum", "")), _text(entry["reason"])
    return Change(*_key(entry), REMOVED, inum, {}, reason)


def _key(entry: Mapping[str, Any]) -> tuple[str, int]:
    version = entry["@version"]
    _check(isinstance(version, int) and not isinstance(version, bool), "a version is no number")
    return _text(entry["@id"]), version


def _token(value: object) -> str:
    _check(is_token(_text(value)), "a token holds other characters than tokens do")
    return str(value)


def is_token(text: str) -> bool:
    """Return whether a text may be a cursor or a delta token."""
    return _TOKEN.fullmatch(text) is not None


def _text(value: object) -> str:
    _check(isinstance(value, str), "something is no text")
    return str(value)


def _list(value: Any) -> list[Any]:
    _check(isinstance(value, list), "something is no array")
    return value  # type: ignore[no-any-return]


def _object(value: Any) -> Mapping[str, Any]:
    _check(isinstance(value, dict), "something is no object")
    return value  # type: ignore[no-any-return]


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _integer(digits: str) -> int | str:
    """Return a whole number as it is; Python reads no longer ones, and they stay text."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")

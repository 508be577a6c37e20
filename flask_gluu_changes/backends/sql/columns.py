"""The columns of the table of people, and from a cell to the values of an attribute.

Drivers differ: SQLite gives times and JSON as text, MariaDB JSON as text, PostgreSQL gives both as
Python's own values. Statements name columns without types, so that one broken cell cannot make
SQLAlchemy fail a whole answer: it is read here, and served as the text that it is.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ARRAY, JSON, Boolean, DateTime, Integer, LargeBinary, SmallInteger, String
from sqlalchemy.dialects.mysql import BIT, TINYINT
from sqlalchemy.types import TypeEngine, _Binary

from ...model import Value
from ...values import AttributeType

log = logging.getLogger(__name__)

Reader: TypeAlias = Callable[[Any], Sequence[Value]]
"""Gives the values of a cell that is not NULL; an empty sequence means that there are none."""


def plain(value: Any) -> Sequence[Value]:
    """Read a value that needs no more than to be one of a list."""
    return (value,)


def as_text(value: Any) -> Sequence[Value]:
    """Read a value of a type that this package knows nothing of: a date, a UUID, a decimal."""
    return (value if isinstance(value, (str, bytes)) else str(value),)


def boolean(value: Any) -> Sequence[Value]:
    """Read a boolean; MariaDB and SQLite say 0 and 1."""
    return (bool(value) if value in (0, 1) else as_text(value)[0],)


def octets(value: Any) -> Sequence[Value]:
    """Read octets, which some drivers wrap."""
    return (value if isinstance(value, str) else bytes(value),)


def time(value: Any) -> Sequence[Value]:
    """Read a time; the feed takes one without zone for UTC, as Gluu stores it."""
    return (_time(value),)


def many(column: str, *, times: bool) -> Reader:
    """Make the reader of a multi-valued column: `{"v": [...]}`, or a plain array.

    times: whether the attribute's registered type is a time; inside JSON they are ISO 8601 text.
    """
    read_text = _time if times else str

    def read(value: Any) -> Sequence[Value]:
        try:
            found = json.loads(value, parse_float=str) if isinstance(value, str) else value
        except ValueError:
            log.warning("a cell of %s holds broken JSON; it is served as text", column)
            return (value,)
        listed = found.get("v", found) if isinstance(found, dict) and len(found) == 1 else found
        elements = listed if isinstance(listed, list) else [listed]
        return [
            read_text(element) if isinstance(element, str) else _element(element)
            for element in elements
            if element is not None
        ]

    return read


def _time(value: Any) -> Value:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return as_text(value)[0]


def _element(element: Any) -> Value:
    if isinstance(element, (bool, int)):
        return element
    return json.dumps(element, ensure_ascii=False, separators=(",", ":"))


_SMALL = (SmallInteger, TINYINT, BIT)
"""MariaDB keeps truths in these; only a registered type can tell them from numbers."""

_BY_TYPE: tuple[tuple[type | tuple[type, ...], AttributeType | None, Reader], ...] = (
    (String, None, plain),
    (Boolean, AttributeType.BOOLEAN, boolean),
    (_SMALL, None, plain),
    (Integer, AttributeType.NUMERIC, plain),
    (DateTime, AttributeType.GENERALIZED_TIME, time),
    ((LargeBinary, _Binary), AttributeType.BINARY, octets),
)
_NATIVE = (boolean, time)

_ALL_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Column:
    """A column: its attribute's type if the column tells one, and how to read its columns.

    zoned: whether the database keeps a time's zone. digits: of the fraction of a second.
    declared: the type in the database's words, for the operator.
    """

    name: str
    kind: AttributeType | None
    cell: Reader
    is_time: bool
    zoned: bool
    digits: int
    declared: str


def column_of(
    name: str,
    declared: TypeEngine[Any],
    *,
    holds_json: bool,
    registered: AttributeType | None,
    native: bool,
) -> Column:
    """Build a column from what reflection and the administrators say of it.

    native: whether the driver gives truths and times as Python's own, so that nothing is to do.
    """
    kind, cell = _reading(name, declared, holds_json=holds_json, registered=registered)
    return Column(
        name=name,
        kind=registered or kind,
        cell=plain if native and cell in _NATIVE else cell,
        is_time=isinstance(declared, DateTime),
        zoned=bool(getattr(declared, "timezone", False)),
        digits=_digits(declared),
        declared=type(declared).__name__,
    )


def _reading(
    name: str, declared: TypeEngine[Any], *, holds_json: bool, registered: AttributeType | None
) -> tuple[AttributeType | None, Reader]:
    if holds_json or isinstance(declared, (JSON, ARRAY)):
        return None, many(name, times=registered is AttributeType.GENERALIZED_TIME)
    for types, kind, cell in _BY_TYPE:
        if isinstance(declared, types):
            return kind, cell
    return None, as_text


def _digits(declared: TypeEngine[Any]) -> int:
    """Give how many digits of a second's fraction are kept; MariaDB keeps none unless told."""
    if hasattr(declared, "fsp"):
        return declared.fsp or 0
    precision = getattr(declared, "precision", None)
    return _ALL_DIGITS if precision is None else precision

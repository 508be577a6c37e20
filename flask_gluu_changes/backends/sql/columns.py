"""The columns of the table of people, and the readers of their values.

Drivers differ: SQLite returns times and JSON as text, MariaDB JSON as text, PostgreSQL both as
Python's own values. Statements name columns without types, so that one broken value cannot make
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
"""Returns the values of a column in a row, where it is not NULL; empty when there are none."""

_ALL_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Column:
    """A column: its attribute's type if the column has one, and how to read its values.

    zoned: whether the database keeps a time's zone. digits: of the fraction of a second.
    declared: the type in the database's words, for the operator.
    """

    name: str
    kind: AttributeType | None
    reader: Reader
    is_time: bool
    zoned: bool
    digits: int
    declared: str


def reflect_column(
    name: str,
    declared: TypeEngine[Any],
    *,
    holds_json: bool,
    registered: AttributeType | None,
    native: bool,
) -> Column:
    """Build a column from what reflection and the administrators say of it.

    native: whether the driver returns booleans and times as Python's own, so that they need no
    reader.
    """
    kind, reader = _kind_and_reader(name, declared, holds_json=holds_json, registered=registered)
    return Column(
        name=name,
        kind=registered or kind,
        reader=read_plain if native and reader in _NATIVE else reader,
        is_time=isinstance(declared, DateTime),
        zoned=bool(getattr(declared, "timezone", False)),
        digits=_digits(declared),
        declared=type(declared).__name__,
    )


def read_plain(value: Any) -> Sequence[Value]:
    """Read a value that is served as it is; such columns are not read one by one."""
    return (value,)


def _read_other(value: Any) -> Sequence[Value]:
    """Read a value of a type that this package does not know: a date, a UUID, a decimal."""
    return (value if isinstance(value, (str, bytes)) else str(value),)


def _read_boolean(value: Any) -> Sequence[Value]:
    """Read a boolean; MariaDB and SQLite return 0 and 1."""
    return (bool(value) if value in (0, 1) else _read_other(value)[0],)


def _read_octets(value: Any) -> Sequence[Value]:
    """Read octets, which some drivers wrap."""
    return (value if isinstance(value, str) else bytes(value),)


def _read_time(value: Any) -> Sequence[Value]:
    """Read a time; the feed takes one without zone for UTC, as Gluu stores it."""
    return (_time(value),)


def _multi_valued_reader(column: str, *, times: bool) -> Reader:
    """Return the reader of a multi-valued column: `{"v": [...]}`, or a plain array.

    times: whether the attribute's registered type is a time; inside JSON they are ISO 8601 text.
    """
    read_text = _time if times else str

    def read(value: Any) -> Sequence[Value]:
        try:
            # Floats stay text: Python's own would lose digits.
            found = json.loads(value, parse_float=str) if isinstance(value, str) else value
        except ValueError:
            log.warning("a value of %s holds broken JSON; it is served as text", column)
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
        return _read_other(value)[0]


def _element(element: Any) -> Value:
    if isinstance(element, (bool, int)):
        return element
    return json.dumps(element, ensure_ascii=False, separators=(",", ":"))


_SMALL = (SmallInteger, TINYINT, BIT)
"""MariaDB keeps booleans in these; only a registered type can tell them from numbers."""

_BY_TYPE: tuple[tuple[type | tuple[type, ...], AttributeType | None, Reader], ...] = (
    (String, None, read_plain),
    (Boolean, AttributeType.BOOLEAN, _read_boolean),
    (_SMALL, None, read_plain),
    (Integer, AttributeType.NUMERIC, read_plain),
    (DateTime, AttributeType.GENERALIZED_TIME, _read_time),
    # BINARY and VARBINARY have no public base.
    ((LargeBinary, _Binary), AttributeType.BINARY, _read_octets),
)
"""In this order: a small integer is an Integer, too."""

_NATIVE = (_read_boolean, _read_time)
"""What PostgreSQL's and MariaDB's drivers have done already."""


def _kind_and_reader(
    name: str, declared: TypeEngine[Any], *, holds_json: bool, registered: AttributeType | None
) -> tuple[AttributeType | None, Reader]:
    if holds_json or isinstance(declared, (JSON, ARRAY)):
        times = registered is AttributeType.GENERALIZED_TIME
        return None, _multi_valued_reader(name, times=times)
    for types, kind, reader in _BY_TYPE:
        if isinstance(declared, types):
            return kind, reader
    return None, _read_other


def _digits(declared: TypeEngine[Any]) -> int:
    """Return how many digits of a second's fraction are kept; MariaDB keeps none by default."""
    if hasattr(declared, "fsp"):
        return declared.fsp or 0
    precision = getattr(declared, "precision", None)
    return _ALL_DIGITS if precision is None else precision

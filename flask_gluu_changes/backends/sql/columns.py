"""The columns of the table of people, and the readers of their values.

Drivers differ: SQLite and MariaDB return JSON as text, SQLite times, too. Statements name columns
without types, so that one broken value cannot make SQLAlchemy fail a whole answer: it is read here,
and served as the text that it is. PostgreSQL's driver fails an answer by itself, for a time before
the year 1 or after 9999 or a long number in JSON, so all but the simplest values come as text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    ColumnClause,
    ColumnElement,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
    cast,
    func,
)
from sqlalchemy import column as column_named
from sqlalchemy.dialects.mysql import BIT, TINYINT
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.types import TypeEngine, _Binary

from ...model import Value
from ...values import MAX_DIGITS, AttributeType

log = logging.getLogger(__name__)

Reader: TypeAlias = Callable[[Any], Sequence[Value]]
"""Returns the values of a column in a row, where it is not NULL; empty when there are none."""

_ALL_DIGITS = 6


class ComesAs(Enum):
    """How a statement selects a column: as it is, or in a form that no driver fails to read."""

    ITSELF = "itself"
    TEXT = "text"
    JSON = "json"
    OCTETS = "octets"


@dataclass(frozen=True, eq=False)
class Column:
    """A column: its attribute's type if the column has one, and how to read its values.

    name: of the attribute. column: its name in the table. zoned: whether the database keeps a
    time's zone. digits: of the fraction of a second. declared: the type in the database's words,
    for the operator. comes_as: how it is selected.
    """

    name: str
    column: str
    kind: AttributeType | None
    reader: Reader
    is_time: bool
    zoned: bool
    digits: int
    declared: str
    comes_as: ComesAs

    @property
    def clause(self) -> ColumnClause[Any]:
        """The column as statements name it."""
        return column_named(self.column)

    def selected(self, expression: ColumnElement[Any] | None = None) -> ColumnElement[Any]:
        """Return what a statement selects, for values of the column or an expression of its type.

        It is what the reader reads.
        """
        selected = self.clause if expression is None else expression
        match self.comes_as:
            case ComesAs.TEXT:
                return cast(selected, Text)
            case ComesAs.JSON:
                return cast(func.to_json(selected), Text)
            case ComesAs.OCTETS:
                return func.convert_to(cast(selected, Text), "SQL_ASCII")
        return selected


def reflect_column(
    name: str,
    column: str,
    declared: TypeEngine[Any],
    *,
    holds_json: bool,
    registered: AttributeType | None,
    dialect: str,
    encoded: bool,
) -> Column:
    """Build a column from what reflection and the administrators say of it.

    name: of the attribute. encoded: whether the database knows how its text is encoded;
    PostgreSQL's SQL_ASCII does not.
    """
    kind, reader = _kind_and_reader(column, declared, holds_json=holds_json, registered=registered)
    if registered is AttributeType.STRING and isinstance(declared, Integer):
        reader = _read_other
    return Column(
        name=name,
        column=column,
        kind=registered or kind,
        reader=read_plain if reader in _NATIVE.get(dialect, ()) else reader,
        is_time=isinstance(declared, DateTime),
        zoned=bool(getattr(declared, "timezone", False)),
        digits=_digits(declared),
        declared=type(declared).__name__,
        comes_as=_comes_as(declared, encoded) if dialect == "postgresql" else ComesAs.ITSELF,
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
    return (bytes(value) if isinstance(value, (bytearray, memoryview)) else _read_other(value)[0],)


def _read_bits(value: Any) -> Sequence[Value]:
    """Read MariaDB's bits, which come as octets: a number, as small integers are."""
    return (int.from_bytes(value) if isinstance(value, bytes) else value,)


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
            elements = _elements(_JSON.decode(value) if isinstance(value, str) else value)
            return [
                read_text(element) if isinstance(element, str) else _element(element)
                for element in elements
                if element is not None
            ]
        except (ValueError, RecursionError):  # no JSON, or nested too deeply
            log.warning("a value of %s holds broken JSON; it is served as text", column)
            return (value,)

    return read


def _elements(found: Any) -> list[Any]:
    listed = found.get("v", found) if isinstance(found, dict) and len(found) == 1 else found
    return listed if isinstance(listed, list) else [listed]


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_DIGITS else digits


_JSON = json.JSONDecoder(parse_float=str, parse_int=_number)
"""Floats stay text, because Python's own would lose digits; so do the longest integers."""


def _time(value: Any) -> Value:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return _read_other(value)[0]


def _element(element: Any) -> Value:
    if isinstance(element, (bool, int, bytes)):
        return element
    return json.dumps(element, ensure_ascii=False, separators=(",", ":"))


_SMALL = (SmallInteger, TINYINT)
"""MariaDB keeps booleans in these; only a registered type can tell them from numbers."""

_BY_TYPE: tuple[tuple[type | tuple[type, ...], AttributeType | None, Reader], ...] = (
    (String, None, read_plain),
    (Boolean, AttributeType.BOOLEAN, _read_boolean),
    (_SMALL, None, read_plain),
    (BIT, None, _read_bits),
    (Integer, AttributeType.NUMERIC, read_plain),
    (DateTime, AttributeType.GENERALIZED_TIME, _read_time),
    # BINARY and VARBINARY have no public base.
    ((LargeBinary, _Binary), AttributeType.BINARY, _read_octets),
)
"""In this order: a small integer is an Integer, too."""

_NATIVE: Mapping[str, tuple[Reader, ...]] = {
    "postgresql": (_read_boolean,),
    **dict.fromkeys(("mysql", "mariadb"), (_read_boolean, _read_time)),
}
"""What drivers have done already, by dialect."""

_ALWAYS_READ = (String, Boolean, Integer, Numeric, Float, LargeBinary, INET)
"""The types of which PostgreSQL's driver reads every value."""


def _comes_as(declared: TypeEngine[Any], encoded: bool) -> ComesAs:
    if isinstance(declared, String) and not encoded:
        return ComesAs.OCTETS
    if isinstance(declared, ARRAY):
        return ComesAs.JSON
    return ComesAs.ITSELF if isinstance(declared, _ALWAYS_READ) else ComesAs.TEXT


def _kind_and_reader(
    name: str, declared: TypeEngine[Any], *, holds_json: bool, registered: AttributeType | None
) -> tuple[AttributeType | None, Reader]:
    if holds_json or isinstance(declared, (JSON, ARRAY)):
        item = getattr(declared, "item_type", None)
        times = registered is AttributeType.GENERALIZED_TIME or isinstance(item, DateTime)
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

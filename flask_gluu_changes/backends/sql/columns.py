"""What a column of the table of people is, as reflection tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, JSON, Boolean, DateTime, Integer, LargeBinary, SmallInteger, String
from sqlalchemy.dialects.mysql import BIT, TINYINT
from sqlalchemy.types import TypeEngine, _Binary

from ...values import AttributeType
from . import cells
from .cells import Cell

_SMALL = (SmallInteger, TINYINT, BIT)
"""MariaDB keeps truths in these; only a registered type can tell them from numbers."""

_BY_TYPE: tuple[tuple[type | tuple[type, ...], AttributeType | None, Cell], ...] = (
    (String, None, cells.plain),
    (Boolean, AttributeType.BOOLEAN, cells.truth),
    (_SMALL, None, cells.plain),
    (Integer, AttributeType.NUMERIC, cells.plain),
    (DateTime, AttributeType.GENERALIZED_TIME, cells.time),
    ((LargeBinary, _Binary), AttributeType.BINARY, cells.octets),
)
_NATIVE = (cells.truth, cells.time)

_ALL_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Column:
    """A column: its attribute's type if the column tells one, and how to read its cells.

    zoned: whether the database keeps a time's zone. digits: of the fraction of a second.
    declared: the type in the database's words, for the operator.
    """

    name: str
    kind: AttributeType | None
    cell: Cell
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
        cell=cells.plain if native and cell in _NATIVE else cell,
        is_time=isinstance(declared, DateTime),
        zoned=bool(getattr(declared, "timezone", False)),
        digits=_digits(declared),
        declared=type(declared).__name__,
    )


def _reading(
    name: str, declared: TypeEngine[Any], *, holds_json: bool, registered: AttributeType | None
) -> tuple[AttributeType | None, Cell]:
    if holds_json or isinstance(declared, (JSON, ARRAY)):
        return None, cells.many(name, times=registered is AttributeType.GENERALIZED_TIME)
    for types, kind, cell in _BY_TYPE:
        if isinstance(declared, types):
            return kind, cell
    return None, cells.as_text


def _digits(declared: TypeEngine[Any]) -> int:
    """Give how many digits of a second's fraction are kept; MariaDB keeps none unless told."""
    if hasattr(declared, "fsp"):
        return declared.fsp or 0
    precision = getattr(declared, "precision", None)
    return _ALL_DIGITS if precision is None else precision

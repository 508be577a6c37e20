"""From a cell of the table to the values of an attribute, for each type of column.

Drivers differ: SQLite gives times and JSON as text, MariaDB JSON as text, PostgreSQL gives both as
Python's own values. Statements name columns without types, so that one broken cell cannot make
SQLAlchemy fail a whole answer: it is read here, and served as the text that it is.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from ...model import Value

log = logging.getLogger(__name__)

Cell: TypeAlias = Callable[[Any], Sequence[Value]]
"""Gives the values of a cell that is not NULL; an empty sequence means that there are none."""


def plain(value: Any) -> Sequence[Value]:
    """Read a value that needs no more than to be one of a list."""
    return (value,)


def as_text(value: Any) -> Sequence[Value]:
    """Read a value of a type that this package knows nothing of: a date, a UUID, a decimal."""
    return (value if isinstance(value, (str, bytes)) else str(value),)


def truth(value: Any) -> Sequence[Value]:
    """Read a truth; MariaDB and SQLite say 0 and 1."""
    return (bool(value) if value in (0, 1) else as_text(value)[0],)


def octets(value: Any) -> Sequence[Value]:
    """Read octets, which some drivers wrap."""
    return (value if isinstance(value, str) else bytes(value),)


def time(value: Any) -> Sequence[Value]:
    """Read a time; the feed takes one without zone for UTC, as Gluu stores it."""
    return (_time(value),)


def many(column: str, *, times: bool) -> Cell:
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

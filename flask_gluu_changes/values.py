"""Typed values: converted from what a store delivers to what JSON can hold.

Directories deliver octets; other backends deliver str, int, bool and datetime as well.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from orjson import Fragment

from .model import Value
from .timestamps import Moment, moment_of, parse_generalized_time

JsonValue: TypeAlias = str | bool | int | Fragment


class AttributeType(StrEnum):
    """The type of an attribute's values, named as Gluu registers it in `gluuAttributeType`."""

    STRING = "string"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    GENERALIZED_TIME = "generalizedTime"
    BINARY = "binary"
    CERTIFICATE = "certificate"
    PHOTO = "photo"
    JSON = "json"


_BOOLEANS = {"TRUE": True, "FALSE": False, "true": True, "false": False}

MAX_DIGITS = 4300
"""The most digits of a number: Python's reader of JSON refuses more by default."""

_INTEGER = re.compile(rf"-?[1-9][0-9]{{0,{MAX_DIGITS - 1}}}|0")
_SHORT_INTEGER = re.compile(rb"-?[1-9][0-9]{0,16}|[1-9][0-9]{17}|0")
_WORD = 63
"""Integers of fewer bits fit with their sign into 64 bits, which the serializer can write."""

_SAFE_DIGITS = 18
"""Integers of up to so many digits fit into 64 bits; longer ones are copied as text."""


def typed(value: Value, kind: AttributeType | None) -> JsonValue:
    """Return a value in the JSON form of its attribute's type.

    Args:
        value: The value as a backend delivers it.
        kind: The attribute's type; without one, Python's own integers and booleans stay what they
            are and all else is text.

    Raises:
        ValueError: The value does not fit the type.
    """
    if kind is None:
        kind = _NATIVE.get(type(value), AttributeType.STRING)
    return _CONVERTERS[kind](value)


def untyped(value: Value) -> str:
    """Return a value that does not fit its type as text, or in base64 where it is not UTF-8.

    Never fails: an integer of more digits than Python writes in decimal is in hexadecimal, and of
    anything that holds one the type is named.
    """
    try:
        return to_string(value)
    except UnicodeDecodeError:
        return to_base64(value)
    except ValueError:
        if isinstance(value, int):
            return hex(value)
        return str(value) if isinstance(value, datetime) else type(value).__name__


def to_string(value: Value) -> str:
    """Return any value as text: octets decoded from UTF-8, Python values by their type."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return moment_of(value)[0]
    return str(value).encode(errors="replace").decode()  # JSON has no lone surrogates


def to_boolean(value: Value) -> bool:
    """Return an LDAP Boolean (RFC 4517, 3.3.3), in either case, or a database's 0 and 1."""
    # True and False are integers, too
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    try:
        return _BOOLEANS[to_string(value)]
    except KeyError as error:
        raise ValueError("not a Boolean") from error


def to_integer(value: Value) -> int | Fragment:
    """Return an LDAP Integer (RFC 4517, 3.3.16) of up to MAX_DIGITS digits as a number."""
    text = to_string(value)
    if not _INTEGER.fullmatch(text):
        raise ValueError("not an Integer")
    return int(text) if len(text) <= _SAFE_DIGITS else Fragment(text)


def to_time(value: Value) -> str:
    """Return a GeneralizedTime or a datetime as ISO 8601 in UTC."""
    if isinstance(value, datetime):
        return moment_of(value)[0]
    return parse_generalized_time(to_string(value))[0]


def to_base64(value: Value) -> str:
    """Return octets in base64 (RFC 4648, section 4); text from other backends is so already."""
    return str(b64encode(value), "ascii") if isinstance(value, bytes) else to_string(value)


def _quick_integer(value: Value) -> int:
    if type(value) is int and value.bit_length() < _WORD:
        return value
    if not _SHORT_INTEGER.fullmatch(value):  # type: ignore[arg-type]
        raise ValueError("not a short Integer")
    return int(value)  # type: ignore[arg-type]


def quick_moment(value: Value) -> Moment:
    """Return the moment of a datetime or a GeneralizedTime's octets; anything else raises."""
    if type(value) is datetime:
        return moment_of(value)
    return parse_generalized_time(bytes.decode(value))  # type: ignore[arg-type]


_NATIVE = {bool: AttributeType.BOOLEAN, int: AttributeType.NUMERIC}

_CONVERTERS: Mapping[AttributeType, Callable[[Value], JsonValue]] = {
    AttributeType.STRING: to_string,
    AttributeType.JSON: to_string,
    AttributeType.NUMERIC: to_integer,
    AttributeType.BOOLEAN: to_boolean,
    AttributeType.GENERALIZED_TIME: to_time,
    AttributeType.BINARY: to_base64,
    AttributeType.CERTIFICATE: to_base64,
    AttributeType.PHOTO: to_base64,
}

# True and 1 are one key, so a database's 0 and 1 are found as well.
_QUICK_BOOLEANS: dict[Value, bool] = {
    **{name.encode(): boolean for name, boolean in _BOOLEANS.items()},
    **{boolean: boolean for boolean in (True, False)},
}

QUICK: Mapping[AttributeType, Callable[[Value], JsonValue]] = {
    AttributeType.STRING: to_string,
    AttributeType.JSON: to_string,
    AttributeType.NUMERIC: _quick_integer,
    AttributeType.BOOLEAN: _QUICK_BOOLEANS.__getitem__,
    AttributeType.BINARY: to_base64,
    AttributeType.CERTIFICATE: to_base64,
    AttributeType.PHOTO: to_base64,
}
"""The fastest conversion of what directories and databases usually hold; all else raises.

Any exception means "ask `typed`", so nothing is checked twice. Text is left to the serializer, and
times are read by `quick_moment`.
"""

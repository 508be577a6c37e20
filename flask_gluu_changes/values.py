"""Typed values: from what a store delivers to what JSON can say.

Octets come from directories; str, int, bool and datetime from other backends. A value that does not
fit its attribute's type is delivered as its string (base64 when it is not UTF-8) and logged once an
attribute: one bad entry never fails a page.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import orjson

from .model import Value
from .timestamps import moment_of, parse_generalized_time

JsonValue: TypeAlias = str | bool | int | orjson.Fragment
Misfit: TypeAlias = Callable[[], None]
Converter: TypeAlias = Callable[[Sequence[Value]], list[JsonValue]]


class AttributeType(StrEnum):
    """The names that Gluu registers under `gluuAttributeType`."""

    STRING = "string"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    GENERALIZED_TIME = "generalizedTime"
    BINARY = "binary"
    CERTIFICATE = "certificate"
    PHOTO = "photo"
    JSON = "json"


_BOOLEANS = {"TRUE": True, "FALSE": False, "true": True, "false": False}
_INTEGER = re.compile(r"-?[1-9][0-9]*|0")
_SAFE_DIGITS = 18
"""Integers of up to so many digits fit into 64 bits; longer ones are copied as they stand."""


def to_string(value: Value) -> str:
    """Give any value as text: octets decoded from UTF-8, Python values by their type."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return moment_of(value)[0] if isinstance(value, datetime) else str(value)


def to_boolean(value: Value) -> bool:
    """Give an LDAP Boolean (RFC 4517, 3.3.3), in either case, or 0 and 1 from a database."""
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    try:
        return _BOOLEANS[to_string(value)]
    except KeyError as error:
        raise ValueError("not a Boolean") from error


def to_integer(value: Value) -> int | orjson.Fragment:
    """Give an LDAP Integer (RFC 4517, 3.3.16) of any size as the number itself."""
    text = to_string(value)
    if not _INTEGER.fullmatch(text):
        raise ValueError("not an Integer")
    return int(text) if len(text) <= _SAFE_DIGITS else orjson.Fragment(text)


def to_time(value: Value) -> str:
    """Give a GeneralizedTime or a datetime as ISO 8601 in UTC."""
    if isinstance(value, datetime):
        return moment_of(value)[0]
    return parse_generalized_time(to_string(value))[0]


def to_base64(value: Value) -> str:
    """Give octets in base64 (RFC 4648, section 4); text from other backends is base64 already."""
    return str(b64encode(value), "ascii") if isinstance(value, bytes) else to_string(value)


_CONVERTERS: dict[AttributeType, Callable[[Value], JsonValue]] = {
    AttributeType.STRING: to_string,
    AttributeType.JSON: to_string,
    AttributeType.NUMERIC: to_integer,
    AttributeType.BOOLEAN: to_boolean,
    AttributeType.GENERALIZED_TIME: to_time,
    AttributeType.BINARY: to_base64,
    AttributeType.CERTIFICATE: to_base64,
    AttributeType.PHOTO: to_base64,
}


def converter(attribute_type: AttributeType, misfit: Misfit) -> Converter:
    """Make the function that turns all values of one attribute into JSON values."""
    one = _CONVERTERS[attribute_type]

    def convert(values: Sequence[Value]) -> list[JsonValue]:
        try:
            return [one(value) for value in values]
        except ValueError:
            return [_lenient(one, value, misfit) for value in values]

    return _strings(convert) if one is to_string else convert


def _strings(convert: Converter) -> Converter:
    def decode(values: Sequence[Value]) -> list[JsonValue]:
        try:
            return [value.decode() for value in values]  # type: ignore[union-attr]
        except (AttributeError, UnicodeDecodeError):
            return convert(values)

    return decode


def _lenient(one: Callable[[Value], JsonValue], value: Value, misfit: Misfit) -> JsonValue:
    try:
        return one(value)
    except ValueError:
        misfit()
        return _anyhow(value)


def _anyhow(value: Value) -> str:
    try:
        return to_string(value)
    except UnicodeDecodeError:
        return to_base64(value)

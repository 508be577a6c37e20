"""A reader of JSON that takes nothing but what every reader takes."""

from __future__ import annotations

import json
from typing import Any

MOST_DIGITS = 4300
"""Python reads no longer ones; other languages take long ones for floats."""


def read(octets: bytes) -> Any:
    """Read JSON; fails for NaN, lone surrogates, names that come twice, and endless numbers."""
    return json.loads(
        octets.decode(), parse_constant=_refuse, parse_int=_integer, object_pairs_hook=_members
    )


def _refuse(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def _integer(digits: str) -> int:
    assert len(digits.lstrip("-")) <= MOST_DIGITS
    return int(digits)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    assert len(members) == len(pairs), "a name comes twice"
    for name, value in pairs:
        _check_text(name)
        _check_text(value)
    return members


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        value.encode()  # fails for a lone surrogate
    elif isinstance(value, list):
        for one in value:
            _check_text(one)

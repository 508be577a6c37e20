"""The form of a person: the texts that were entered, and their errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .tables import LISTS, Row

LONGEST = 100
STATUSES = ("active", "inactive")
TEXT_FIELDS = ("uid", "givenName", "sn", "displayName")
LIMIT = 2**63
"""Integers of the table have 64 bits."""


@dataclass
class PersonForm:
    """The texts as entered, sentences about those that cannot be used, and the row they make."""

    typed: Mapping[str, str] = field(default_factory=lambda: {"gluuStatus": STATUSES[0]})
    errors: dict[str, str] = field(default_factory=dict)
    row: Row = field(default_factory=dict)


def filled_from(person: Row) -> PersonForm:
    """Fill the form with a person."""
    number = person["myIntegerCustomAttribute"]
    return PersonForm(
        {
            **{name: person[name] or "" for name in (*TEXT_FIELDS, "gluuStatus")},
            **{name: "\n".join(person[name] or ()) for name in LISTS},
            "gluuSLAManager": "yes" if person["gluuSLAManager"] else "",
            "myIntegerCustomAttribute": "" if number is None else str(number),
        }
    )


def read(typed: Mapping[str, str]) -> PersonForm:
    """Return the form that was sent; `row` is usable where there are no errors."""
    form = PersonForm(typed)
    for name, reader in _READERS.items():
        try:
            form.row[name] = reader(typed.get(name, "").strip())
        except ValueError as error:
            form.errors[name] = str(error)
    if not form.errors:
        form.row["cn"] = f"{form.row['givenName']} {form.row['sn']}"
        form.row["displayName"] = form.row["displayName"] or form.row["cn"]
    return form


def _uid(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", text):
        raise ValueError("Enter up to 64 letters, digits, dots, dashes and underlines.")
    return text


def _name(text: str) -> str:
    if not text:
        raise ValueError("Enter a name.")
    return _line(text)


def _line(text: str) -> str:
    if len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"Enter at most {LONGEST} characters, all on one line.")
    return text


def _lines_of(pattern: str, sentence: str) -> Callable[[str], list[str]]:
    def read_lines(text: str) -> list[str]:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if len(lines) > 10 or not all(re.fullmatch(pattern, line) for line in lines):
            raise ValueError(sentence)
        return lines

    return read_lines


def _status(text: str) -> str:
    if text not in STATUSES:
        raise ValueError(f"Choose one of {', '.join(STATUSES)}.")
    return text


def _integer(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[+-]?[0-9]{1,19}", text) or not -LIMIT <= int(text) < LIMIT:
        raise ValueError("Enter a whole number, or nothing.")
    return int(text)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "uid": _uid,
    "givenName": _name,
    "sn": _name,
    "displayName": _line,
    "mail": _lines_of(
        r"[^@\s]{1,64}@[^@\s]{1,190}", "Enter addresses such as jane@example.org, one a line."
    ),
    "mobile": _lines_of("[+0-9 ()/-]{3,30}", "Enter numbers such as +1 555 0100, one a line."),
    "gluuStatus": _status,
    "gluuSLAManager": bool,
    "myIntegerCustomAttribute": _integer,
}

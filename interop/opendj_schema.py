"""Gluu's schema as OpenDJ reads it, from the file that slapd includes."""

from __future__ import annotations

import re
from collections.abc import Iterator

HEADER = """\
dn: cn=schema
objectClass: top
objectClass: ldapSubentry
objectClass: subschema
"""
KINDS = {"attributetype": "attributeTypes", "objectclass": "objectClasses"}


def to_ldif(schema: str) -> str:
    """Turn OpenLDAP's keywords into attributes of cn=schema, and its OID macros into numbers.

    The definitions themselves are RFC 4512's in both worlds.
    """
    macros: dict[str, str] = {}
    lines = []
    for keyword, text in _statements(schema):
        if keyword == "objectidentifier":
            name, _, number = text.partition(" ")
            macros[name] = _number(number, macros)
        else:
            oid, _, rest = text.removeprefix("(").strip().partition(" ")
            lines.append(f"{KINDS[keyword]}: ( {_number(oid, macros)} {rest}\n")
    return HEADER + "".join(lines)


def _statements(schema: str) -> Iterator[tuple[str, str]]:
    """Give keyword and text of each statement; indented lines continue one, blanks are folded."""
    plain = "\n".join(line for line in schema.splitlines() if not line.startswith("#"))
    for statement in re.split(r"\n(?=\S)", plain.strip()):
        keyword, _, text = " ".join(statement.split()).partition(" ")
        yield keyword.lower(), text


def _number(oid: str, macros: dict[str, str]) -> str:
    """Resolve `Macro:1.2`; a number stays what it is."""
    name, _, rest = oid.partition(":")
    if name not in macros:
        return oid
    return f"{macros[name]}.{rest}" if rest else macros[name]

"""What a directory's schema tells of an attribute: its names, its kind, whether it is secret.

All of it follows RFC 4512, section 4.1.2. A schema may name supertypes that it lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ldap.schema import AttributeType as SchemaAttribute
from ldap.schema import SubSchema

from ...visibility import AttributeInfo
from ...visibility.secret_names import is_secret_kind

USER_APPLICATIONS = 0
"""python-ldap's number for the usage of attributes that are not operational."""


def describe_all(schema: SubSchema) -> Iterator[tuple[str, AttributeInfo]]:
    """Yield every name and OID of a schema in lower case, with what it tells of the attribute."""
    for oid in schema.listall(SchemaAttribute):
        info = _describe(schema, oid)
        yield from ((name, info) for name in info.names)


def syntax_of(schema: SubSchema, oid: str) -> str:
    """Return the OID of an attribute's syntax, which may be that of a supertype; empty for none."""
    return _inherited(schema, oid, "syntax")


def _describe(schema: SubSchema, oid: str) -> AttributeInfo:
    own = schema.get_obj(SchemaAttribute, oid)
    names = _lower(oid, *own.names)
    about = {
        "syntax": syntax_of(schema, oid),
        "equality": _inherited(schema, oid, "equality"),
        "operational": own.usage != USER_APPLICATIONS,
    }
    lineage = (_lower(a.oid, *a.names, *a.sup) for a in _lineage(schema, oid))
    supertypes = frozenset().union(*lineage) - names
    secret = any(is_secret_kind(name, **about) for name in names)
    return AttributeInfo(names, supertypes, secret)


def _lower(*names: str) -> frozenset[str]:
    return frozenset(map(str.lower, names))


def _inherited(schema: SubSchema, oid: str, what: str) -> str:
    return next((value for found in _lineage(schema, oid) if (value := getattr(found, what))), "")


def _lineage(schema: SubSchema, oid: str) -> Iterator[Any]:
    """Yield an attribute and all that it is a kind of, each once."""
    waiting, seen = [oid], set()
    while waiting:
        found = schema.get_obj(SchemaAttribute, waiting.pop())
        if found is not None and found.oid not in seen:
            seen.add(found.oid)
            waiting.extend(found.sup)
            yield found

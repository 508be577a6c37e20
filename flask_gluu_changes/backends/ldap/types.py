"""Attribute types: what Gluu's administrators registered, else what the directory's schema says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic

import ldap
from ldap.cidict import cidict
from ldap.schema import AttributeType as SchemaAttribute
from ldap.schema import SubSchema

from ...settings import LdapSettings
from ...values import AttributeType
from .connection import Connections, Handle
from .errors import translated

log = logging.getLogger(__name__)

KEPT_SECONDS = 300.0
"""How late a newly registered type is noticed."""

_OID = "1.3.6.1.4.1.1466.115.121.1."
_SYNTAXES = {
    f"{_OID}7": AttributeType.BOOLEAN,
    f"{_OID}27": AttributeType.NUMERIC,
    f"{_OID}24": AttributeType.GENERALIZED_TIME,
    f"{_OID}8": AttributeType.CERTIFICATE,
    f"{_OID}28": AttributeType.PHOTO,
    **dict.fromkeys((f"{_OID}{arc}" for arc in (4, 5, 9, 10, 23, 40, 49)), AttributeType.BINARY),
}
"""Syntaxes of RFC 4517 and RFC 4523 that are no text: audio, binary, fax, octets, certificates."""

_NAMES = ("gluuAttributeName", "jansAttrName")
_TYPES = ("gluuAttributeType", "jansAttrTyp")
_REGISTRATIONS = "(|(gluuAttributeName=*)(jansAttrName=*))"


class TypeTable:
    """The types of a directory, read on first use and again when they may have changed."""

    def __init__(self, connections: Connections, settings: LdapSettings) -> None:
        self._connections = connections
        self._settings = settings
        self._lock = threading.Lock()
        self._types: dict[str, AttributeType] = {}
        self._read_at = float("-inf")

    def get(self, name: str) -> AttributeType | None:
        """Give the type of an attribute, ignoring case."""
        if monotonic() - self._read_at > KEPT_SECONDS:
            with self._lock:
                self._refresh()
        return self._types.get(name.lower())

    def _refresh(self) -> None:
        if monotonic() - self._read_at <= KEPT_SECONDS:
            return  # another thread was quicker
        with translated("reading the attribute types"), self._connections.any() as handle:
            base = str(self._settings.ldap_base_dn)
            self._types = {**_by_schema(handle, base), **_registered(handle, self._settings)}
        self._read_at = monotonic()


def _by_schema(handle: Handle, base: str) -> dict[str, AttributeType]:
    """Read the schema that governs the people (RFC 4512, 4.2)."""
    where = handle.search_subschemasubentry_s(base)
    entry = where and handle.read_subschemasubentry_s(where, ["attributeTypes"])
    if not entry:
        log.warning("the directory shows no schema for %s; only registered types count", base)
        return {}
    schema = SubSchema(entry)
    return dict(_typed_names(schema))


def _typed_names(schema: SubSchema) -> Iterator[tuple[str, AttributeType]]:
    for oid in schema.listall(SchemaAttribute):
        element = schema.get_inheritedobj(SchemaAttribute, oid, ["syntax"])
        kind = _SYNTAXES.get(element.syntax, AttributeType.STRING)
        for name in element.names:
            yield name.lower(), kind


def _registered(handle: Handle, settings: LdapSettings) -> dict[str, AttributeType]:
    """Read the types that administrators gave to attributes in Gluu's or Janssen's console."""
    base = settings.ldap_attributes_dn
    if not base:
        return {}
    try:
        found = handle.search_s(base, ldap.SCOPE_SUBTREE, _REGISTRATIONS, [*_NAMES, *_TYPES])
    except (ldap.NO_SUCH_OBJECT, ldap.INSUFFICIENT_ACCESS):
        log.warning("no attribute types to be read at %s; the schema's count alone", base)
        return {}
    entries = [cidict(entry) for dn, entry in found if dn]
    return {name: kind for entry in entries for name, kind in _registration(entry)}


def _registration(entry: Mapping[str, list[bytes]]) -> Iterator[tuple[str, AttributeType]]:
    kind = _first(entry, _TYPES)
    if kind in set(AttributeType):
        yield _first(entry, _NAMES).lower(), AttributeType(kind)


def _first(entry: Mapping[str, list[bytes]], names: Sequence[str]) -> str:
    return next((entry[name][0].decode() for name in names if name in entry), "")

"""Attributes and their types: what Gluu's administrators registered, else the LDAP schema.

They also decide which attributes are asked for: those that nobody will see need not leave the
directory, and values are the most expensive part of an answer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic

import ldap
from ldap.cidict import cidict
from ldap.schema import AttributeType as SchemaAttribute
from ldap.schema import SubSchema

from ...errors import BackendRefused
from ...model import ChangesQuery
from ...settings.backends import LdapSettings
from ...values import AttributeType
from .connection import Connections, Handle
from .errors import translated

log = logging.getLogger(__name__)

TTL_SECONDS = 300.0
"""How late a new attribute, or a newly registered type, is noticed."""

USER_APPLICATIONS = 0
"""python-ldap's number for the usage of attributes that are no operational ones."""

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


@dataclass(frozen=True, eq=False)
class SchemaInfo:
    """What is known of a directory; all keys are in lower case.

    types: of attributes, registered ones first. spelling: every name of every attribute to the one
    that the directory answers with. user_attributes: all that an entry may hold; None where a
    directory may hold names that its schema does not have.
    """

    openldap: bool
    types: Mapping[str, AttributeType]
    spelling: Mapping[str, str]
    user_attributes: frozenset[str] | None


class DirectorySchema:
    """The info of a directory, read on first use and again when they may have changed."""

    def __init__(self, connections: Connections, settings: LdapSettings) -> None:
        self._connections = connections
        self._settings = settings
        self._lock = threading.Lock()
        self._known: tuple[SchemaInfo, float] | None = None

    def info(self) -> SchemaInfo:
        """Give what is known, from the directory if that was long ago."""
        known = self._fresh() or self._read()
        return known[0]

    def _fresh(self) -> tuple[SchemaInfo, float] | None:
        known = self._known
        return known if known and monotonic() - known[1] < TTL_SECONDS else None

    def _read(self) -> tuple[SchemaInfo, float]:
        with self._lock:
            if known := self._fresh():  # another thread was quicker
                return known
            with translated("reading the schema"), self._connections.reliable() as handle:
                self._known = known = _info(handle, self._settings), monotonic()
            return known


def _info(handle: Handle, settings: LdapSettings) -> SchemaInfo:
    root = handle.read_rootdse_s(attrlist=["objectClass"])
    openldap = b"OpenLDAProotDSE" in root.get("objectClass", ())
    schema = _schema(handle, str(settings.ldap_base_dn))
    types = {**dict(_typed_names(schema)), **_registered(handle, settings)}
    user_attributes = frozenset(_user_attributes(schema)) if openldap else None
    return SchemaInfo(openldap, types, dict(_spelling(schema)), user_attributes)


def _schema(handle: Handle, base: str) -> SubSchema:
    """Read the schema that governs the people (RFC 4512, 4.2)."""
    where = handle.search_subschemasubentry_s(base)
    entry = handle.read_subschemasubentry_s(where, ["attributeTypes"]) if where else None
    if not entry:
        log.warning("the directory shows no schema for %s; only registered types count", base)
    return SubSchema(entry or {})


def _spelling(schema: SubSchema) -> Iterator[tuple[str, str]]:
    for oid in schema.listall(SchemaAttribute):
        names = schema.get_obj(SchemaAttribute, oid).names
        yield from ((name.lower(), names[0]) for name in names)


def _user_attributes(schema: SubSchema) -> Iterator[str]:
    """List the attributes that are no operational ones, by their first names."""
    for oid in schema.listall(SchemaAttribute):
        element = schema.get_obj(SchemaAttribute, oid)
        if element.usage == USER_APPLICATIONS and element.names:
            yield element.names[0].lower()


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


SORTED_BY = frozenset({"uid", "inum"})


def wanted(query: ChangesQuery, info: SchemaInfo) -> tuple[str, ...]:
    """List the attributes for a search, as short as the query and the schema allow."""
    return _wanted(query.attributes, query.excluded, query.time_attributes, info)


@lru_cache(maxsize=16)
def _wanted(
    needed: frozenset[str] | None,
    excluded: frozenset[str],
    times: tuple[str, ...],
    info: SchemaInfo,
) -> tuple[str, ...]:
    names = info.user_attributes if needed is None else needed
    if names is None:
        return ("*", *times)
    found = (names - excluded | SORTED_BY) - {time.lower() for time in times}
    return (*sorted(info.spelling.get(name, name) for name in found), *times)


def check_times(times: tuple[str, ...], info: SchemaInfo) -> None:
    """Refuse a time attribute that the schema does not know: nobody would ever match it."""
    for time in times:
        known = info.spelling.get(time.lower())
        if info.spelling and known != time:
            hint = f"spell it {known}" if known else "which the directory's schema does not have"
            raise BackendRefused(f"GLUU_CHANGES_TIME_ATTRIBUTES names {time}: {hint}")

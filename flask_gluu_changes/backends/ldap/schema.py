"""Attributes and their types: what Gluu's administrators registered, else the LDAP schema.

They also decide which attributes are asked for: those that nobody will see need not leave the
directory, and values are the most expensive part of an answer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic

import ldap
from ldap.cidict import cidict
from ldap.schema import AttributeType as SchemaAttribute
from ldap.schema import ObjectClass, SubSchema

from ... import forks
from ...backend import IDENTITY
from ...errors import BackendRefused
from ...model import ChangesQuery
from ...settings.backends import LdapSettings
from ...values import AttributeType
from ...visibility import AttributeInfo, Visibility
from .attributes import USER_APPLICATIONS, describe_all, syntax_of
from .connection import Connection, ConnectionPool
from .errors import translated

log = logging.getLogger(__name__)

TTL_SECONDS = 300.0
"""How late a new attribute, or a newly registered type, is noticed."""

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

_NAME_SYNTAXES = (f"{_OID}12", f"{_OID}34")
"""Syntaxes of RFC 4517 whose values are names of entries."""

_SCHEMA = ["attributeTypes", "objectClasses"]

_NAMES = ("gluuAttributeName", "jansAttrName")
_TYPES = ("gluuAttributeType", "jansAttrTyp")
_REGISTRATIONS = "(|(gluuAttributeName=*)(jansAttrName=*))"


@dataclass(frozen=True, eq=False)
class SchemaInfo:
    """What is known of a directory's attributes; all keys are in lower case.

    types: of attributes, registered ones first. spelling: every name and OID of every attribute to
    the name that the directory answers with. user_attributes: all that an entry may hold; None
    where a directory may hold names that its schema does not have. references: those whose values
    are names of entries. described: what the schema tells of each name and OID. classes: of
    entries, by name and OID; none where the directory does not show them.
    """

    openldap: bool
    types: Mapping[str, AttributeType]
    spelling: Mapping[str, str]
    user_attributes: frozenset[str] | None
    references: frozenset[str] = frozenset()
    described: Mapping[str, AttributeInfo] = field(default_factory=dict)
    classes: frozenset[str] = frozenset()

    def describe(self, name: str) -> AttributeInfo | None:
        """Return what the schema tells of an attribute; without a schema, its name alone."""
        return self.described.get(name) if self.described else AttributeInfo.named(name)


class DirectorySchema:
    """The schema info of a directory, read on first use and again when it may have changed."""

    def __init__(self, pool: ConnectionPool, settings: LdapSettings) -> None:
        self._pool = pool
        self._settings = settings
        self._lock = forks.new_lock()
        self._cached: tuple[SchemaInfo, float] | None = None

    def info(self) -> SchemaInfo:
        """Return the schema info, from the directory if it is older than `TTL_SECONDS`."""
        return self._current() or self._read()

    def _current(self) -> SchemaInfo | None:
        cached = self._cached
        return cached[0] if cached and monotonic() - cached[1] < TTL_SECONDS else None

    def _read(self) -> SchemaInfo:
        with self._lock:
            if info := self._current():  # another thread was quicker
                return info
            with translated("reading the schema"), self._pool.borrow_checked() as connection:
                info = _schema_info(connection, self._settings)
            self._cached = info, monotonic()
            return info


def requested_attributes(query: ChangesQuery, info: SchemaInfo) -> tuple[str, ...]:
    """Return the attributes to ask for, as few as the query and the schema allow."""
    return _requested(query.attributes, query.excluded, query.shown, query.time_attributes, info)


# An info is equal only to itself (eq=False), so one that is read anew is computed anew.
@lru_cache(maxsize=16)
def _requested(
    needed: frozenset[str] | None,
    excluded: frozenset[str],
    shown: frozenset[str],
    times: tuple[str, ...],
    info: SchemaInfo,
) -> tuple[str, ...]:
    names = info.user_attributes if needed is None else needed
    if names is None:
        return ("*", *times)
    visibility = Visibility(needed, excluded, shown, info.describe)
    found = {*filter(visibility.shows, names), *IDENTITY} - {time.lower() for time in times}
    return (*sorted({info.spelling.get(name, name) for name in found}), *times)


def hidden_attributes(query: ChangesQuery, info: SchemaInfo) -> list[str]:
    """Return the names in the schema that no client will see."""
    shows = Visibility.of_query(query).known_to(info.describe).shows
    return sorted(name for name in info.spelling if not shows(name))


def check_time_attributes(names: tuple[str, ...], info: SchemaInfo) -> None:
    """Raise BackendRefused for a time attribute that the schema lacks: it would never match."""
    for name in names:
        known = info.spelling.get(name.lower())
        if info.spelling and known != name:
            hint = f"spell it {known}" if known else "which the directory's schema does not have"
            raise BackendRefused(f"GLUU_CHANGES_TIME_ATTRIBUTES names {name}: {hint}")


def check_object_class(name: str, info: SchemaInfo) -> None:
    """Raise BackendRefused for a class that the schema lacks: nobody would ever be found."""
    if info.classes and name.lower() not in info.classes:
        raise BackendRefused(
            f"GLUU_CHANGES_LDAP_OBJECT_CLASS names {name}: which the directory's schema does not"
            " have"
        )


def _schema_info(connection: Connection, settings: LdapSettings) -> SchemaInfo:
    root = connection.read_rootdse_s(attrlist=["objectClass"])
    openldap = b"OpenLDAProotDSE" in root.get("objectClass", ())
    schema = _read_schema(connection, settings.ldap_base_dn)
    types = {**dict(_types_by_syntax(schema)), **_registered_types(connection, settings)}
    user_attributes = frozenset(_user_attributes(schema)) if openldap else None
    references = frozenset(_references(schema))
    spelling, described = dict(_spelling(schema)), dict(describe_all(schema))
    classes = frozenset(_classes(schema))
    return SchemaInfo(openldap, types, spelling, user_attributes, references, described, classes)


def _read_schema(connection: Connection, base: str) -> SubSchema:
    """Read the schema that governs the people (RFC 4512, 4.2)."""
    dn = connection.search_subschemasubentry_s(base)
    entry = connection.read_subschemasubentry_s(dn, _SCHEMA) if dn else None
    if not entry:
        log.warning("the directory shows no schema for %s; only registered types count", base)
    return SubSchema(entry or {})


def _spelling(schema: SubSchema) -> Iterator[tuple[str, str]]:
    for oid in schema.listall(SchemaAttribute):
        names = schema.get_obj(SchemaAttribute, oid).names
        yield from ((name.lower(), names[0]) for name in (*names, oid) if names)


def _user_attributes(schema: SubSchema) -> Iterator[str]:
    """Yield the attributes that are not operational, by their first names."""
    for oid in schema.listall(SchemaAttribute):
        element = schema.get_obj(SchemaAttribute, oid)
        if element.usage == USER_APPLICATIONS and element.names:
            yield element.names[0].lower()


def _classes(schema: SubSchema) -> Iterator[str]:
    for oid in schema.listall(ObjectClass):
        yield oid.lower()
        yield from (name.lower() for name in schema.get_obj(ObjectClass, oid).names)


def _references(schema: SubSchema) -> Iterator[str]:
    for oid in schema.listall(SchemaAttribute):
        if syntax_of(schema, oid) in _NAME_SYNTAXES:
            names = schema.get_obj(SchemaAttribute, oid).names
            yield from (name.lower() for name in names)


def _types_by_syntax(schema: SubSchema) -> Iterator[tuple[str, AttributeType]]:
    for oid in schema.listall(SchemaAttribute):
        kind = _SYNTAXES.get(syntax_of(schema, oid), AttributeType.STRING)
        for name in schema.get_obj(SchemaAttribute, oid).names:
            yield name.lower(), kind


def _registered_types(connection: Connection, settings: LdapSettings) -> dict[str, AttributeType]:
    """Read the types that administrators gave to attributes in Gluu's or Janssen's console."""
    base = settings.ldap_attributes_dn
    if not base:
        return {}
    try:
        found = connection.search_s(base, ldap.SCOPE_SUBTREE, _REGISTRATIONS, [*_NAMES, *_TYPES])
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
    return next((entry[name][0].decode(errors="replace") for name in names if name in entry), "")

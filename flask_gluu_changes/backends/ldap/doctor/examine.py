"""The examination of a directory, server by server, as far as the account that binds can see.

An account does not see limits and access rules, only their effects: so searches that must agree by
RFC 4511 are compared. What cannot be found out is a warning that says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import ldap

from ....errors import BackendError
from ....model import ChangesQuery, Finding, Level
from ....settings.backends import LdapSettings
from ..connection import Connection, ConnectionPool
from ..errors import to_finding
from ..schema import DirectorySchema, SchemaInfo, check_object_class, check_time_attributes
from ..search import NO_ATTRIBUTES
from .access import examine_limits, examine_rights
from .clock import examine_clock
from .context import Directory
from .following import examine_following
from .indexes import examine_indexes


def examine(settings: LdapSettings, query: ChangesQuery) -> Iterator[Finding]:
    """Examine each server; a finding names the URI where there are several."""
    for uri in settings.ldap_uri:
        alone = dataclasses.replace(settings, ldap_uri=(uri,))
        for found in _examine_server(alone, query):
            several = len(settings.ldap_uri) > 1
            yield dataclasses.replace(found, what=f"{uri}: {found.what}") if several else found


def _examine_server(settings: LdapSettings, query: ChangesQuery) -> Iterator[Finding]:
    pool = ConnectionPool(settings)
    try:
        with pool.borrow_new() as connection:
            yield from _connection(settings)
            info = DirectorySchema(pool, settings).info()
            yield from _examine_directory(Directory(connection, settings, query, info))
    except BackendError as error:
        yield Finding.fault(
            str(error),
            "mend that, and run `flask gluu-changes doctor` again: nothing more can be examined"
            " before",
        )
    finally:
        pool.close()


def _connection(settings: LdapSettings) -> Iterator[Finding]:
    (uri,) = settings.ldap_uri
    who = settings.ldap_bind_dn or f"nobody ({settings.ldap_bind_method})"
    yield Finding.ok(f"connected to {uri}, bound as {who}")
    if settings.is_plain(uri):
        yield Finding.warning(
            "the bind sends its password unencrypted",
            "set GLUU_CHANGES_LDAP_START_TLS, or use an ldaps:// URI",
        )


def _examine_directory(directory: Directory) -> Iterator[Finding]:
    """Examine further only where base and schema are there."""
    bad = False
    for found in (
        *_base(directory),
        *_schema(directory),
        *_attributes(directory.info, directory.query),
    ):
        yield found
        bad = bad or found.level is Level.FAULT
    if bad:
        return
    yield from _types(directory.connection, directory.settings)
    for check in (
        examine_indexes,
        examine_clock,
        examine_limits,
        examine_rights,
        examine_following,
    ):
        try:
            yield from check(directory)
        except ldap.LDAPError as error:
            yield to_finding(error, check.__name__.replace("examine_", "looking at the "))


def _base(directory: Directory) -> Iterator[Finding]:
    base = directory.settings.ldap_base_dn
    try:
        directory.connection.search_s(base, ldap.SCOPE_BASE, attrlist=[NO_ATTRIBUTES])
        yield Finding.ok(f"{base} is there")
    except ldap.LDAPError as error:
        yield to_finding(error, f"looking for {base}")


def _schema(directory: Directory) -> Iterator[Finding]:
    if not directory.info.spelling:
        yield Finding.warning(
            "the directory shows no schema, so only registered types count",
            "let the account that binds read it (slapd: `access to dn.base=cn=Subschema by *"
            " read`)",
        )
    try:
        check_object_class(directory.settings.ldap_object_class, directory.info)
    except BackendError as error:
        yield Finding.fault(
            str(error),
            "correct GLUU_CHANGES_LDAP_OBJECT_CLASS, or add it to the schema (LDIF: `add:"
            " olcObjectClasses`)",
        )


def _attributes(info: SchemaInfo, query: ChangesQuery) -> Iterator[Finding]:
    if not info.spelling:
        return
    try:
        check_time_attributes(query.time_attributes, info)
    except BackendError as error:
        yield Finding.fault(
            str(error),
            "correct GLUU_CHANGES_TIME_ATTRIBUTES, or add it to the schema (LDIF: `add:"
            " olcAttributeTypes`)",
        )


def _types(connection: Connection, settings: LdapSettings) -> Iterator[Finding]:
    """Check that registered types can be read: without them clients get text."""
    base = settings.ldap_attributes_dn
    if not base:
        return
    try:
        connection.search_s(base, ldap.SCOPE_BASE, attrlist=[NO_ATTRIBUTES])
        yield Finding.ok(f"{base} is there, with the types of attributes")
    except ldap.LDAPError:
        yield Finding.warning(
            f"{base} cannot be read, so the schema's types count alone",
            "let the account that binds read it (slapd: `access to dn.subtree=… by dn.exact=…"
            " read`), or set GLUU_CHANGES_LDAP_ATTRIBUTES_DN to nothing",
        )

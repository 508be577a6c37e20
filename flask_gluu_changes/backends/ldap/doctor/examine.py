"""The examination of a directory: what it lets the account that binds find out, server by server.

Whoever binds sees no limits and no access rules, but what they do: so searches that must agree by
RFC 4511 are compared. What cannot be told is a warning that says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import ldap

from ....errors import BackendError
from ....model import ChangesQuery, Finding, Level
from ....settings.backends import LdapSettings
from ..connection import Connections, Handle
from ..errors import to_finding
from ..schema import DirectorySchema, SchemaInfo, check_times
from ..search import NO_ATTRIBUTES
from .access import examine_limits, examine_rights
from .clock import examine_clock
from .context import Directory
from .indexes import examine_indexes


def examine(settings: LdapSettings, query: ChangesQuery) -> Iterator[Finding]:
    """Examine each server; the URI is named where there are several."""
    for uri in settings.ldap_uri:
        alone = dataclasses.replace(settings, ldap_uri=(uri,))
        for found in _examine_server(alone, query):
            several = len(settings.ldap_uri) > 1
            yield dataclasses.replace(found, what=f"{uri}: {found.what}") if several else found


def _examine_server(settings: LdapSettings, query: ChangesQuery) -> Iterator[Finding]:
    connections = Connections(settings)
    try:
        with connections.fresh() as handle:
            yield from _connection(settings)
            info = DirectorySchema(connections, settings).info()
            yield from _examine_directory(Directory(handle, settings, query, info))
    except BackendError as error:
        yield Finding.fault(str(error), "nothing more can be examined before that is repaired")
    finally:
        connections.close()


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
    """Go on as long as what comes next can mean something."""
    bad = False
    for found in (*_base(directory), *_schema(directory.info, directory.query)):
        yield found
        bad = bad or found.level is Level.FAULT
    if bad:
        return
    yield from _types(directory.handle, directory.settings)
    for check in (examine_indexes, examine_clock, examine_limits, examine_rights):
        try:
            yield from check(directory)
        except ldap.LDAPError as error:
            yield to_finding(error, check.__name__.replace("examine_", "looking at the "))


def _base(directory: Directory) -> Iterator[Finding]:
    base = str(directory.settings.ldap_base_dn)
    try:
        directory.handle.search_s(base, ldap.SCOPE_BASE, attrlist=[NO_ATTRIBUTES])
        yield Finding.ok(f"{base} is there")
    except ldap.LDAPError as error:
        yield to_finding(error, f"looking for {base}")


def _schema(info: SchemaInfo, query: ChangesQuery) -> Iterator[Finding]:
    if not info.spelling:
        yield Finding.warning(
            "the directory shows no schema, so only registered types count",
            "let the account that binds read the entry that subschemaSubentry names",
        )
        return
    try:
        check_times(query.time_attributes, info)
    except BackendError as error:
        yield Finding.fault(str(error), "correct the setting, or the directory's schema")
    for name in sorted(query.attributes or ()):
        if name not in info.spelling:
            yield Finding.warning(
                f"GLUU_CHANGES_ALLOWED_ATTRIBUTES names {name}, which the schema does not have",
                "correct the name, if it is not there for another server",
            )


def _types(handle: Handle, settings: LdapSettings) -> Iterator[Finding]:
    """See whether registered types can be read: without them, text is what clients get."""
    base = settings.ldap_attributes_dn
    if not base:
        return
    try:
        handle.search_s(base, ldap.SCOPE_BASE, attrlist=[NO_ATTRIBUTES])
        yield Finding.ok(f"{base} is there, with the types of attributes")
    except ldap.LDAPError:
        yield Finding.warning(
            f"{base} cannot be read, so the schema's types count alone",
            "let the account that binds read it, or set GLUU_CHANGES_LDAP_ATTRIBUTES_DN to nothing",
        )

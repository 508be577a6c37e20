"""The keys of the LDAP and SQL backends; reading them needs neither python-ldap nor SQLAlchemy."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from .addresses import is_loopback
from .fields import (
    BY_PROFILE,
    PREFIX,
    SettingsGroup,
    boolean,
    choice,
    names,
    pairs,
    seconds,
    secret,
    setting,
    text,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LdapSettings(SettingsGroup):
    """The settings of the LDAP backend; each field's metadata say what it means."""

    ldap_uri: tuple[str, ...] = setting(
        (), "one or more URIs, tried in order: ldap://, ldaps://, ldapi://", names
    )
    ldap_bind_method: str = setting(
        "simple", "`simple`, or `external` for SASL EXTERNAL", choice("simple", "external")
    )
    ldap_bind_dn: str = setting("", "who binds; empty: anonymous", text)
    ldap_bind_password: str = secret("", "password of the simple bind", text)
    ldap_base_dn: str = setting(BY_PROFILE, "where people are, by profile", text)
    ldap_attributes_dn: str = setting(
        BY_PROFILE, "where `gluuAttribute` entries are, by profile; empty: nowhere", text
    )
    ldap_object_class: str = setting(BY_PROFILE, "class of people, by profile", text)
    ldap_start_tls: bool = setting(False, "StartTLS on ldap:// before the bind", boolean)
    ldap_ca_file: str = setting("", "CA certificates to trust, PEM; empty: the system's", text)
    ldap_cert_file: str = setting("", "client certificate, PEM", text)
    ldap_key_file: str = setting("", "key of the client certificate, PEM", text)
    ldap_connect_timeout: float = setting(
        3.0,
        "longest wait for a connection to one URI, TLS and bind included, in s",
        seconds(0.1, 600),
    )
    ldap_operation_timeout: float = setting(
        30.0, "longest wait for the next part of an answer, in s", seconds(0.1, 3600)
    )
    ldap_compare_interval: float = setting(
        600.0,
        "between two comparisons of everybody with what `follow` told, to notice what slapd"
        " reports to nobody, in s",
        seconds(0.1, 604_800),
    )

    def _check_loaded(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise ConfigurationError where settings contradict each other."""
        for is_wrong, sentence in self._contradictions():
            if is_wrong:
                raise ConfigurationError(f"{PREFIX}{sentence}")

    def _contradictions(self) -> Iterator[tuple[bool, str]]:
        uris, simple = self.ldap_uri, self.ldap_bind_method == "simple"
        yield not uris, "LDAP_URI is missing; set it to ldap://host:389"
        for uri in uris:
            known = uri.startswith(("ldap://", "ldaps://", "ldapi://"))
            yield (
                not known,
                f"LDAP_URI holds {uri!r}; URIs start with ldap://, ldaps:// or ldapi://",
            )
        yield (
            simple and bool(self.ldap_bind_dn) != bool(self.ldap_bind_password),
            f"LDAP_BIND_DN and {PREFIX}LDAP_BIND_PASSWORD go together: a simple bind with one of"
            " them empty would be anonymous (RFC 4513, 5.1.2)",
        )
        yield (
            not simple and bool(self.ldap_bind_dn or self.ldap_bind_password),
            f"LDAP_BIND_DN and {PREFIX}LDAP_BIND_PASSWORD mean nothing to the bind method external;"
            " leave them out",
        )
        yield (
            bool(self.ldap_cert_file) != bool(self.ldap_key_file),
            f"LDAP_CERT_FILE and {PREFIX}LDAP_KEY_FILE go together",
        )
        yield (
            self.ldap_start_tls and not any(uri.startswith("ldap://") for uri in uris),
            "LDAP_START_TLS is for ldap:// URIs, and there is none",
        )

    def warn_of_plain_passwords(self) -> None:
        """Log a warning for each URI to which the password would be sent unencrypted."""
        for uri in filter(self.is_plain, self.ldap_uri):
            log.warning(
                "the bind at %s sends its password unencrypted; set %sLDAP_START_TLS", uri, PREFIX
            )

    def is_plain(self, uri: str) -> bool:
        """Return whether a bind at a URI sends its password over a network unencrypted."""
        has_password = self.ldap_bind_method == "simple" and bool(self.ldap_bind_dn)
        return has_password and not self.ldap_start_tls and _crosses_the_network(uri)


def _crosses_the_network(uri: str) -> bool:
    parts = urlsplit(uri)
    host = parts.hostname or "localhost"  # as libldap reads a URI without a host
    return parts.scheme == "ldap" and not is_loopback(host)


@dataclass(frozen=True, kw_only=True)
class SqlSettings(SettingsGroup):
    """The settings of the SQL backend; each field's metadata say what it means."""

    sql_url: str = secret("", "an SQLAlchemy URL: postgresql://, mysql://, sqlite:///…", text)
    sql_table: str = setting(BY_PROFILE, "table of people, by profile", text)
    sql_attributes_table: str = setting(
        BY_PROFILE, "table of attribute types, by profile; empty: none", text
    )
    sql_columns: tuple[tuple[str, str], ...] = setting(
        (),
        "the column of each attribute, such as `inum=id, uid=login, updatedAt=changed_at`; columns"
        " that it does not name are not read; empty: each column is an attribute of its own name",
        pairs,
    )
    sql_connect_timeout: float = setting(
        3.0, "longest wait for a connection to the database, in s", seconds(1, 600)
    )
    sql_operation_timeout: float = setting(
        30.0, "longest wait for a lock, and for the next part of an answer, in s", seconds(1, 3600)
    )

    def database_url(self) -> str:
        """Return the URL; raise ConfigurationError where there is none."""
        if not self.sql_url:
            raise ConfigurationError(
                f"{PREFIX}SQL_URL is missing; set it to postgresql://user:password@host/database"
            )
        return self.sql_url

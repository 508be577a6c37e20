"""Every `GLUU_CHANGES_*` key: its default, its meaning, its unit."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, tzinfo
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .configuration import (
    PREFIX,
    choice,
    load,
    names,
    replace_unset,
    seconds,
    setting,
    text,
    truth,
    whole,
)
from .errors import ConfigurationError
from .gluu import PERSON_TYPES, PROFILES, SECRETS
from .values import AttributeType

log = logging.getLogger(__name__)


def _path(value: object) -> str:
    path = text(value).rstrip("/")
    if not path.startswith("/"):
        raise ValueError(f"must be a path that starts with '/', not {value!r}")
    return path


def _zone(value: object) -> tzinfo:
    try:
        return ZoneInfo(text(value))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"must be an IANA time zone that is installed here, such as Europe/Paris, not {value!r}"
            " (the package tzdata brings them all)"
        ) from error


def _types(value: object) -> Mapping[str, AttributeType]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must map attribute names to types, not {value!r}")
    try:
        return {str(name): AttributeType(kind) for name, kind in value.items()}
    except ValueError as error:
        raise ValueError(f"knows the types {', '.join(AttributeType)}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for every backend. Fields that read "by profile" come from PROFILES."""

    profile: str = setting("gluu", "`gluu` or `janssen`", choice(*PROFILES))
    url_prefix: str | None = setting(None, "path of the operation, by profile", _path)
    documents_prefix: str | None = setting(
        None, "path of the Swagger and OpenAPI documents, by profile", _path
    )
    time_attributes: tuple[str, ...] | None = setting(
        None, "attributes whose time makes an entry count as changed, by profile", names
    )
    max_page_size: int = setting(
        1000, "largest `pagesize` that is served, in entries; above it 400", whole(1, 100_000)
    )
    naive_timezone: tzinfo = setting(
        UTC, "IANA name of the zone of a `timeStamp` without offset", _zone
    )
    allowed_attributes: tuple[str, ...] = setting(
        (), "the only attributes to show; empty: all that are not denied", names
    )
    denied_attributes: tuple[str, ...] = setting(
        SECRETS, "attributes never to show; `userPassword` is always one", names
    )
    attribute_types: Mapping[str, AttributeType] = field(
        default_factory=dict,
        metadata={
            "meaning": "types of attributes that the store registers none for, by name",
            "read": _types,
        },
    )
    walk_seconds: float = setting(
        300.0,
        "how long a walk's pages stay frozen after its last progress, in s",
        seconds(1, 86_400),
    )
    max_walks: int = setting(32, "walks kept at a time by one process", whole(1, 10_000))

    @classmethod
    def load(cls, config: Mapping[str, Any]) -> Settings:
        """Read them from an application's config; a ConfigurationError names the wrong key."""
        settings = load(cls, config)
        return replace_unset(settings, of_profile(settings.profile, cls))

    def type_of(self, attribute: str) -> AttributeType | None:
        """Give the configured type of an attribute, ignoring case."""
        return self._types_by_name.get(attribute.lower())

    @cached_property
    def _types_by_name(self) -> dict[str, AttributeType]:
        types = {**PERSON_TYPES, **self.attribute_types}
        return {name.lower(): kind for name, kind in types.items()}


@dataclass(frozen=True, kw_only=True)
class LdapSettings:
    """What the LDAP backend needs to know."""

    ldap_uri: tuple[str, ...] = setting(
        (), "one or more URIs, tried in order: ldap://, ldaps://, ldapi://", names
    )
    ldap_bind_method: str = setting(
        "simple", "`simple`, or `external` for SASL EXTERNAL", choice("simple", "external")
    )
    ldap_bind_dn: str = setting("", "who binds; empty: anonymous", text)
    ldap_bind_password: str = setting("", "password of the simple bind", text)
    ldap_base_dn: str | None = setting(None, "where people are, by profile", text)
    ldap_attributes_dn: str | None = setting(
        None, "where `gluuAttribute` entries are, by profile; empty: nowhere", text
    )
    ldap_object_class: str | None = setting(None, "class of people, by profile", text)
    ldap_start_tls: bool = setting(False, "StartTLS on ldap:// before the bind", truth)
    ldap_ca_file: str = setting("", "CA certificates to trust, PEM; empty: the system's", text)
    ldap_cert_file: str = setting("", "client certificate, PEM", text)
    ldap_key_file: str = setting("", "key of the client certificate, PEM", text)
    ldap_connect_timeout: float = setting(
        3.0, "longest wait for a connection to one URI, in s", seconds(0.1, 600)
    )
    ldap_operation_timeout: float = setting(
        30.0, "longest wait for the next part of an answer, in s", seconds(0.1, 3600)
    )

    @classmethod
    def load(cls, config: Mapping[str, Any]) -> LdapSettings:
        """Read them from an application's config; a ConfigurationError names the wrong key."""
        profile = load(Settings, config).profile
        settings = replace_unset(load(cls, config), of_profile(profile, cls))
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse settings that contradict each other."""
        if not self.ldap_uri:
            raise ConfigurationError(f"{PREFIX}LDAP_URI is missing; set it to ldap://host:389")
        wrong = [u for u in self.ldap_uri if not u.startswith(("ldap://", "ldaps://", "ldapi://"))]
        if wrong:
            raise ConfigurationError(
                f"{PREFIX}LDAP_URI holds {wrong[0]!r}; URIs start with ldap://, ldaps:// or ldapi://"
            )
        if self.ldap_bind_method == "simple" and bool(self.ldap_bind_dn) != bool(
            self.ldap_bind_password
        ):
            raise ConfigurationError(
                f"{PREFIX}LDAP_BIND_DN and {PREFIX}LDAP_BIND_PASSWORD go together: a simple bind"
                " with one of them empty would be anonymous (RFC 4513, 5.1.2)"
            )
        self._warn_of_plain_passwords()

    def _warn_of_plain_passwords(self) -> None:
        if self.ldap_bind_method == "simple" and self.ldap_bind_dn and not self.ldap_start_tls:
            for uri in filter(_crosses_the_network, self.ldap_uri):
                log.warning(
                    "the bind at %s sends its password unencrypted; set %sLDAP_START_TLS",
                    uri,
                    PREFIX,
                )


def _crosses_the_network(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme == "ldap" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}


def of_profile(profile: str, cls: type) -> dict[str, object]:
    """Give the defaults that a profile brings for the fields of a settings class."""
    declared = {f.name for f in fields(cls)}
    return {name: value for name, value in PROFILES[profile].items() if name in declared}

"""The keys that hold for every backend: paths, pages, attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import cached_property
from hashlib import blake2b
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import ConfigurationError
from ..values import AttributeType
from ..visibility import NEVER_SHOWN, Visibility
from ..visibility.secret_names import RULES
from .fields import (
    BY_PROFILE,
    PREFIX,
    SettingsGroup,
    choice,
    integer,
    names,
    non_empty_names,
    seconds,
    setting,
    text,
)
from .profiles import DEFAULT_PROFILE, PERSON_TYPES, PROFILES


def _path(value: object) -> str:
    path = text(value)
    if not path.startswith("/"):
        raise ValueError(f"must be a path that starts with '/', not {value!r}")
    return path.rstrip("/")


def _host(value: object) -> str:
    host = text(value).lower()  # as Werkzeug writes the host of a request
    if not re.fullmatch(r"[a-z0-9_.:\[\]-]*", host):
        raise ValueError(
            f"must be a host's name in ASCII, with its port where it has one, not {value!r}"
        )
    return host


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
        # a key may have options as in `cn;lang-de`, which do not change the type
        return {str(n).partition(";")[0]: AttributeType(kind) for n, kind in value.items()}
    except ValueError as error:
        raise ValueError(f"knows the types {', '.join(AttributeType)}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    """The settings that hold for every backend; each field's metadata say what it means."""

    profile: str = setting(DEFAULT_PROFILE, "`gluu` or `janssen`", choice(*PROFILES))
    url_prefix: str = setting(BY_PROFILE, "path of the operation, by profile", _path)
    url_host: str = setting(
        "",
        "host of these paths where the application is `Flask(host_matching=True)`, such as"
        " `idp.example.org`; else empty",
        _host,
    )
    documents_prefix: str = setting(
        BY_PROFILE, "path of the Swagger and OpenAPI documents, by profile", _path
    )
    time_attributes: tuple[str, ...] = setting(
        BY_PROFILE,
        "attributes whose time makes an entry count as changed, by profile",
        non_empty_names,
    )
    max_page_size: int = setting(
        1000, "largest `pagesize` that is served, in entries; above it 400", integer(1, 100_000)
    )
    naive_timezone: tzinfo = setting(
        UTC, "IANA name of the zone of a `timeStamp` without offset", _zone
    )
    allowed_attributes: tuple[str, ...] = setting(
        (), "the only attributes to show; empty: all that are not denied", names
    )
    denied_attributes: tuple[str, ...] = setting(
        (), "attributes never to show, besides the secrets that are hidden by default", names
    )
    shown_secrets: tuple[str, ...] = setting(
        (),
        "secrets to show nonetheless; each start logs a warning that names them; `userPassword`"
        " cannot be one",
        names,
    )
    attribute_types: Mapping[str, AttributeType] = field(
        default_factory=dict,
        metadata={
            "meaning": "types of attributes that the store registers none for, by name",
            "read": _types,
        },
    )
    paging_session_seconds: float = setting(
        300.0,
        "how long a paging session's snapshot is kept after its last progress, in s",
        seconds(1, 86_400),
    )
    max_paging_sessions: int = setting(
        32,
        "paging sessions kept at a time for one client; then those make room that were read to the"
        " end, or are idle for longest",
        integer(1, 10_000),
    )
    max_paging_octets: int = setting(
        2**30,
        "octets that all snapshots take together, and those of one client half of it; a larger"
        " answer is kept alone, and where there is no room clients get 503",
        integer(0, 10**12 - 1),
    )
    paging_folder: str = setting(
        "",
        "folder for the paging sessions that all workers share, for this user alone; empty:"
        " `gluu-changes-` and the user's number in the system's folder for temporary files",
        text,
    )
    server_threads: int = setting(
        0,
        "requests that one process of the server answers at a time; 0: as gunicorn, uWSGI, waitress"
        " and Werkzeug tell, else 4, or 1 where there is but one thread",
        integer(0, 10_000),
    )
    min_read_rate: int = setting(
        32_768,
        "how fast a client must read a stream or a large page, in octets a second; slower ones are"
        " cut off; 0: as slow as it likes",
        integer(0, 10**9),
    )

    def type_of(self, attribute: str) -> AttributeType | None:
        """Return the configured type of an attribute, ignoring case; None where there is none."""
        return self._types_by_name.get(attribute.lower())

    def _check_loaded(self) -> None:
        shown = self.visibility.shown
        if never := sorted(shown & NEVER_SHOWN):
            raise ConfigurationError(
                f"{PREFIX}SHOWN_SECRETS names {', '.join(never)}, which is never shown; take it out"
            )
        if both := sorted(shown & self.visibility.denied):
            raise ConfigurationError(
                f"{PREFIX}SHOWN_SECRETS and {PREFIX}DENIED_ATTRIBUTES both name {', '.join(both)};"
                " take it out of one of them"
            )

    @cached_property
    def visibility(self) -> Visibility:
        """Which attributes clients may see, as far as names alone tell it."""
        return Visibility.of(self.allowed_attributes, self.denied_attributes, self.shown_secrets)

    @cached_property
    def digest(self) -> str:
        """The settings that decide how an entry is written, each with a digest of its value.

        A journal holds entries as they were written, so it is bound to it.
        """
        shown = self.visibility
        types = sorted((name.lower(), str(kind)) for name, kind in self.attribute_types.items())
        deciding: Mapping[str, object] = {
            "time_attributes": self.time_attributes,
            "allowed_attributes": sorted(shown.allowed or ()),
            "denied_attributes": sorted(shown.denied),
            "shown_secrets": (sorted(shown.shown), RULES),
            "attribute_types": types,
        }
        return ",".join(f"{name}:{_digest_of(value)}" for name, value in deciding.items())

    @cached_property
    def _types_by_name(self) -> dict[str, AttributeType]:
        types = {**PERSON_TYPES, **self.attribute_types}
        return {name.lower(): kind for name, kind in types.items()}


def differing_keys(one: str, other: str) -> list[str]:
    """Return the keys of the settings in which two digests of `Settings.digest` differ."""
    differing = {*one.split(",")} ^ {*other.split(",")}
    names = {part.partition(":")[0] for part in differing if ":" in part}
    return sorted(f"{PREFIX}{name.upper()}" for name in names)


def _digest_of(value: object) -> str:
    return blake2b(repr(value).encode(), digest_size=8).hexdigest()

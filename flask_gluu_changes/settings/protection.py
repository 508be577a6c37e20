"""Every `GLUU_CHANGES_*` key of the protection, and those that each mode needs."""

from __future__ import annotations

import re
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
    seconds,
    secret,
    setting,
    text,
)

JWT = "jwt"
MODES = ("uma", "oauth", "test", "bypass")
ENDPOINTS = (
    "token_endpoint",
    "introspection_endpoint",
    "jwks_uri",
    "permission_endpoint",
    "resource_registration_endpoint",
)
MAX_CACHE_SECONDS = 60.0


def is_secure(url: str) -> bool:
    """Return whether tokens may be sent to a URL: https, or http to this machine itself."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and is_loopback(parts.hostname or "")


def _url(value: object) -> str:
    url = text(value)
    # no quote and no backslash: the URL becomes part of a header
    if url and not (re.fullmatch(r"[!#-\[\]-~]+", url) and is_secure(url)):
        raise ValueError(f"must be an https:// URL (http:// on loopback only), not {value!r}")
    return url


def _identifier(value: object) -> str:
    """Read a URL that names something (RFC 8414, section 2; RFC 9728, section 1.2)."""
    url = _url(value)
    if re.search("[?#]", url):
        raise ValueError(f"must be a URL without query and fragment, not {value!r}")
    return url


def _realm(value: object) -> str:
    realm = text(value)
    if not re.fullmatch(r"[ !#-+\--\[\]-~]+", realm):
        raise ValueError(f"must be ASCII text without quotes, commas and backslashes: {value!r}")
    return realm


@dataclass(frozen=True, kw_only=True)
class ProtectionSettings(SettingsGroup):
    """The settings of the protection; each field's metadata say what it means."""

    protection: str = setting(
        "",
        "`uma`, `oauth`, `test` or `bypass`; without it the app does not start",
        choice(*MODES),
    )
    allow_bypass: bool = setting(
        False, "second consent to `bypass`, needed outside debug and testing", boolean
    )
    issuer: str = setting("", "the authorization server's issuer URL, to the letter", _identifier)
    client_id: str = setting("", "this resource server's own client", text)
    client_secret: str = secret("", "its secret; or else CLIENT_KEY", text)
    client_key: str = setting("", "file of its private key, JWK or PEM", text)
    client_auth_method: str | None = setting(
        None,
        "`client_secret_basic`, `client_secret_post` or `private_key_jwt`; by what it has",
        choice("client_secret_basic", "client_secret_post", "private_key_jwt"),
    )
    scope: tuple[str, ...] = setting(
        BY_PROFILE, "scopes that a token must all have, in mode `oauth`, by profile", names
    )
    audience: str = setting("", "what `aud` of a token must hold; needed for `jwt`", text)
    token_validation: str = setting(
        "introspection",
        "`introspection` (RFC 7662) or `jwt` (RFC 9068), in modes `oauth` and `test`",
        choice("introspection", JWT),
    )
    introspection_auth: str | None = setting(
        None,
        "`client` or `pat`: introspect as the client or with its PAT; `pat` in mode `uma`",
        choice("client", "pat"),
    )
    token_cache_seconds: float = setting(
        30.0, "how late a revocation is noticed, in s; 0: never late", seconds(0, MAX_CACHE_SECONDS)
    )
    uma_scope: tuple[str, ...] = setting((), "scopes of the permission, in mode `uma`", names)
    uma_resource_id: str = setting("", "the registered resource; empty: look up or register", text)
    uma_resource_name: str = setting("Gluu resource changes", "name to register under", text)
    uma_challenge: str = setting(
        "dual",
        "`standard`, `gluu`, or `dual` for clients of both kinds",
        choice("dual", "standard", "gluu"),
    )
    pat_scope: str = setting("uma_protection", "scope to ask for a PAT with; may be empty", text)
    realm: str = setting("SCIM", "realm of the challenges", _realm)
    resource: str = setting(
        "",
        "public URL of the operation; where it is set, clients get RFC 9728's metadata",
        _identifier,
    )
    status_profile: str = setting(
        "standard",
        "`standard`, or `gluu` for 403 on a dead token",
        choice("standard", "gluu"),
    )
    token_endpoint: str = setting("", "instead of discovery", _url)
    introspection_endpoint: str = setting("", "instead of discovery", _url)
    jwks_uri: str = setting("", "instead of discovery", _url)
    permission_endpoint: str = setting("", "instead of discovery", _url)
    resource_registration_endpoint: str = setting("", "instead of discovery", _url)
    issuer_ca_file: str = setting(
        "", "CA certificates to trust at the authorization server, PEM; empty: the system's", text
    )
    issuer_connect_timeout: float = setting(
        1.0, "longest wait for a connection to it, in s", seconds(0.1, 60)
    )
    issuer_read_timeout: float = setting(
        3.0, "longest wait for an answer from it, in s", seconds(0.1, 60)
    )

    def _check_loaded(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise ConfigurationError where settings are missing or contradict each other."""
        if not self.protection:
            raise ConfigurationError(
                f"{PREFIX}PROTECTION is missing; set it to one of {', '.join(MODES)}"
            )
        missing = [name for name in self._needed() if not getattr(self, name)]
        if missing:
            keys = " and ".join(PREFIX + name.upper() for name in missing)
            mode = f"{PREFIX}PROTECTION={self.protection}"
            raise ConfigurationError(f"{keys} must be set as well for {mode}")
        if self.protection != "bypass":
            self._check_credentials()

    @property
    def uses_jwt(self) -> bool:
        """Whether tokens are validated here, by the issuer's keys."""
        return self.protection in ("oauth", "test") and self.token_validation == JWT

    @property
    def auth_method(self) -> str:
        """How the client authenticates; where that is not set, by the credential that it has."""
        by_what_it_has = "private_key_jwt" if self.client_key else "client_secret_basic"
        return self.client_auth_method or by_what_it_has

    @property
    def introspects_with_pat(self) -> bool:
        """Whether the PAT is the credential at the introspection endpoint."""
        return (self.introspection_auth or ("client", "pat")[self.protection == "uma"]) == "pat"

    def _needed(self) -> list[str]:
        if self.protection == "bypass":
            return []
        if self.uses_jwt:
            return ["issuer", "audience", *(["scope"] if self.protection == "oauth" else [])]
        proof = "client_key" if self.auth_method == "private_key_jwt" else "client_secret"
        by_mode = {"uma": ["uma_scope", "uma_resource_name"], "oauth": ["scope"]}
        return ["issuer", "client_id", proof, *by_mode.get(self.protection, [])]

    def _check_credentials(self) -> None:
        if self.client_secret and self.client_key:
            raise ConfigurationError(
                f"{PREFIX}CLIENT_SECRET and {PREFIX}CLIENT_KEY are both set; keep one of them"
            )
        if self.protection == "uma" and self.token_validation == JWT:
            raise ConfigurationError(
                f"{PREFIX}TOKEN_VALIDATION=jwt does not go with uma: an RPT is introspected"
            )

"""Protector: the protection policy of Gluu's SCIM API, for the blueprint and for host routes.

A mode is a validator and a way to refuse; `bypass` is neither, and never silent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import TokenValidator
from flask import Flask, g, request
from werkzeug.exceptions import HTTPException

from ..errors import ConfigurationError
from ..settings.fields import PREFIX
from ..settings.protection import ProtectionSettings
from .bearer import BearerProtector
from .caching import Clock
from .credentials import ClientCredentials, PatClient
from .discovery import ServerMetadata
from .guard import Guard, Refusal, Requirement, Schemes
from .http import HttpClient
from .introspection import FormCaller, IntrospectionValidator
from .jwt import Jwks, JwtValidator
from .openapi import refusals, security_schemes
from .resource_metadata import ResourceMetadata
from .responses import BearerRefusals, Refusals, UmaRefusals
from .uma import RptValidator, Tickets, UmaResource

log = logging.getLogger(__name__)


def require_consent(settings: ProtectionSettings, config: Mapping[str, Any]) -> None:
    """Refuse `bypass` without its second flag, unless the app is in debug or testing mode."""
    if config.get("DEBUG") or config.get("TESTING"):
        return
    if not settings.allow_bypass:
        raise ConfigurationError(
            f"{PREFIX}PROTECTION is bypass, which lets everybody read every person; if that is"
            f" meant, set {PREFIX}ALLOW_BYPASS to true as well"
        )
    log.warning("%sPROTECTION is bypass: everybody can read every person", PREFIX)


@dataclass(frozen=True)
class Policy:
    """A mode with tokens, ready to be asked. scopes: what is needed unless a route says more."""

    validator: TokenValidator
    refusals: Refusals
    scopes: tuple[str, ...]
    metadata: ResourceMetadata
    http: HttpClient


class _Parts:
    """What several modes share."""

    def __init__(self, settings: ProtectionSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.http = HttpClient(
            connect_seconds=settings.issuer_connect_timeout,
            read_seconds=settings.issuer_read_timeout,
            ca_file=settings.issuer_ca_file,
            clock=clock,
        )
        self.server = ServerMetadata(settings, self.http, clock)

    def client(self) -> ClientCredentials:
        return ClientCredentials(self.settings, self.http, self.server)

    def pat(self, client: ClientCredentials) -> PatClient:
        return PatClient(client, self.http, self.server, self.settings.pat_scope, self.clock)


def build_policy(settings: ProtectionSettings, clock: Clock) -> Policy:
    """Make the policy of a mode with tokens; it calls nobody before its first request."""
    parts = _Parts(settings, clock)
    if settings.protection == "uma":
        return _uma(parts)
    scopes = (settings.scope or ()) if settings.protection == "oauth" else ()
    metadata = ResourceMetadata(settings, scopes)
    refusals = BearerRefusals(settings, metadata.url)
    validator = _jwt(parts) if settings.uses_jwt else _introspection(parts)
    return Policy(validator, refusals, scopes, metadata, parts.http)


def _jwt(parts: _Parts) -> TokenValidator:
    return JwtValidator(parts.settings, Jwks(parts.http, parts.server, parts.clock), parts.clock)


def _introspection(parts: _Parts) -> TokenValidator:
    client = parts.client()
    caller: FormCaller = parts.pat(client) if parts.settings.introspects_with_pat else client
    return IntrospectionValidator(parts.settings, caller, parts.server, parts.clock)


def _uma(parts: _Parts) -> Policy:
    settings, client = parts.settings, parts.client()
    pat = parts.pat(client)
    resource = UmaResource(settings, pat, parts.server, parts.clock)
    caller: FormCaller = pat if settings.introspects_with_pat else client
    validator = RptValidator(settings, caller, parts.server, parts.clock, resource)
    refusals = UmaRefusals(settings, Tickets(pat, parts.server, resource))
    metadata = ResourceMetadata(settings, settings.uma_scope)
    return Policy(validator, refusals, settings.uma_scope, metadata, parts.http)


GRANTED = "authlib_server_oauth2_token"
"""Where Authlib keeps the claims of the accepted token in `g`, for its `current_token`."""


class Protector(Guard):
    """Checks requests as `GLUU_CHANGES_PROTECTION` says: uma, oauth, test or bypass.

    Authlib's resource protector does the work, with one validator for the mode. One instance
    serves every thread of a process; what it learned about tokens is kept per process.
    """

    def __init__(self, settings: ProtectionSettings, *, clock: Clock | None = None) -> None:
        settings.check()
        self.settings = settings
        self._bearer = BearerProtector()
        self._policy = None
        if settings.protection != "bypass":
            self._policy = build_policy(settings, clock or Clock())
            self._bearer.register_token_validator(self._policy.validator)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, clock: Clock | None = None) -> Protector:
        """Make the protector that an application's config describes.

        Raises ConfigurationError for settings that are missing, unknown or contradictory. clock:
        for tests.
        """
        settings = ProtectionSettings.load(config)
        if settings.protection == "bypass":
            require_consent(settings, config)
        return cls(settings, clock=clock)

    def check(self, scopes: Iterable[str] | None = None) -> None:
        """Let the current request pass, or raise an HTTPException with the answer in it.

        scopes: all of them must be granted; None: those that are configured; in mode `test` any
        active token will do. Authlib's `current_token` holds the claims afterwards. The exception
        has no code, so that neither Flask nor flask-smorest rewrites its headers.
        """
        g.pop(GRANTED, None)
        if self._policy is None:
            return
        wanted = self._wanted(self._policy.scopes, scopes)
        try:
            self._bearer.acquire_token([" ".join(wanted)] if wanted else None)
        except OAuth2Error as error:
            answer = self._policy.refusals.answer(error, wanted)
            raise HTTPException(response=answer) from error

    def caller(self) -> str:
        """Name the client of the accepted token and its address."""
        claims = g.get(GRANTED) or {}
        client = claims.get("client_id") or claims.get("sub") or ""
        return f"{client} {request.remote_addr or ''}".strip()

    def register(self, app: Flask, paths: Iterable[str]) -> None:
        """Serve the metadata of RFC 9728, in modes with tokens."""
        if self._policy is not None:
            self._policy.metadata.register(app, paths)

    def security_schemes(self, version: str) -> tuple[Schemes, Requirement]:
        """Describe the protection for a document of version 2.0 (Swagger) or 3.x (OpenAPI)."""
        return security_schemes(self.settings, version)

    def refusals(self) -> Mapping[int, Refusal]:
        """Describe the answers of `check` in the active mode, by status."""
        return refusals(self.settings)

    def close(self) -> None:
        """Close the connections to the authorization server."""
        if self._policy is not None:
            self._policy.http.close()

    def _wanted(self, configured: tuple[str, ...], scopes: Iterable[str] | None) -> tuple[str, ...]:
        if scopes is None or self.settings.protection == "test":
            return configured
        return tuple(scopes)

"""Protector: the protection policy of Gluu's SCIM API, for the blueprint and for a host's routes.

A mode with tokens is a validator and a way to refuse; `bypass` is neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import TokenValidator
from flask import Flask, g, request
from werkzeug.exceptions import HTTPException

from ..model import Finding
from ..observe.meter import Meter
from ..settings.protection import ProtectionSettings
from ..settings.unsafe import check_protection
from . import openapi
from .bearer import CLAIMS_IN_G, PRESENTED, BearerProtector
from .caching import Clock
from .credentials import AuthenticatedClient, PatClient
from .discovery import ServerMetadata
from .doctor import ServerDoctor
from .guard import Guard, Refusal, Requirement, Schemes, client_address, required_scopes
from .http import HttpClient
from .introspection import FormCaller, IntrospectionValidator
from .jwks import Jwks
from .jwt import JwtValidator
from .resource_metadata import ResourceMetadata
from .responses import BearerRefusals, Refusals, UmaRefusals
from .uma import RptValidator, Tickets, UmaResource

LOOK_SECONDS = 1.0
"""A long answer has its token looked at so often, however many parts it has."""


class Protector(Guard):
    """Checks requests as `GLUU_CHANGES_PROTECTION` says: uma, oauth, test or bypass.

    Authlib's resource protector does the work, with one validator for the mode. One instance
    serves every thread of a process; what it learned about tokens is cached per process. The
    authorization server is not asked before the first request.

    Args:
        settings: The mode, the authorization server and the credentials.
        clock: Replaces the system's clocks in tests.

    Raises:
        ConfigurationError: The settings are incomplete or contradict each other.

    Attributes:
        settings: What it was made with.
    """

    def __init__(self, settings: ProtectionSettings, *, clock: Clock | None = None) -> None:
        settings.check()
        self.settings = settings
        self._clock = clock or Clock()
        self._policy = None
        if settings.protection != "bypass":
            self._policy = _PolicyBuilder(settings, self._clock).build()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, clock: Clock | None = None) -> Protector:
        """Return the protector that an application's config describes.

        Args:
            config: The `GLUU_CHANGES_*` keys, and Flask's `DEBUG` and `TESTING`.
            clock: Replaces the system's clocks in tests.

        Raises:
            ConfigurationError: Settings are missing, unknown or contradictory, or the mode is
                `bypass` without its second flag.
        """
        settings = ProtectionSettings.load(config)
        check_protection(settings, config)
        return cls(settings, clock=clock)

    def check(self, scopes: Iterable[str] | None = None) -> None:
        """Let the current request pass, or raise an HTTPException with the answer in it.

        Authlib's `current_token` holds the claims afterwards.

        Args:
            scopes: All of them must be granted; None: those that are configured. In mode `test`
                any active token will do.

        Raises:
            werkzeug.exceptions.HTTPException: The request is refused.
        """
        g.pop(CLAIMS_IN_G, None)
        g.pop(PRESENTED, None)
        if self._policy is None:
            return
        needed = self._needed(self._policy.scopes, scopes)
        try:
            self._policy.bearer.acquire_token(_all_of(needed))
        except OAuth2Error as error:
            answer = self._policy.refusals.answer(error, needed)
            # Without a code, so that neither Flask nor flask-smorest rewrites its headers.
            raise HTTPException(response=answer) from error

    def still_allowed(self) -> Callable[[], bool]:
        """Return what tells whether the token of the current request would still be accepted.

        What it tells may be a second older than `GLUU_CHANGES_TOKEN_CACHE_SECONDS`.
        """
        if self._policy is None:
            return super().still_allowed()
        validator, token = self._policy.bearer.parse_request_authorization(request)
        scopes, clock = _all_of(self._policy.scopes), self._clock
        next_look = clock.elapsed() + LOOK_SECONDS

        def is_allowed() -> bool:
            nonlocal next_look
            if clock.elapsed() < next_look:
                return True
            try:
                validator.validate_token(validator.authenticate_token(token), scopes, None)
            except OAuth2Error:
                return False
            next_look = clock.elapsed() + LOOK_SECONDS
            return True

        return is_allowed

    def caller(self) -> str:
        """Return the client of the accepted token and the request's address."""
        claims = g.get(CLAIMS_IN_G) or {}
        client = claims.get("client_id") or claims.get("sub") or ""
        return f"{client} {client_address()}".strip()

    def identity(self) -> tuple[str, str]:
        """Return the client and the subject of a token that the authorization server knows."""
        if self._policy is None:
            return "", ""
        claims = g.get(PRESENTED) or {}
        return str(claims.get("client_id") or ""), str(claims.get("sub") or "")

    def register(self, app: Flask, paths: Iterable[str]) -> None:
        """Serve the metadata of the protected resource (RFC 9728), in modes with tokens.

        Args:
            app: The application that serves the blueprint.
            paths: The URL paths of the protected operations.
        """
        if self._policy is not None:
            self._policy.metadata.register(app, paths)

    def security_schemes(self, version: str) -> tuple[Schemes, Requirement]:
        """Describe the protection for an API document.

        Args:
            version: 2.0 for Swagger, 3.x for OpenAPI.

        Returns:
            The security schemes by name, and the requirement that names the active one; both are
            empty under `bypass`.
        """
        return openapi.security_schemes(self.settings, version)

    def refusals(self) -> Mapping[int, Refusal]:
        """Describe the answers of `check` in the active mode for an API document.

        Returns:
            Refusals by HTTP status.
        """
        return openapi.refusals(self.settings)

    def count_with(self, meter: Meter) -> None:
        """Have a meter told of introspections, of tokens that are known, and of the server.

        Args:
            meter: Is told from any thread.
        """
        if self._policy is not None:
            self._policy.http.meter = meter
            self._policy.bearer.validator.count_with(meter)

    def connections(self) -> Mapping[str, tuple[int, int]]:
        """Return how many connections to the authorization server are idle, and in use."""
        if self._policy is None:
            return {}
        return {"authorization_server": self._policy.http.connections()}

    def close(self) -> None:
        """Close the connections to the authorization server."""
        if self._policy is not None:
            self._policy.http.close()

    def examine(self) -> Iterator[Finding]:
        """Yield what an operator should know about the authorization server, which is asked."""
        if self._policy is not None:
            yield from self._policy.doctor.examine()

    def _needed(self, configured: tuple[str, ...], scopes: Iterable[str] | None) -> tuple[str, ...]:
        if scopes is None:
            return configured
        named = required_scopes(scopes)
        return configured if self.settings.protection == "test" else named


def _all_of(scopes: tuple[str, ...]) -> list[str] | None:
    """Join scopes, because Authlib takes several for alternatives."""
    return [" ".join(scopes)] if scopes else None


@dataclass(frozen=True)
class _Policy:
    """What a mode with tokens consists of. scopes: what is needed unless a route says more."""

    bearer: BearerProtector
    refusals: Refusals
    scopes: tuple[str, ...]
    metadata: ResourceMetadata
    http: HttpClient
    doctor: ServerDoctor


class _PolicyBuilder:
    """Puts the policy of a mode together; what several modes share is here once."""

    def __init__(self, settings: ProtectionSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._http = HttpClient(
            connect_seconds=settings.issuer_connect_timeout,
            read_seconds=settings.issuer_read_timeout,
            ca_file=settings.issuer_ca_file,
            clock=clock,
        )
        self._server = ServerMetadata(settings, self._http, clock)

    def build(self) -> _Policy:
        """Return the policy of the mode in the settings."""
        return self._uma() if self._settings.protection == "uma" else self._oauth()

    def _oauth(self) -> _Policy:
        """Modes `oauth` and `test`, which differ in the scopes that are needed."""
        settings = self._settings
        scopes = settings.scope if settings.protection == "oauth" else ()
        metadata = ResourceMetadata(settings, scopes)
        refusals = BearerRefusals(settings, metadata.url)
        if settings.uses_jwt:
            jwks = Jwks(self._http, self._server, self._clock)
            validator: TokenValidator = JwtValidator(settings, jwks, self._clock)
            doctor = self._doctor(jwks=jwks)
        else:
            validator = IntrospectionValidator(settings, self._caller, self._server, self._clock)
            doctor = self._doctor(introspection=validator)
        return _Policy(BearerProtector(validator), refusals, scopes, metadata, self._http, doctor)

    def _uma(self) -> _Policy:
        settings, scopes = self._settings, self._settings.uma_scope
        resource = UmaResource(settings, self._pat, self._server, self._clock)
        validator = RptValidator(settings, self._caller, self._server, self._clock, resource)
        tickets = Tickets(self._pat, self._server, resource)
        refusals = UmaRefusals(settings, tickets, validator.limits)
        metadata = ResourceMetadata(settings, scopes)
        doctor = self._doctor(introspection=validator, resource=resource)
        return _Policy(BearerProtector(validator), refusals, scopes, metadata, self._http, doctor)

    def _doctor(self, **parts: Any) -> ServerDoctor:
        return ServerDoctor(self._settings, self._http, self._server, self._clock, **parts)

    @property
    def _caller(self) -> FormCaller:
        """What introspects: the client itself, or its PAT."""
        return self._pat if self._settings.introspects_with_pat else self._client

    @cached_property
    def _client(self) -> AuthenticatedClient:
        # Only when it is needed: JWTs are validated without credentials, so none need be set.
        return AuthenticatedClient(self._settings, self._http, self._server)

    @cached_property
    def _pat(self) -> PatClient:
        scope = self._settings.pat_scope
        return PatClient(self._client, self._http, self._server, scope, self._clock)

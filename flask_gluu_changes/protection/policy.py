"""Puts the parts of a mode together: one validator and one way to refuse."""

from __future__ import annotations

from dataclasses import dataclass

from authlib.oauth2.rfc6749 import TokenValidator

from .answers import BearerRefusals, Refusals, UmaRefusals
from .client_auth import ClientCredentials
from .clock import Clock
from .discovery import ServerMetadata
from .http import HttpClient
from .introspection import FormCaller, IntrospectionValidator
from .jwks import Jwks
from .jwt import JwtValidator
from .pat import PatClient
from .resource import UmaResource
from .resource_metadata import ResourceMetadata
from .settings import ProtectionSettings
from .uma import RptValidator, Tickets


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

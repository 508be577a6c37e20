"""Validation of tokens by introspection (RFC 7662), on Authlib's validator."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc7662 import IntrospectTokenValidator

from ..settings.protection import ProtectionSettings
from .caching import Clock
from .claims import Claims, as_texts, is_acceptable, is_in_force
from .discovery import ServerMetadata
from .http import Answer, AuthorizationServerUnavailable
from .token_cache import TokenCache

log = logging.getLogger(__name__)


class FormCaller(Protocol):
    """What posts a form with this server's own credential: as its client, or with its PAT."""

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """Send the form and return the answer."""


class IntrospectionValidator(IntrospectTokenValidator):  # type: ignore[misc]
    """Accepts a token that the server calls active, for as long as the cache may trust that.

    Authlib's validator looks at a truthy `active` and at scopes only; the rest is checked here.
    """

    hint = "access_token"

    def __init__(
        self,
        settings: ProtectionSettings,
        caller: FormCaller,
        metadata: ServerMetadata,
        clock: Clock,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._caller = caller
        self._metadata = metadata
        self._clock = clock
        self._cache = TokenCache(
            seconds=settings.token_cache_seconds,
            context=(
                settings.protection,
                settings.issuer,
                settings.introspection_endpoint,
                settings.client_id,
            ),
            clock=clock,
        )

    def introspect_token(self, token_string: str) -> Claims:
        """Return the claims of an acceptable token; no claims for any other."""
        return self._cache.get(token_string, lambda: self._ask(token_string))

    def validate_token(self, token: Claims, scopes: Sequence[str] | None, request: Any) -> None:
        """Raise Authlib's InvalidTokenError or InsufficientScopeError for what may not pass."""
        # The claims may come from the cache, and their times may have passed since.
        if token and not is_in_force(token, self._clock.now()):
            raise InvalidTokenError
        super().validate_token(token, scopes, request)

    def _ask(self, token: str) -> Claims:
        url = self._metadata.endpoint("introspection_endpoint")
        answer = self._caller.post(url, {"token": token, "token_type_hint": self.hint})
        claims = answer.object
        if answer.status != 200 or "active" not in claims:
            log.error("The introspection at %s gave no answer: status %s", url, answer.status)
            raise AuthorizationServerUnavailable
        return self._acceptable(claims)

    def _acceptable(self, claims: Claims) -> Claims:
        fits = claims["active"] is True and is_acceptable(
            claims,
            issuer=self._settings.issuer,
            audience=self._settings.audience,
            now=self._clock.now(),
        )
        return {**claims, "scope": _scopes(claims)} if fits else {}


def _scopes(claims: Claims) -> list[str]:
    """Split the scope; Gluu's server sends a JSON array where RFC 7662 has a text."""
    return [name for text in as_texts(claims.get("scope")) for name in text.split()]

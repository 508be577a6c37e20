"""Validation of tokens by introspection (RFC 7662), on Authlib's validator."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc7662 import IntrospectTokenValidator

from ..observe.meter import Meter
from ..settings.protection import ProtectionSettings
from .caching import Clock
from .claims import Claims, as_texts, is_in_force, objection
from .credentials import Form, explained
from .discovery import ServerMetadata
from .http import Answer, AuthorizationServerUnavailable
from .limits import AskingLimits
from .reasons import Reasons
from .token_cache import TokenCache

log = logging.getLogger(__name__)

NOBODY = "flask-gluu-changes asks whether the introspection answers"
"""Is asked about in place of a token that anybody may have sent."""


class FormCaller(Protocol):
    """What posts a form with this server's own credential: as its client, or with its PAT."""

    def post(self, url: str, form: Form, control: Form | None = None) -> Answer:
        """Send the form and return the answer; control: the same without what anybody has sent."""


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
        self.limits = AskingLimits(settings.issuer_connect_timeout, clock)
        self._reasons = Reasons(clock)
        self._meter = Meter()
        self._cache = TokenCache(seconds=settings.token_cache_seconds, clock=clock)

    def count_with(self, meter: Meter) -> None:
        """Have a meter told of each introspection, and of each token that is known."""
        self._meter = self._cache.meter = meter

    def introspect_token(self, token_string: str) -> Claims:
        """Return the claims of an acceptable token; no claims for any other."""
        return self._cache.get(token_string, lambda: self._limited(token_string))

    def validate_token(self, token: Claims, scopes: Sequence[str] | None, request: Any) -> None:
        """Raise Authlib's InvalidTokenError or InsufficientScopeError for what may not pass."""
        # The claims may come from the cache, and their times may have passed since.
        if token and not is_in_force(token, self._clock.now()):
            raise InvalidTokenError
        super().validate_token(token, scopes, request)

    def probe(self) -> Answer:
        """Ask about a text that is no token, to see whether the server answers this one."""
        return self._caller.post(self._endpoint(), self._form(NOBODY))

    def _limited(self, token: str) -> Claims:
        return self.limits.ask(token, lambda: self._counted(token))

    def _counted(self, token: str) -> Claims:
        try:
            claims = self._ask(token)
        except Exception:
            self._meter.introspected("failed")
            raise
        self._meter.introspected("active" if claims else "refused")
        return claims

    def _ask(self, token: str) -> Claims:
        url = self._endpoint()
        answer = self._caller.post(url, self._form(token), self._form(NOBODY))
        claims = answer.object
        if answer.status != 200 or "active" not in claims:
            log.error("The introspection at %s gave no answer: %s", url, explained(answer))
            raise AuthorizationServerUnavailable
        return self._acceptable(claims)

    def _endpoint(self) -> str:
        return self._metadata.endpoint("introspection_endpoint")

    def _form(self, token: str) -> Form:
        return {"token": token, "token_type_hint": self.hint}

    def _acceptable(self, claims: Claims) -> Claims:
        why = self._objection(claims)
        if why:
            self._reasons.tell(why)
        return {} if why else {**claims, "scope": _scopes(claims)}

    def _objection(self, claims: Claims) -> str:
        if claims["active"] is not True:
            return "the authorization server does not call it active"
        return objection(
            claims,
            issuer=self._settings.issuer,
            audience=self._settings.audience,
            now=self._clock.now(),
        )


def _scopes(claims: Claims) -> list[str]:
    """Split the scope; Gluu's server sends a JSON array where RFC 7662 has a text."""
    return [name for text in as_texts(claims.get("scope")) for name in text.split()]

"""Validation without asking: JWT access tokens (RFC 9068), on Authlib's validator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oauth2.rfc9068.claims import JWTAccessTokenClaims
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from .claims import LEEWAY, is_acceptable
from .clock import Clock
from .jwks import Jwks
from .settings import ProtectionSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric ones only: with them no public key can be taken for a shared secret."""

TYPES = ("at+jwt", "application/at+jwt")
ESSENTIAL = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")
"""What RFC 9068, section 2.2 requires."""


class JwtValidator(JWTBearerTokenValidator):  # type: ignore[misc]
    """Accepts a JWT that the issuer signed for this audience, and that says it is an access token.

    Authlib's validator leaves the algorithm to the library and accepts a missing `typ`.
    """

    def __init__(self, settings: ProtectionSettings, jwks: Jwks, clock: Clock) -> None:
        super().__init__(settings.issuer, settings.audience)
        self._jwks = jwks
        self._clock = clock

    def authenticate_token(self, token_string: str) -> JWTAccessTokenClaims:
        """Give the claims behind a good signature; InvalidTokenError for all else."""
        try:
            token = jwt.decode(token_string, self._key(token_string), algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError) as error:
            raise InvalidTokenError from error
        if str(token.header.get("typ")).lower() not in TYPES:
            raise InvalidTokenError
        return _Claims(token.claims, token.header, self._options())

    def validate_token(
        self, token: JWTAccessTokenClaims, scopes: Sequence[str] | None, request: Any
    ) -> None:
        """Raise Authlib's InvalidTokenError or InsufficientScopeError."""
        now = self._clock.now()
        if not is_acceptable(token, issuer=self.issuer, audience=self.resource_server, now=now):
            raise InvalidTokenError
        super().validate_token(token, scopes, request)

    def _key(self, token_string: str) -> Key:
        header = jws.extract_compact(token_string.encode()).headers()
        if header.get("alg") not in ALGORITHMS:
            raise InvalidTokenError
        key_id = header.get("kid")
        key = self._jwks.find(key_id if isinstance(key_id, str) else None)
        if key is None:
            raise InvalidTokenError
        return key

    def _options(self) -> dict[str, Any]:
        return {name: {"essential": True} for name in ESSENTIAL}


class _Claims(JWTAccessTokenClaims):  # type: ignore[misc]
    def validate(self, **_: Any) -> None:
        super().validate(leeway=int(LEEWAY))

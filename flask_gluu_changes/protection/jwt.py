"""Validation without asking: JWT access tokens (RFC 9068), on Authlib's validator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oauth2.rfc9068.claims import JWTAccessTokenClaims
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from .cache import TokenCache
from .claims import LEEWAY, Claims, is_acceptable
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

    Authlib's validator leaves the algorithm to the library and accepts a missing `typ`. What passed
    is remembered as long as the keys it passed with, and no longer than the cache's time; what did
    not is never remembered, since nobody has to be asked about it.
    """

    def __init__(self, settings: ProtectionSettings, jwks: Jwks, clock: Clock) -> None:
        super().__init__(settings.issuer, settings.audience)
        self._settings = settings
        self._jwks = jwks
        self._clock = clock
        self._validated_with: tuple[KeySet, TokenCache] | None = None

    def authenticate_token(self, token_string: str) -> JWTAccessTokenClaims | Claims:
        """Give the claims behind a good signature; InvalidTokenError for all else."""
        keys = self._jwks.held()
        if keys is None:
            return self._validated(token_string)
        return self._cache_of(keys).get(token_string, lambda: self._validated(token_string))

    def validate_token(self, token: Claims, scopes: Sequence[str] | None, request: Any) -> None:
        """Raise Authlib's InvalidTokenError or InsufficientScopeError.

        All but the scope was checked when the token was validated; since then only time has passed.
        """
        if token["exp"] <= self._clock.now():
            raise InvalidTokenError
        if self.scope_insufficient(token.get("scope", []), scopes):
            raise InsufficientScopeError

    def _cache_of(self, keys: KeySet) -> TokenCache:
        """Give the cache of a key set; a new set starts an empty one, so rotation is respected."""
        validated = self._validated_with
        if validated is None or validated[0] is not keys:
            validated = self._validated_with = (keys, self._new_cache())
        return validated[1]

    def _validated(self, token_string: str) -> JWTAccessTokenClaims:
        claims = self._decoded(token_string)
        now = self._clock.now()
        if not is_acceptable(claims, issuer=self.issuer, audience=self.resource_server, now=now):
            raise InvalidTokenError
        try:
            claims.validate()
        except JoseError as error:
            raise InvalidTokenError from error
        return claims

    def _decoded(self, token_string: str) -> JWTAccessTokenClaims:
        try:
            token = jwt.decode(token_string, self._key(token_string), algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError) as error:
            raise InvalidTokenError from error
        if str(token.header.get("typ")).lower() not in TYPES:
            raise InvalidTokenError
        return _Claims(token.claims, token.header, self._options())

    def _key(self, token_string: str) -> Key:
        header = jws.extract_compact(token_string.encode()).headers()
        if header.get("alg") not in ALGORITHMS:
            raise InvalidTokenError
        key_id = header.get("kid")
        key = self._jwks.find(key_id if isinstance(key_id, str) else None)
        if key is None:
            raise InvalidTokenError
        return key

    def _new_cache(self) -> TokenCache:
        settings = self._settings
        return TokenCache(
            seconds=settings.token_cache_seconds,
            context=(settings.protection or "", settings.issuer, settings.audience),
            clock=self._clock,
        )

    def _options(self) -> dict[str, Any]:
        return {name: {"essential": True} for name in ESSENTIAL}


class _Claims(JWTAccessTokenClaims):  # type: ignore[misc]
    def validate(self, **_: Any) -> None:
        super().validate(leeway=int(LEEWAY))

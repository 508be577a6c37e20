"""Validation of JWT access tokens without asking (RFC 9068), on Authlib's validator.

The authorization server's public keys are fetched when needed, and again when they are rotated.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oauth2.rfc9068.claims import JWTAccessTokenClaims
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key

from ..settings.protection import ProtectionSettings
from .caching import CachedValue, Clock
from .claims import LEEWAY, Claims, is_acceptable
from .discovery import ServerMetadata
from .http import AuthorizationServerUnavailable, HttpClient
from .token_cache import TokenCache

log = logging.getLogger(__name__)

TTL_SECONDS = 300.0
"""A withdrawn key is trusted at most so long."""

REFETCH_SECONDS = 5.0
"""Unknown key ids make the set be fetched again at most so often."""

ASYMMETRIC = ("RSA", "EC", "OKP")


class Jwks:
    """Gives the key for a key id, fetching the set anew when the id is unknown."""

    def __init__(self, http: HttpClient, metadata: ServerMetadata, clock: Clock) -> None:
        self._http = http
        self._metadata = metadata
        self._clock = clock
        self._asked_at = 0.0
        self._keys = CachedValue(self._fetch, clock)

    def held(self) -> KeySet | None:
        """Give the set that is trusted at this moment, if there is one; nothing is fetched."""
        return self._keys.held()

    def find(self, key_id: str | None) -> Key | None:
        """Give the key, or None. Without an id, the only key there is."""
        known = self._keys.get()
        key = _pick(known, key_id)
        if key is None and self._may_refetch():
            key = _pick(self._keys.renew(known), key_id)
        return key

    def _may_refetch(self) -> bool:
        return self._clock.elapsed() >= self._asked_at + REFETCH_SECONDS

    def _fetch(self) -> tuple[KeySet, float]:
        self._asked_at = self._clock.elapsed()
        url = self._metadata.endpoint("jwks_uri")
        answer = self._http.send("GET", url, {})
        keys = answer.object.get("keys")
        if answer.status != 200 or not isinstance(keys, list):
            log.error("There is no key set at %s: status %s", url, answer.status)
            raise AuthorizationServerUnavailable
        return KeySet([key for entry in keys for key in _signing_keys(entry)]), TTL_SECONDS


def _pick(keys: KeySet, key_id: str | None) -> Key | None:
    fitting = [key for key in keys.keys if key_id is None or key.kid == key_id]
    return fitting[0] if len(fitting) == 1 else None


def _signing_keys(entry: object) -> list[Key]:
    """Read one entry of a set; what is no public signature key of a known kind is left out."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return []
    try:
        return [import_key(entry)] if entry.get("kty") in ASYMMETRIC else []
    except (JoseError, ValueError, TypeError, KeyError):
        return []


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

"""Validation of JWT access tokens without asking (RFC 9068), on Authlib's validator.

The issuer's public keys are fetched when they are needed, and again when they are rotated.
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

from .. import forks
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
"""Unknown key ids make the key set be fetched again at most once in this time."""

ASYMMETRIC = ("RSA", "EC", "OKP")
"""Types of keys whose public half verifies (RFC 7518, section 6.1; RFC 8037, section 2)."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric ones only: with them no public key can be taken for a shared secret."""

TYPES = ("at+jwt", "application/at+jwt")
"""What the header's `typ` must be, in lower case (RFC 9068, section 4)."""

ESSENTIAL = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")
"""The claims that RFC 9068, section 2.2 requires."""


class Jwks:
    """The issuer's key set (RFC 7517), fetched anew when a key id is unknown."""

    def __init__(self, http: HttpClient, metadata: ServerMetadata, clock: Clock) -> None:
        self._http = http
        self._metadata = metadata
        self._clock = clock
        self._fetched_at = 0.0
        self._keys = CachedValue(self._fetch, clock)

    def held(self) -> KeySet | None:
        """Return the set that is trusted at this moment, if there is one; nothing is fetched."""
        return self._keys.held()

    def find(self, key_id: str | None) -> Key | None:
        """Return the key with an id, or None; without an id, the only key there is."""
        known = self._keys.get()
        key = _pick(known, key_id)
        if key is None and self._may_refetch():
            key = _pick(self._keys.renew(known), key_id)
        return key

    def _may_refetch(self) -> bool:
        return self._clock.elapsed() >= self._fetched_at + REFETCH_SECONDS

    def _fetch(self) -> tuple[KeySet, float]:
        # Before the call, so that a failing server is not asked for each unknown id either.
        self._fetched_at = self._clock.elapsed()
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
    """Read one entry of a key set; what is no public signature key of a known type is left out."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return []
    try:
        return [import_key(entry)] if entry.get("kty") in ASYMMETRIC else []
    except (JoseError, ValueError, TypeError, KeyError):
        return []


class JwtValidator(JWTBearerTokenValidator):  # type: ignore[misc]
    """Accepts a JWT that the issuer signed for this audience, and that says it is an access token.

    Authlib's validator leaves the algorithm to the library and accepts a missing `typ`. A token
    that passed is cached as long as the keys it passed with, and no longer than the cache's time;
    one that did not is never cached, since nobody has to be asked about it.
    """

    def __init__(self, settings: ProtectionSettings, jwks: Jwks, clock: Clock) -> None:
        super().__init__(settings.issuer, settings.audience)
        self._settings = settings
        self._jwks = jwks
        self._clock = clock
        self._lock = forks.new_lock()
        self._validated_with: tuple[KeySet, TokenCache] | None = None

    def authenticate_token(self, token_string: str) -> JWTAccessTokenClaims | Claims:
        """Return the claims of a token that passes, or raise InvalidTokenError."""
        keys = self._jwks.held()
        if keys is None:
            return self._validated(token_string)
        return self._cache_of(keys).get(token_string, lambda: self._validated(token_string))

    def validate_token(self, token: Claims, scopes: Sequence[str] | None, request: Any) -> None:
        """Raise Authlib's InvalidTokenError or InsufficientScopeError for what may not pass.

        All but the scope was checked when the token was validated; since then only time has passed.
        """
        if token["exp"] <= self._clock.now():
            raise InvalidTokenError
        if self.scope_insufficient(token.get("scope", []), scopes):
            raise InsufficientScopeError

    def _cache_of(self, keys: KeySet) -> TokenCache:
        """Return the cache of a key set; a new set starts an empty one, so that rotation counts."""
        validated = self._validated_with
        if validated is None or validated[0] is not keys:
            validated = self._start_cache(keys)
        return validated[1]

    def _start_cache(self, keys: KeySet) -> tuple[KeySet, TokenCache]:
        # One cache for all threads, or each would validate the same token by itself.
        with self._lock:
            if self._validated_with is None or self._validated_with[0] is not keys:
                self._validated_with = (keys, self._new_cache())
            return self._validated_with

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
        essential = {name: {"essential": True} for name in ESSENTIAL}
        return _Claims(token.claims, token.header, essential)

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
            context=(settings.protection, settings.issuer, settings.audience),
            clock=self._clock,
        )


class _Claims(JWTAccessTokenClaims):  # type: ignore[misc]
    """Claims whose validation allows this clock to be a little behind; Authlib's gets no leeway."""

    def validate(self, **_: Any) -> None:
        super().validate(leeway=int(LEEWAY))

"""Validation of JWT access tokens without asking (RFC 9068), on Authlib's validator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, NoReturn

from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oauth2.rfc9068.claims import JWTAccessTokenClaims
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from .. import forks
from ..observe.meter import Meter
from ..settings.protection import ProtectionSettings
from .bearer import MAX_TOKEN
from .caching import Clock
from .claims import LEEWAY, Claims, objection
from .jwks import ALGORITHMS, Jwks
from .reasons import Reasons
from .token_cache import TokenCache

REGISTRY = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
"""Unknown header parameters are ignored, unless they are critical (RFC 7515, section 4)."""

REGISTRY.max_header_length = MAX_TOKEN

TYPES = ("at+jwt", "application/at+jwt")
"""What the header's `typ` must be, in lower case (RFC 9068, section 4)."""

ESSENTIAL = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")
"""The claims that RFC 9068, section 2.2 requires."""


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
        self._reasons = Reasons(clock)
        self._meter = Meter()
        self._lock = forks.new_lock()
        self._validated_with: tuple[KeySet, TokenCache] | None = None

    def count_with(self, meter: Meter) -> None:
        """Have a meter told of each token that is known."""
        self._meter = meter

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
        why = objection(claims, issuer=self.issuer, audience=self.resource_server, now=now)
        if why:
            raise self._refused(why)
        try:
            claims.validate()
        except JoseError as error:
            raise self._refused(f"of its claims: {error.description}") from error
        return claims

    def _decoded(self, token_string: str) -> JWTAccessTokenClaims:
        key_id = self._key_id(token_string)
        for key in self._jwks.find(key_id):
            try:
                token = jwt.decode(token_string, key, registry=REGISTRY)
            except (JoseError, RecursionError, TypeError, ValueError):
                continue
            essential = {name: {"essential": True} for name in ESSENTIAL}
            return _Claims(token.claims, token.header, essential)
        raise self._refused("no key of the issuer has signed it")

    def _key_id(self, token_string: str) -> str | None:
        """Return the id of the key that a token names, before any key is looked for."""
        header = _header(token_string)
        key_id = header.get("kid")
        if header.get("alg") not in ALGORITHMS or not isinstance(key_id, (str, NoneType)):
            raise self._refused("it is no JWT with one of the algorithms")
        if str(header.get("typ")).lower() not in TYPES:
            raise self._refused("the typ of its header is not at+jwt")
        if "crit" in header:
            raise self._refused("its header has critical extensions")
        return key_id

    def _refused(self, why: str) -> InvalidTokenError:
        self._reasons.tell(why)
        return InvalidTokenError()

    def _new_cache(self) -> TokenCache:
        cache = TokenCache(seconds=self._settings.token_cache_seconds, clock=self._clock)
        cache.meter = self._meter
        return cache


def _header(token_string: str) -> Mapping[str, Any]:
    """Return the header of a JWT that is a JWS in its compact form; empty for all else."""
    try:
        token = jws.extract_compact(token_string.encode(), registry=REGISTRY)
        _check_json(urlsafe_b64decode(token.segments["header"]))
        _check_json(token.payload)
        header = token.headers()
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return header if isinstance(header, Mapping) else {}


def _check_json(octets: bytes) -> None:
    """Raise ValueError for what is no JSON in UTF-8, of which Python reads more (section 7.2)."""
    json.loads(octets.decode(), parse_constant=_refuse)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


class _Claims(JWTAccessTokenClaims):  # type: ignore[misc]
    """Claims whose validation allows this clock to be a little behind; Authlib's gets no leeway."""

    def validate(self, **_: Any) -> None:
        super().validate(leeway=int(LEEWAY))

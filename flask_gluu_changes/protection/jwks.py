"""The issuer's public keys, fetched when they are needed, and again when they are rotated."""

from __future__ import annotations

import logging

from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key

from ..oauth.keys import is_small
from .caching import CachedValue, Clock
from .discovery import ServerMetadata
from .http import AuthorizationServerUnavailable, HttpClient

log = logging.getLogger(__name__)

TTL_SECONDS = 300.0
"""A withdrawn key is trusted at most so long."""

REFETCH_SECONDS = 5.0
"""Unknown key ids make the key set be fetched again at most once in this time."""

KEY_TYPES = ("RSA", "EC")
"""Types of keys that the algorithms below use (RFC 7518, section 6.1)."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Asymmetric ones only: with them no public key can be taken for a shared secret."""


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

    def find(self, key_id: str | None) -> list[Key]:
        """Return the keys that may have signed: those with an id; without an id, all of them.

        Several may have one id, and which of them is meant is found by trying them (RFC 7515,
        appendix D; RFC 7517, section 4.5).
        """
        known = self._keys.get()
        keys = _with_id(known, key_id)
        if not keys and self._may_refetch():
            keys = _with_id(self._keys.renew(known), key_id)
        return keys

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
        found = [key for entry in keys for key in _signing_keys(entry)]
        if not found:
            log.error("The key set at %s has no key for %s", url, ", ".join(ALGORITHMS))
        return KeySet(found), TTL_SECONDS


def _with_id(keys: KeySet, key_id: str | None) -> list[Key]:
    return [key for key in keys.keys if key_id is None or key.kid == key_id]


def _signing_keys(entry: object) -> list[Key]:
    """Read one entry of a key set; what no signature may be verified with is left out."""
    if not isinstance(entry, dict) or entry.get("kty") not in KEY_TYPES:
        return []
    try:
        key = import_key(entry)
        key.check_use("sig")
        key.check_key_op("verify")
    except (JoseError, ValueError, TypeError, KeyError):
        return []
    return [] if is_small(key) else [key]

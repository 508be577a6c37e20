"""The authorization server's public keys, through their rotation."""

from __future__ import annotations

import logging

from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key

from .clock import Clock
from .discovery import ServerMetadata
from .errors import AuthorizationServerUnavailable
from .http import HttpClient
from .kept import Kept

log = logging.getLogger(__name__)

KEPT_SECONDS = 300.0
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
        self._keys = Kept(self._fetch, clock)

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
        return KeySet([key for entry in keys for key in _signing_keys(entry)]), KEPT_SECONDS


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

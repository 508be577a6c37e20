"""How this resource server authenticates itself: as its client, or with a protection API token.

Authlib's client authentication is made exact where it departs from the standards. With it the
protection API token (PAT) is fetched (UMA federated authorization, section 1.3).
"""

from __future__ import annotations

import base64
import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from ..errors import ConfigurationError
from ..settings.fields import PREFIX
from ..settings.protection import ProtectionSettings
from .caching import CachedValue, Clock
from .discovery import ServerMetadata
from .http import Answer, AuthorizationServerUnavailable, HttpClient

log = logging.getLogger(__name__)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}

ASSERTION_SECONDS = 60
"""Lifetime of a client assertion (RFC 7523)."""

DEFAULT_SECONDS = 60.0
"""Lifetime of a PAT that comes without `expires_in`."""

EARLY_SECONDS = 30.0
"""A PAT is renewed so long before its end, or after half its life if that is shorter."""

Key = RSAKey | ECKey | OKPKey

KEY_TYPES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RSA": RSAKey,
    "EC": ECKey,
    "OKP": OKPKey,
}
CURVE_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "Ed25519"}
"""The signature algorithm of each curve; a key of type RSA signs with RS256."""


class AuthenticatedClient:
    """Posts forms as the client of the settings, authenticated by the method of the settings."""

    def __init__(
        self, settings: ProtectionSettings, http: HttpClient, metadata: ServerMetadata
    ) -> None:
        self._http = http
        self._metadata = metadata
        self._client_id = settings.client_id
        self._method = settings.auth_method
        self._secret: str | Key = settings.client_secret
        if self._method == "private_key_jwt":
            self._secret = read_key(settings.client_key)

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """Send a form and return the answer, which may be the server's refusal."""
        auth = ClientAuth(self._client_id, self._secret, self._auth_method())
        _, headers, body = auth.prepare("POST", url, dict(FORM), urlencode(form))
        return self._http.send("POST", url, headers, body)

    def _auth_method(self) -> object:
        """Return a method of Authlib's by its name, or an own one in place of it."""
        if self._method == "private_key_jwt":
            return _PrivateKeyJwt(self._metadata.endpoint("token_endpoint"))
        return _client_secret_basic if self._method == "client_secret_basic" else self._method


def _client_secret_basic(
    auth: ClientAuth, _: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, dict[str, str], str]:
    """Percent-encode both parts first, as RFC 6749, section 2.3.1 asks and Authlib does not."""
    pair = f"{quote_plus(auth.client_id)}:{quote_plus(auth.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body


class _PrivateKeyJwt(PrivateKeyJWT):  # type: ignore[misc]
    """An assertion that lives a minute and names its key and algorithm (RFC 7523)."""

    def sign(self, auth: ClientAuth, token_endpoint: str) -> Any:
        key: Key = auth.client_secret
        header = {"kid": key.kid} if key.kid else {}
        return private_key_jwt_sign(
            key,
            client_id=auth.client_id,
            token_endpoint=token_endpoint,
            alg=_algorithm(key),
            header=header,
            expires_in=ASSERTION_SECONDS,
        )


def read_key(path: str) -> Key:
    """Read a private key from a JWK or PEM file.

    Raises:
        ConfigurationError: It cannot be read, is no key of a known type, or is a public key.
    """
    setting = f"{PREFIX}CLIENT_KEY"
    try:
        key = _parse(Path(path).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{setting} cannot be read: {error.strerror}: {path}") from error
    except (ValueError, KeyError, TypeError, JoseError) as error:
        raise ConfigurationError(f"{setting} is no JWK and no PEM key: {path}") from error
    if not key.is_private:
        raise ConfigurationError(f"{setting} holds a public key, not the private one: {path}")
    return key


def _parse(content: bytes) -> Key:
    """Read a key; the header of PKCS #8 in PEM names no type, so each is tried."""
    if content.lstrip().startswith(b"{"):
        jwk = json.loads(content)
        return KEY_TYPES[jwk["kty"]].import_key(jwk)
    for kind in KEY_TYPES.values():
        try:
            return kind.import_key(content)
        except (ValueError, TypeError, JoseError):
            continue
    raise ValueError("no key of a known type")


def _algorithm(key: Key) -> str:
    """Return the `alg` that a JWK states, or else the usual one of the key's type and curve."""
    stated = key.as_dict(private=False).get("alg")
    if isinstance(stated, str):
        return stated
    return "RS256" if isinstance(key, RSAKey) else CURVE_ALGORITHMS[key.curve_name]


class PatClient:
    """Makes calls with a PAT that all threads share; a 401 renews it once."""

    def __init__(
        self,
        client: AuthenticatedClient,
        http: HttpClient,
        metadata: ServerMetadata,
        scope: str,
        clock: Clock,
    ) -> None:
        self._client = client
        self._http = http
        self._metadata = metadata
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._pat = CachedValue(self._fetch, clock)

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """Send a form and return the answer."""
        return self._call("POST", url, FORM, urlencode(form))

    def post_json(self, url: str, body: Any) -> Answer:
        """Send JSON and return the answer."""
        return self._call("POST", url, JSON, json.dumps(body))

    def get(self, url: str) -> Answer:
        """Fetch a URL and return the answer."""
        return self._call("GET", url, {}, None)

    def _call(
        self, method: str, url: str, headers: Mapping[str, str], content: str | None
    ) -> Answer:
        pat = self._pat.get()
        answer = self._http.send(method, url, {**headers, **_bearer(pat)}, content)
        if answer.status != 401:
            return answer
        fresh = self._pat.renew(pat)
        return self._http.send(method, url, {**headers, **_bearer(fresh)}, content)

    def _fetch(self) -> tuple[str, float]:
        url = self._metadata.endpoint("token_endpoint")
        answer = self._client.post(url, self._form)
        pat = answer.object.get("access_token")
        if answer.status != 200 or not isinstance(pat, str) or not pat.isascii():
            log.error("The authorization server gave no PAT at %s: status %s", url, answer.status)
            raise AuthorizationServerUnavailable
        return pat, _useful_seconds(answer.object.get("expires_in"))


def _bearer(pat: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {pat}"}


def _useful_seconds(expires_in: object) -> float:
    """Return how long to use a PAT; servers send `expires_in` as a number or as a text."""
    try:
        seconds = float(str(expires_in))
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        seconds = DEFAULT_SECONDS
    return max(seconds - EARLY_SECONDS, seconds / 2)

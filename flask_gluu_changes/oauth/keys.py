"""Private keys with which a client proves to an authorization server who it is (RFC 7523)."""

from __future__ import annotations

import json
import logging
import secrets
import time
from pathlib import Path
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jwk import Key as AnyKey

from ..errors import ConfigurationError

log = logging.getLogger(__name__)

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""The value of `client_assertion_type` in a form (RFC 7523, section 2.2)."""

ASSERTION_SECONDS = 60
"""Lifetime of a client assertion."""

SMALLEST_RSA = 2048
"""Bits; a smaller key MUST NOT be used (RFC 7518, section 3.3)."""

Key = RSAKey | ECKey | OKPKey

KEY_TYPES: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RSA": RSAKey,
    "EC": ECKey,
    "OKP": OKPKey,
}
CURVE_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "Ed25519"}
"""The signature algorithm of each curve; a key of type RSA signs with RS256."""


def client_assertion(key: Key, client_id: str, audience: str) -> str:
    """Return a signed statement of a client's identity, which lives for a minute.

    Args:
        key: The private key of the client; its id is named where it has one.
        client_id: The name of the client at the authorization server.
        audience: The URL of the token endpoint.
    """
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": secrets.token_urlsafe()}
    lifetime = {"iat": now, "exp": now + ASSERTION_SECONDS}
    alg = _algorithm(key)
    header = {"alg": alg, **({"kid": key.kid} if key.kid else {})}
    return jwt.encode(header, {**claims, **lifetime}, key, algorithms=[alg])


def read_key(path: str, name: str) -> Key:
    """Read a private key from a JWK or PEM file.

    Args:
        path: The file.
        name: The setting or option that names the file, for messages.

    Raises:
        ConfigurationError: It cannot be read, is no key of a known type, or is a public key.
    """
    try:
        key = _parse(Path(path).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}: {path}") from error
    except (ValueError, KeyError, TypeError, JoseError) as error:
        raise ConfigurationError(f"{name} is no JWK and no PEM key: {path}") from error
    if not key.is_private:
        raise ConfigurationError(f"{name} holds a public key, not the private one: {path}")
    if is_small(key):
        raise ConfigurationError(f"{name} needs {SMALLEST_RSA} bits at least: {path}")
    try:
        jws.serialize_compact({"alg": _algorithm(key)}, b"", key, algorithms=[_algorithm(key)])
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{name} cannot sign as its alg says: {path}") from error
    return key


def is_small(key: AnyKey) -> bool:
    """Return whether a key is an RSA key that must not be used, and log it."""
    bits = key.public_key.key_size if isinstance(key, RSAKey) else SMALLEST_RSA
    if bits < SMALLEST_RSA:
        log.warning("An RSA key of %s bits is not used; %s are the least", bits, SMALLEST_RSA)
    return bits < SMALLEST_RSA


def _parse(content: bytes) -> Key:
    """Read a key; the header of PKCS #8 in PEM names no type, so each is tried."""
    if content.lstrip().startswith(b"{"):
        jwk: dict[str, Any] = json.loads(content)
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

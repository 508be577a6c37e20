"""A validator of JWTs, and an authorization server that publishes keys."""

from __future__ import annotations

import time
from typing import Any

import pytest
from authlib.oauth2.rfc6750 import InvalidTokenError
from joserfc import jwt
from joserfc.jwk import ECKey, Key

from flask_gluu_changes.protection.http import Answer
from flask_gluu_changes.protection.jwks import ALGORITHMS, Jwks
from flask_gluu_changes.protection.jwt import JwtValidator
from tests.support.scripted_server import (
    ISSUER,
    Call,
    ScriptedServer,
    StillClock,
    metadata_of,
    protection_settings,
)

AUDIENCE = "our-api"
KEY = ECKey.generate_key("P-256", {"kid": "k"})
OTHER = ECKey.generate_key("P-256", {"kid": "other"})


def public(key: Key, **more: Any) -> dict[str, Any]:
    """Return a key as a set publishes it."""
    return {**key.as_dict(private=False), **more}


class World:
    """A validator, and the key set that the authorization server publishes."""

    def __init__(self, *keys: Any, **settings: Any) -> None:
        self.keys: Any = [*keys]
        self.answer: Answer | None = None
        self.clock = StillClock()
        self.clock.wall = time.time()
        self.server = ScriptedServer(self._answer)
        chosen = {"protection": "oauth", "token_validation": "jwt", "audience": AUDIENCE}
        self.settings = protection_settings(**{**chosen, **settings})
        metadata = metadata_of(self.server, self.settings, self.clock)
        self.jwks = Jwks(self.server, metadata, self.clock)
        self.validator = JwtValidator(self.settings, self.jwks, self.clock)

    def _answer(self, call: Call) -> Answer:
        return self.answer or Answer(200, {"keys": self.keys})

    def fetched(self) -> int:
        """Count how often the key set was asked for."""
        assert {(call.method, call.path) for call in self.server.calls} <= {("GET", "/jwks")}
        return len(self.server.calls)

    def sign(self, key: Key = KEY, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Sign a token; claims of None are left out, headers of None too."""
        now = int(self.clock.wall)
        named = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "client_id": "c", "jti": "1"}
        said = {**named, "exp": now + 600, "iat": now - 60, "scope": "read list", **claims}
        head = {"alg": "ES256", "typ": "at+jwt", "kid": "k", **(header or {})}
        algorithms = [*ALGORITHMS, "HS256", "EdDSA"]
        return jwt.encode(
            {name: value for name, value in head.items() if value is not None},
            {name: value for name, value in said.items() if value is not None},
            key,
            algorithms=algorithms,
        )

    def passes(self, token: str, scopes: list[str] | None = None) -> bool:
        """Validate a token as a request does."""
        try:
            claims = self.validator.authenticate_token(token)
            self.validator.validate_token(claims, scopes, None)
        except InvalidTokenError:
            return False
        return True


@pytest.fixture
def world() -> World:
    """An authorization server with one key."""
    return World(public(KEY))

"""What is remembered of a JWT that passed, and what ends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from joserfc.jwk import Key

from flask_gluu_changes.protection import ProtectionSettings
from flask_gluu_changes.protection.discovery import ServerMetadata
from flask_gluu_changes.protection.http import HttpClient
from flask_gluu_changes.protection.jwks import Jwks
from flask_gluu_changes.protection.jwt import JwtValidator
from flask_gluu_changes.protection.token_cache import TokenCache
from tests.support.authorization_server import AuthorizationServer
from tests.support.protection import MovedClock, settings

from .test_token_cache import together

SCOPE = "https://gluu.org/scim/users.read"


class CountingJwks(Jwks):
    """Keys that count how often one was looked for: once for each validation."""

    found = 0

    def find(self, key_id: str | None) -> list[Key]:
        self.found += 1
        return super().find(key_id)


class Validation:
    """A validator that has its key set, and the parts that a test moves."""

    def __init__(self, server: AuthorizationServer, **more: Any) -> None:
        config = settings(server, "oauth", token_validation="jwt", audience="our-api", **more)
        loaded = ProtectionSettings.load(config)
        self.server, self.clock = server, MovedClock()
        self.http = HttpClient(connect_seconds=1, read_seconds=1, ca_file="", clock=self.clock)
        metadata = ServerMetadata(loaded, self.http, self.clock)
        self.keys = CountingJwks(self.http, metadata, self.clock)
        self.validator = JwtValidator(loaded, self.keys, self.clock)
        self.check(server.sign())
        self.keys.found = 0

    def check(self, token: str, scope: str = SCOPE) -> None:
        """Accept a token or raise."""
        claims = self.validator.authenticate_token(token)
        self.validator.validate_token(claims, [scope], None)


@pytest.fixture
def validation(server: AuthorizationServer) -> Iterator[Validation]:
    found = Validation(server)
    yield found
    found.http.close()


def test_a_token_that_passed_is_validated_again_after_the_cache_time(
    validation: Validation,
) -> None:
    """Its signature is not computed for every request, nor remembered for ever."""
    token = validation.server.sign()
    for ahead, found in ((0, 1), (29, 1), (31, 2)):
        validation.clock.ahead = ahead
        validation.check(token)
        assert validation.keys.found == found


def test_without_a_cache_every_request_validates(server: AuthorizationServer) -> None:
    """GLUU_CHANGES_TOKEN_CACHE_SECONDS=0 holds for JWTs as well."""
    validation = Validation(server, token_cache_seconds=0)
    token = server.sign()
    validation.check(token)
    validation.check(token)
    assert validation.keys.found == 2
    validation.http.close()


def test_a_remembered_token_expires_in_time(validation: Validation) -> None:
    """The expiry is looked at for every request, whatever the cache holds."""
    token = validation.server.sign(exp=time.time() + 10)
    validation.check(token)
    validation.clock.asleep = 11
    with pytest.raises(InvalidTokenError):
        validation.check(token)


def test_a_token_that_did_not_pass_is_not_remembered(validation: Validation) -> None:
    """Nobody has to be asked about it, so there is nothing to spare; the next key set may fit."""
    token = validation.server.sign(aud="other-api")
    for found in (1, 2):
        with pytest.raises(InvalidTokenError):
            validation.check(token)
        assert validation.keys.found == found


def test_the_scope_of_a_remembered_token_is_checked_each_time(validation: Validation) -> None:
    """A token that may read people may not do what another route needs."""
    token = validation.server.sign()
    validation.check(token)
    with pytest.raises(InsufficientScopeError):
        validation.check(token, "own.write")
    assert validation.keys.found == 1


def test_a_new_key_set_ends_what_the_old_one_said(validation: Validation) -> None:
    """A withdrawn key's tokens go with it, in the cache's time already."""
    before = validation.server.sign()
    validation.check(before)
    validation.server.rotate()
    validation.clock.ahead = 6
    validation.check(validation.server.sign())
    with pytest.raises(InvalidTokenError):
        validation.check(before)


def test_keys_that_are_too_old_end_what_they_said(validation: Validation) -> None:
    """Where the keys cannot be fetched again, nothing passes that they once signed."""
    token = validation.server.sign(exp=time.time() + 3600)
    validation.clock.ahead = 290
    validation.check(token)
    validation.server.faults["jwks"] = "500"
    validation.clock.ahead = 301
    with pytest.raises(Exception, match="temporarily_unavailable"):
        validation.check(token)


def test_8_threads_with_one_token_validate_it_once(validation: Validation) -> None:
    """Those that come meanwhile share the result."""
    token = validation.server.sign()
    together(8, lambda: validation.check(token))
    assert validation.keys.found == 1


def test_8_threads_share_the_cache_of_a_new_key_set(
    validation: Validation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would validate the token by itself with a cache of its own."""
    validator, keys = validation.validator, validation.keys.held()
    assert keys is not None
    make = validator._new_cache

    def make_slowly() -> TokenCache:
        time.sleep(0.05)
        return make()

    monkeypatch.setattr(validator, "_new_cache", make_slowly)
    caches = together(8, lambda: validator._cache_of(keys))
    assert [cache is caches[0] for cache in caches] == [True] * 8

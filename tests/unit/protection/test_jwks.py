"""The issuer's keys are fetched when they are needed, and of its set those count that can sign."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import pytest
from joserfc.jwk import Key, OKPKey, RSAKey

from flask_gluu_changes.protection.http import Answer, AuthorizationServerUnavailable
from tests.support.scripted_server import (
    ISSUER,
)

from .jwt_world import KEY, OTHER, World, public
from .jwt_world import world as world


def test_an_unknown_key_id_fetches_the_set_anew(world: World) -> None:
    """At most every five seconds, however many tokens ask for it."""
    rotated = world.sign(OTHER, header={"kid": "other"})
    assert world.passes(world.sign())
    world.keys = [public(OTHER)]
    world.clock.pass_by(4.9)
    assert (world.passes(rotated), world.fetched()) == (False, 1)
    world.clock.pass_by(0.1)
    assert (world.passes(rotated), world.fetched()) == (True, 2)
    assert (world.passes(world.sign(jti="2")), world.fetched()) == (False, 2)


def test_a_token_that_names_an_unknown_key_is_refused(world: World) -> None:
    """Although the only key there is signed it, before the set is fetched anew and after."""
    unknown = world.sign(header={"kid": "unknown"})
    assert not world.passes(unknown)
    world.clock.pass_by(5)
    assert not world.passes(unknown)
    assert world.fetched() == 2


def test_a_key_id_that_is_no_text_is_refused(world: World) -> None:
    """Nor does it have the set fetched anew."""
    head = json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": 7}).encode()
    token = ".".join([base64.urlsafe_b64encode(head).rstrip(b"=").decode(), "e30", "e30"])
    world.jwks.find("k")
    world.clock.pass_by(5)
    assert not world.passes(token)
    assert world.fetched() == 1


def test_a_process_that_has_just_started_may_fetch_anew() -> None:
    """Its clock may begin at zero."""
    world = World(public(KEY))
    world.clock.uptime = 0.0
    assert world.passes(world.sign())
    world.clock.pass_by(5)
    assert not world.passes(world.sign(OTHER, header={"kid": "other"}))
    assert world.fetched() == 2


def test_the_set_is_trusted_for_five_minutes(world: World) -> None:
    """A key that was withdrawn is refused from then on."""
    assert world.jwks.held() is None
    (key,) = world.jwks.find("k")
    world.keys = []
    world.clock.pass_by(299.9)
    assert world.jwks.find("k") == [key]
    held = world.jwks.held()
    assert held is not None
    assert [each.kid for each in held.keys] == ["k"]
    world.clock.pass_by(0.1)
    assert world.jwks.held() is None
    assert world.jwks.find("k") == []
    assert world.fetched() == 2


@pytest.mark.parametrize(
    "entry",
    [
        {"use": "enc"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "XX"},
        {"kty": None},
        {"crv": "P-999"},
        {"x": 1},
    ],
    ids=str,
)
def test_what_is_no_signature_key_is_left_out(entry: dict[str, Any]) -> None:
    """The others of the set count: without a key id the good one is the only one."""
    bad = {**public(OTHER), **entry}
    world = World(bad, "text", None, public(KEY, use="sig"))
    assert world.passes(world.sign(header={"kid": None}))


@pytest.mark.parametrize("missing", ["kty", "crv", "x"])
def test_a_key_without_a_part_is_left_out(missing: str) -> None:
    """And fails nothing."""
    bad = {name: value for name, value in public(OTHER).items() if name != missing}
    world = World(bad, public(KEY))
    assert world.passes(world.sign(header={"kid": None}))


def test_keys_of_each_asymmetric_kind_are_read() -> None:
    """Elliptic curves and RSA; those of other algorithms are left out."""
    kinds: list[Key] = [KEY, RSAKey.generate_key(2048, {"kid": "rsa"})]
    world = World(*map(public, [*kinds, OKPKey.generate_key("Ed25519", {"kid": "ed"})]))
    assert world.jwks.find("ed") == []
    for key in kinds:
        (found,) = world.jwks.find(key.kid)
        assert found.as_dict(private=False) == key.as_dict(private=False)


@pytest.mark.parametrize(
    "answer", [Answer(404, {"keys": []}), Answer(200, {"keys": {}}), Answer(200, None)]
)
def test_a_server_without_a_key_set(
    world: World, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can say whether a token is good; that it is bad is not said either."""
    world.answer = answer
    with pytest.raises(AuthorizationServerUnavailable):
        world.validator.authenticate_token(world.sign())
    text = f"There is no key set at {ISSUER}/jwks: status {answer.status}"
    assert caplog.record_tuples == [("flask_gluu_changes.protection.jwks", logging.ERROR, text)]

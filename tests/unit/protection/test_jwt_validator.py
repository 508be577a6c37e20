"""A JWT passes when a key of the issuer signed it, and all that it must say is there."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, OctKey, RSAKey

from tests.support.scripted_server import (
    ISSUER,
)

from .jwt_world import KEY, OTHER, World, public
from .jwt_world import world as world


def test_a_good_token_passes_with_its_claims(world: World) -> None:
    """The key set is fetched once."""
    claims = [world.validator.authenticate_token(world.sign(jti=str(i))) for i in range(3)]
    assert [(each["sub"], each["jti"]) for each in claims] == [("ann", str(i)) for i in range(3)]
    assert world.fetched() == 1


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "AT+JWT"])
def test_the_types_of_access_tokens(world: World, typ: str) -> None:
    """In any case, as media types are."""
    assert world.passes(world.sign(header={"typ": typ}))


@pytest.mark.parametrize("typ", [None, "JWT", "id+jwt", "at+jwtx", ""])
def test_another_type_is_no_access_token(world: World, typ: str | None) -> None:
    """Nor is none at all, which Authlib takes for one."""
    assert not world.passes(world.sign(header={"typ": typ}))


@pytest.mark.parametrize("name", ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])
def test_every_claim_of_the_standard_is_essential(world: World, name: str) -> None:
    """RFC 9068, section 2.2."""
    missing: dict[str, Any] = {name: None}
    assert not world.passes(world.sign(**missing))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"exp": 1},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"cnf": {"jkt": "x"}},
    ],
    ids=str,
)
def test_a_wrong_claim_refuses_the_token(world: World, claims: dict[str, Any]) -> None:
    """Although the signature is good."""
    assert not world.passes(world.sign(**claims))


def test_a_clock_a_little_ahead_is_forgiven(world: World) -> None:
    """Three seconds of it, for the beginning only."""
    soon = int(world.clock.wall) + 3
    assert world.passes(world.sign(nbf=soon, iat=soon))


def test_all_asymmetric_algorithms_are_accepted() -> None:
    """Those of RSA, and of the elliptic curves."""
    rsa = RSAKey.generate_key(2048, {"kid": "k"})
    curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
    keys: dict[str, Key] = {alg: ECKey.generate_key(c, {"kid": "k"}) for alg, c in curves.items()}
    keys |= dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), rsa)
    for alg, key in keys.items():
        world = World(public(key))
        assert world.passes(world.sign(key, header={"alg": alg})), alg


@pytest.mark.parametrize(("key", "alg"), [(OctKey.generate_key(256), "HS256")])
def test_other_algorithms_are_refused_before_any_key_is_fetched(key: Key, alg: str) -> None:
    """A public key is never taken for a shared secret."""
    world = World(public(KEY))
    assert not world.passes(world.sign(key, header={"alg": alg}))
    assert world.fetched() == 0


def test_the_algorithm_must_fit_the_key(world: World) -> None:
    """A header that names another one is refused."""
    assert not world.passes(world.sign(ECKey.generate_key("P-384"), header={"alg": "ES384"}))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.e30", "é.é.é"])
def test_what_is_no_jwt_is_refused(world: World, token: str) -> None:
    """No exception but the one for an invalid token."""
    assert not world.passes(token)


def test_a_signature_by_another_key_is_refused(world: World) -> None:
    """Even if it names ours."""
    assert not world.passes(world.sign(OTHER))


def test_without_a_key_id_each_key_is_tried(world: World) -> None:
    """RFC 7515, appendix D; one that nobody knows is refused all the same."""
    unnamed = {"kid": None}
    assert world.passes(world.sign(header=unnamed))
    several = World(public(KEY), public(OTHER))
    assert several.passes(several.sign(header=unnamed))
    assert several.passes(several.sign(OTHER, header=unnamed))
    stranger = ECKey.generate_key("P-256")
    assert not several.passes(several.sign(stranger, header=unnamed))


def test_keys_that_share_an_id_are_told_apart() -> None:
    """By type, algorithm and use, or by trying them (RFC 7517, section 4.5)."""
    rsa = [RSAKey.generate_key(2048, {"kid": "k"}) for _ in range(2)]
    keys = [
        public(rsa[0], alg="RS256"),
        public(rsa[1], alg="PS256"),
        public(KEY),
        public(OTHER, kid="k"),
    ]
    world = World(*keys)
    assert world.passes(world.sign(rsa[0], header={"alg": "RS256"}))
    assert world.passes(world.sign(rsa[1], header={"alg": "PS256"}))
    assert world.passes(world.sign(KEY))
    assert world.passes(world.sign(OTHER))
    assert not world.passes(world.sign(rsa[0], header={"alg": "PS256"}))
    assert not world.passes(world.sign(rsa[1], header={"alg": "RS256"}))


def test_a_key_that_is_listed_twice_is_one() -> None:
    """Good tokens pass."""
    world = World(public(KEY), public(KEY), public(KEY, use="enc"), public(OTHER))
    assert world.passes(world.sign())


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_small_rsa_key_verifies_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """RFC 7518, section 3.3; the operator is told."""
    small = RSAKey.generate_key(1024, {"kid": "k"})
    world = World(public(small))
    assert not world.passes(world.sign(small, header={"alg": "RS256"}))
    assert "An RSA key of 1024 bits is not used; 2048 are the least" in caplog.text
    assert f"The key set at {ISSUER}/jwks has no key for RS256, RS384, RS512" in caplog.text


@pytest.mark.parametrize("extra", [{"x5c": ["a" * 3000]}, {"nonce": "x"}, {"app": 1}])
def test_header_parameters_that_nobody_knows_are_ignored(
    world: World, extra: dict[str, Any]
) -> None:
    """RFC 7515, section 4."""
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    token = jwt.encode(
        {"alg": "ES256", "typ": "at+jwt", "kid": "k", **extra},
        json.loads(base64.urlsafe_b64decode(world.sign().split(".")[1] + "==")),
        KEY,
        registry=registry,
    )
    assert world.passes(token)


@pytest.mark.parametrize("crit", [["b64"], ["exp"], [], "b64", None])
def test_critical_extensions_refuse(world: World, crit: object) -> None:
    """Even those that a library knows (RFC 7515, section 4.1.11; RFC 7797, section 7)."""
    assert not world.passes(_resigned(world, {"crit": crit, "b64": True, "exp": 1}))


@pytest.mark.parametrize("header", [["alg"], "alg", 7, None, {"alg": ["ES256"]}], ids=str)
def test_a_header_that_is_no_object_refuses(world: World, header: object) -> None:
    """And fails nothing."""
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    assert not world.passes(f"{head}.e30.e30")


@pytest.mark.parametrize("strange", ["utf-16", "utf-8-sig", "nan"])
@pytest.mark.parametrize("part", [0, 1])
def test_header_and_claims_are_json_in_utf_8(world: World, part: int, strange: str) -> None:
    """RFC 7519, section 7.2; Python reads more."""
    texts = [base64.urlsafe_b64decode(p + "==").decode() for p in world.sign().split(".")[:2]]
    assert world.passes(_signed(*(text.encode() for text in texts)))
    octets = [text.encode() for text in texts]
    if strange == "nan":
        octets[part] = octets[part][:-1] + b',"x":NaN}'
    else:
        octets[part] = texts[part].encode(strange)
    assert not world.passes(_signed(*octets))


def test_a_header_as_deep_as_a_token_refuses(world: World) -> None:
    """The reader of JSON gives up, and the token with it."""
    head = base64.urlsafe_b64encode(b"[" * 6000).rstrip(b"=").decode()
    assert not world.passes(f"{head}.e30.e30")


@pytest.mark.parametrize(
    "value",
    [10**400, -(10**400), 1e308, 2**53, -(2**53)],
    ids=["10**400", "-(10**400)", "1e308", "2**53", "-(2**53)"],
)
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_numbers_out_of_range_are_no_times(world: World, name: str, value: float) -> None:
    """They are refused, and overflow nothing."""
    changed: dict[str, Any] = {name: value}
    assert not world.passes(world.sign(**changed))


@pytest.mark.parametrize("typ", ["Refresh", "ID", "JWT", 7, ["Bearer"]], ids=str)
def test_the_claim_typ_must_be_an_access_tokens(world: World, typ: object) -> None:
    """Keycloak signs its other tokens with the same keys."""
    assert world.passes(world.sign(typ="Bearer"))
    assert not world.passes(world.sign(typ=typ))


def test_the_log_says_why(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """To the operator, in words that are always the same."""
    refused = {
        "it is no JWT with one of the algorithms": "a.b.c",
        "the typ of its header is not at+jwt": world.sign(header={"typ": "JWT"}),
        "its header has critical extensions": _resigned(world, {"crit": ["exp"], "exp": 1}),
        "no key of the issuer has signed it": world.sign(OTHER),
        "its aud does not hold GLUU_CHANGES_AUDIENCE": world.sign(aud="other"),
        "of its claims: Missing claim: 'jti'": world.sign(jti=None),
    }
    for token in refused.values():
        assert not world.passes(token)
    assert caplog.messages == [f"A token was refused: {why}" for why in refused]


def _resigned(world: World, header: dict[str, Any]) -> str:
    """Sign the claims of a good token under a header that the library would not write."""
    head = json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": "k", **header}).encode()
    return _signed(head, base64.urlsafe_b64decode(world.sign().split(".")[1] + "=="))


def _signed(*octets: bytes) -> str:
    """Sign a header and a payload as they are."""
    signing = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in octets)
    signature = jws.JWSRegistry.algorithms["ES256"].sign(signing, KEY)
    return (signing + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_scopes_that_are_wanted_must_be_granted(world: World) -> None:
    """All of one text; none are wanted in mode `test`."""
    claims = world.validator.authenticate_token(world.sign(scope="read list"))
    for wanted in (["read"], ["read list"], [], None):
        world.validator.validate_token(claims, wanted, None)
    for wanted in (["write"], ["read write"]):
        with pytest.raises(InsufficientScopeError):
            world.validator.validate_token(claims, wanted, None)


def test_a_token_without_scope_grants_none(world: World) -> None:
    """It passes where none is wanted."""
    claims = world.validator.authenticate_token(world.sign(scope=None))
    world.validator.validate_token(claims, [], None)
    with pytest.raises(InsufficientScopeError):
        world.validator.validate_token(claims, ["read"], None)


def test_a_token_ends_with_its_expiry_although_it_is_remembered(world: World) -> None:
    """At the very second, by the clock of this server."""
    token = world.sign(exp=int(world.clock.wall) + 5)
    claims = world.validator.authenticate_token(token)
    world.clock.wall = claims["exp"] - 0.001
    world.validator.validate_token(claims, None, None)
    world.clock.wall = claims["exp"]
    with pytest.raises(InvalidTokenError):
        world.validator.validate_token(claims, None, None)


def _remembered(world: World, token: str) -> bool:
    """Tell whether a token that was validated before is validated again."""
    first = world.validator.authenticate_token(token)
    return world.validator.authenticate_token(token) is first


def test_what_passed_is_remembered_from_the_second_token_on(world: World) -> None:
    """The first one fetched the keys that the others are remembered with."""
    first, second = world.sign(jti="1"), world.sign(jti="2")
    assert not _remembered(world, first)
    assert _remembered(world, first)
    assert _remembered(world, second)


def test_what_passed_is_forgotten_with_the_cache_time() -> None:
    """And never remembered where it is zero."""
    world = World(public(KEY), token_cache_seconds=3.0)
    token = world.sign()
    world.jwks.find("k")
    first = world.validator.authenticate_token(token)
    world.clock.pass_by(2.9)
    assert world.validator.authenticate_token(token) is first
    world.clock.pass_by(0.1)
    assert world.validator.authenticate_token(token) is not first
    never = World(public(KEY), token_cache_seconds=0.0)
    never.jwks.find("k")
    assert not _remembered(never, never.sign())


def test_what_passed_is_forgotten_with_its_keys(world: World) -> None:
    """A token that was signed by a withdrawn key does not outlive it."""
    token = world.sign()
    world.jwks.find("k")
    assert _remembered(world, token)
    world.keys = [public(OTHER)]
    world.clock.pass_by(10)
    assert world.passes(world.sign(OTHER, header={"kid": "other"}))
    assert not world.passes(token)


def test_what_did_not_pass_is_not_remembered(world: World) -> None:
    """It may be good in a moment."""
    world.jwks.find("k")
    token = world.sign(nbf=int(world.clock.wall) - 50)
    world.clock.wall -= 100
    assert not world.passes(token)
    world.clock.wall += 100
    assert world.passes(token)


def test_threads_that_find_new_keys_at_once_share_one_cache(world: World) -> None:
    """Or each would validate the same token by itself."""
    world.jwks.find("k")
    keys = world.jwks.held()
    assert keys is not None
    caches = [world.validator._start_cache(keys) for _ in range(2)]
    assert caches[0] is caches[1] is world.validator._start_cache(keys)
    assert caches[0][1] is world.validator._cache_of(keys)

"""Whatever an authorization server answers: a request is refused or passes, and never fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from tests.support.authorization_server import KEYS
from tests.support.scripted_server import ISSUER

from .authorization import OctetServer, check, protector, response
from .budget import fuzzed
from .octets import ANYTHING, TEXTS, altered, json_octets, mangled, to_json
from .test_bearer_tokens import BEGIN, claims, signed

STATUSES = st.sampled_from([200, 200, 200, 200, 201, 204, 302, 400, 401, 404, 409, 500])
HEADERS = st.sampled_from(
    [
        b"Content-Type: application/json",
        b"Content-Type: text/html; charset=\x7f",
        b"Content-Encoding: gzip",
        b"Date: Wed, 21 Oct 2015 07:28:00 GMT",
        b"Date: Thu, 99 Zzz 999999999999 99:99:99 GMT",
        b"Date: \xff",
        b"Transfer-Encoding: chunked",
        b"Retry-After: soon",
    ]
)
ENDPOINTS = {
    name: f"{ISSUER}/{name}"
    for name in (
        "token_endpoint",
        "introspection_endpoint",
        "jwks_uri",
        "permission_endpoint",
        "resource_registration_endpoint",
    )
}
METADATA = {"issuer": ISSUER, **ENDPOINTS}
DISCOVERED = dict.fromkeys(ENDPOINTS, "")


def active() -> dict[str, Any]:
    """Give the answer for a good token."""
    permission = {"resource_id": "r", "resource_scopes": ["read"], "exp": BEGIN + 100_000}
    return {"active": True, **claims(), "permissions": [permission]}


def bodies(whole: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Write an answer, altered and broken."""
    return json_octets(whole | ANYTHING) | st.binary(max_size=50)


def objects(whole: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Give an object with odd members."""
    return st.just(whole) | altered(whole)


JWK = KEYS[0].as_dict(private=False)
JWKS = st.lists(
    objects(JWK)
    | ANYTHING
    | st.fixed_dictionaries(
        {"kty": st.sampled_from(["RSA", "EC", "OKP", "oct", "rsa"]), "kid": st.just(KEYS[0].kid)},
        optional={
            **{n: TEXTS | st.just(str(JWK.get(n, "AQAB"))) for n in ("n", "e", "x", "y")},
            "crv": st.sampled_from(["P-256", "P-521", "Ed25519", "X448", "secp256k1", "none"]),
            "alg": st.sampled_from(["RS256", "ES256", "none", 1]),
            "key_ops": ANYTHING,
            "use": st.sampled_from(["sig", "enc", 1]),
            "x5c": ANYTHING,
        },
    ),
    max_size=3,
)
ANSWERS: Mapping[str, st.SearchStrategy[bytes]] = {
    "/.well-known/oauth-authorization-server": bodies(objects(METADATA)),
    "/.well-known/uma2-configuration": bodies(objects(METADATA)),
    "/introspection_endpoint": bodies(st.builds(active).flatmap(objects)),
    "/jwks_uri": bodies(JWKS.map(lambda keys: {"keys": keys}) | objects({"keys": [JWK]})),
    "/token_endpoint": bodies(objects({"access_token": "pat", "expires_in": 300})),
    "/resource_registration_endpoint": bodies(st.lists(TEXTS | st.just("r") | ANYTHING)),
    "/resource_registration_endpoint/r": bodies(
        objects({"name": "Gluu resource changes", "resource_scopes": ["read"]})
    ),
    "/permission_endpoint": bodies(objects({"ticket": "abc"})),
}
GOOD: Mapping[str, Any] = {
    "/.well-known/oauth-authorization-server": METADATA,
    "/.well-known/uma2-configuration": METADATA,
    "/jwks_uri": {"keys": [JWK]},
    "/token_endpoint": {"access_token": "pat", "expires_in": 300},
    "/resource_registration_endpoint": ["r"],
    "/resource_registration_endpoint/r": {
        "name": "Gluu resource changes",
        "resource_scopes": ["read"],
    },
    "/permission_endpoint": {"ticket": "abc"},
}
MODES: Mapping[str, Mapping[str, Any]] = {
    "introspection": {"protection": "oauth", "scope": ("read",)},
    "jwt": {
        "protection": "oauth",
        "token_validation": "jwt",
        "audience": "api",
        "scope": ("read",),
    },
    "uma": {"protection": "uma"},
    "uma, its resource set": {"protection": "uma", "uma_resource_id": "r"},
}
FEWER = {"/introspection_endpoint", "/jwks_uri", "/token_endpoint"}


def answers_of(odd: str | None, data: st.DataObject, asked: list[str]) -> Any:
    """Answer as a good server does, but for one endpoint (None: for all)."""

    def respond(path: str) -> bytes:
        asked.append(path)
        assert len(asked) < 40, asked
        if path not in ANSWERS or (odd is not None and path != odd):
            return response(200, to_json(GOOD.get(path, active())))
        status, body = data.draw(STATUSES), data.draw(ANSWERS[path])
        whole = response(status, body, b"Connection: close", data.draw(HEADERS))
        return data.draw(st.just(whole) | mangled(st.just(whole)))

    return respond


@fuzzed
@given(
    mode=st.sampled_from([*MODES]),
    odd=st.sampled_from([None, *ANSWERS]),
    with_token=st.sampled_from([True, True, True, False]),
    data=st.data(),
)
def test_answers(app: Flask, mode: str, odd: str | None, with_token: bool, data: Any) -> None:
    """Of each endpoint alone, and of all at once."""
    asked: list[str] = []
    server = OctetServer(answers_of(odd, data, asked))
    guard = protector(server, **{**DISCOVERED, **MODES[mode]})
    token = signed(to_json(claims())) if mode == "jwt" else b"opaque"
    for _ in range(2):
        status = check(app, guard, b"Bearer " + token if with_token else b"")
        assert status in {200, 401, 403, 503}
        assert with_token or status != 200
    if odd is not None and odd not in asked:
        assert status in {200, 401}
    guard.close()


@fuzzed
@given(bodies(st.builds(active).flatmap(objects)))
def test_what_lets_a_token_pass(app: Flask, body: bytes) -> None:
    """Nothing but JSON that calls it active, in so many words."""
    server = OctetServer(
        lambda path: response(200, body if "introspection" in path else to_json(METADATA))
    )
    guard = protector(server, protection="oauth", scope=("read",), **DISCOVERED)
    if check(app, guard, b"Bearer opaque") == 200:
        assert json.loads(body)["active"] is True

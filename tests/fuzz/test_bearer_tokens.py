"""Whatever stands in the Authorization header: it passes, or is refused, and never a failure."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from werkzeug.exceptions import HTTPException

from flask_gluu_changes.protection import Protector
from flask_gluu_changes.protection.http import Answer
from tests.support.authorization_server import KEYS
from tests.support.scripted_server import ISSUER

from .authorization import answering, check, protector
from .budget import fuzzed
from .octets import altered, json_octets, mangled, to_json

KEY = KEYS[0]
BEGIN = int(time.time())
HEADER = {"alg": "RS256", "typ": "at+jwt", "kid": KEY.kid}


def claims() -> dict[str, Any]:
    """Give the claims of a token that is good."""
    names = dict.fromkeys(("sub", "client_id", "jti"), "caller")
    times = {"iat": BEGIN, "exp": BEGIN + 100_000, "nbf": BEGIN}
    return {"iss": ISSUER, "aud": "api", "scope": "read", **names, **times}


def plain(octets: bytes) -> bytes:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def signed(payload: bytes, header: bytes = to_json(HEADER)) -> bytes:
    """Sign octets, be they claims or not, behind others, be they a header or not."""
    text = plain(header) + b"." + plain(payload)
    key = KEY.private_key
    assert isinstance(key, RSAPrivateKey)
    return text + b"." + plain(key.sign(text, PKCS1v15(), SHA256()))


HEADERS = altered(HEADER) | altered(HEADER).map(lambda other: {**other, "alg": "RS256"})
GOOD = st.builds(claims)
CLAIMS = st.builds(claims).flatmap(altered)
SIGNED = st.builds(signed, json_octets(CLAIMS | GOOD))
UNSIGNED = st.builds(
    lambda *parts: b".".join(map(plain, parts)),
    json_octets(altered(HEADER)),
    json_octets(CLAIMS),
    st.binary(max_size=300),
)
TOKENS = SIGNED | UNSIGNED | mangled(SIGNED) | mangled(UNSIGNED)
AUTHORIZATION = st.one_of(
    TOKENS.map(lambda token: b"Bearer " + token),
    mangled(SIGNED.map(lambda token: b"Bearer " + token)),
    mangled(st.just(b"Bearer abc, Bearer def")),
    mangled(st.just(b"Basic YTpi")),
)


@pytest.fixture(scope="module")
def by_jwt() -> Protector:
    """A protector that validates tokens by the issuer's keys."""
    keys = {"keys": [KEY.as_dict(private=False)]}
    return protector(
        answering(lambda call: Answer(200, keys)),
        protection="oauth",
        token_validation="jwt",
        audience="api",
        scope=("read",),
    )


@fuzzed
@given(AUTHORIZATION)
def test_signed_tokens(app: Flask, by_jwt: Protector, header: bytes) -> None:
    """Only who has the issuer's signature, and claims that are right, passes."""
    status = check(app, by_jwt, header)
    assert status in {200, 400, 401, 403}
    if status == 200:
        jws.deserialize_compact(header.split()[-1], KEY, algorithms=["RS256"])


@fuzzed
@given(st.builds(signed, GOOD.map(to_json), json_octets(HEADERS)))
def test_headers_of_tokens(app: Flask, by_jwt: Protector, token: bytes) -> None:
    """With a good signature, and odd things beside `alg`."""
    assert check(app, by_jwt, b"Bearer " + token) in {200, 400, 401, 403}


@fuzzed
@given(AUTHORIZATION)
def test_opaque_tokens(app: Flask, header: bytes) -> None:
    """The server that calls nothing active lets nobody pass."""
    http = answering(lambda call: Answer(200, {"active": False}))
    opaque = protector(http, protection="oauth", scope=("read",))
    assert check(app, opaque, header) in {400, 401}


def test_a_good_token_passes(app: Flask, by_jwt: Protector) -> None:
    """Else the tests above would hold by refusing everything."""
    assert check(app, by_jwt, b"Bearer " + signed(to_json(claims()))) == 200
    with pytest.raises(HTTPException), app.test_request_context():
        by_jwt.check()

"""What a JWT access token must be before it passes."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import RSAKey

from tests.support.protection import MakeSite, Site


@pytest.fixture
def site(make_site: MakeSite, host: str) -> Site:
    return make_site(
        "oauth",
        host,
        token_validation="jwt",
        audience="our-api",
        client_id=None,
        client_secret=None,
    )


def test_a_good_token_passes_without_asking(site: Site) -> None:
    assert site.get(site.server.sign()).status_code == 200
    assert site.get(site.server.sign({"typ": "application/at+jwt"})).status_code == 200
    assert (site.server.calls["introspect"], site.server.calls["jwks"]) == (0, 1)


def test_mode_test_takes_any_scope(make_site: MakeSite) -> None:
    site = make_site("test", token_validation="jwt", audience="our-api")
    assert site.get(site.server.sign(scope="x")).status_code == 200


def test_a_missing_scope_is_forbidden(site: Site) -> None:
    assert (
        site.get(site.server.sign(scope="https://gluu.org/scim/users.readwrite")).status_code == 403
    )
    assert site.get(site.server.sign(scope=None)).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["x"]},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "4000000000"},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"iat": None},
        {"jti": None},
        {"sub": None},
        {"client_id": None},
        {"client_id": 7},
        {"scope": 7},
        {"cnf": {"jkt": "x"}},
    ],
    ids=str,
)
def test_a_wrong_claim_is_a_dead_token(site: Site, claims: dict[str, Any]) -> None:
    response = site.get(site.server.sign(**claims))
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("typ", [None, "JWT", "id+jwt", "at+jwtx"])
def test_another_type_is_no_access_token(site: Site, typ: str | None) -> None:
    assert site.get(site.server.sign({"typ": typ})).status_code == 401


def test_a_clock_a_little_ahead_is_forgiven_for_the_start_only(site: Site) -> None:
    soon = time.time() + 3
    assert site.get(site.server.sign(nbf=soon, iat=soon)).status_code == 200
    assert site.get(site.server.sign(exp=time.time() - 1)).status_code == 401


def test_no_algorithm_is_no_signature(site: Site) -> None:
    payload = site.server.sign().split(".")[1]
    for alg in ("none", "None", "NONE"):
        header = json.dumps({"alg": alg, "typ": "at+jwt", "kid": "key-0"}).encode()
        assert site.get(f"{_base64(header)}.{payload}.").status_code == 401


def test_a_public_key_is_no_shared_secret(site: Site) -> None:
    public = site.server.keys[0].as_pem(private=False)
    payload = site.server.sign().split(".")[1]
    header = _base64(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": "key-0"}).encode())
    mac = hmac.digest(public, f"{header}.{payload}".encode(), "sha256")
    assert site.get(f"{header}.{payload}.{_base64(mac)}").status_code == 401


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS256", "PS384"])
def test_every_asymmetric_algorithm_of_the_key_is_fine(site: Site, alg: str) -> None:
    assert site.get(site.server.sign({"alg": alg})).status_code == 200


def test_another_algorithm_is_refused_before_keys_are_looked_for(site: Site) -> None:
    header = _base64(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": "unknown"}).encode())
    assert site.get(f"{header}.e30.e30").status_code == 401
    assert site.server.calls["jwks"] == 0


def test_a_key_in_the_header_is_not_believed(site: Site) -> None:
    theirs = RSAKey.generate_key(2048, {"kid": "key-0"})
    claims = json.loads(jws.extract_compact(site.server.sign().encode()).payload)
    for extra in ({}, {"jwk": theirs.as_dict(private=False)}, {"jku": "http://127.0.0.1:1/jwks"}):
        header = {"alg": "RS256", "typ": "at+jwt", "kid": "key-0", **extra}
        forged = jwt.encode(header, claims, theirs)
        assert site.get(forged).status_code == 401


@pytest.mark.parametrize(
    "token", ["a.b.c", "....", "e30.e30.e30", "x" * 600 + ".y.z", "eyJhbGciOjF9.e30.x"]
)
def test_garbage_is_a_dead_token(site: Site, token: str) -> None:
    assert site.get(token).status_code == 401


def test_a_tampered_payload_is_a_dead_token(site: Site) -> None:
    head, _, signature = site.server.sign().split(".")
    other = site.server.sign(scope="all").split(".")[1]
    assert site.get(f"{head}.{other}.{signature}").status_code == 401


def test_a_token_without_key_id_uses_the_only_key(site: Site) -> None:
    assert site.get(site.server.sign({"kid": None})).status_code == 200


def test_rotation_is_followed(site: Site) -> None:
    before = site.server.sign()
    assert [site.get(before).status_code for _ in range(3)] == [200] * 3
    site.server.rotate()
    site.clock.ahead = 6
    assert site.get(site.server.sign()).status_code == 200
    assert site.get(before).status_code == 401
    assert site.server.calls["jwks"] == 2


def test_unknown_key_ids_do_not_make_a_flood(site: Site) -> None:
    for number in range(20):
        assert site.get(site.server.sign({"kid": f"unknown-{number}"})).status_code == 401
    assert site.server.calls["jwks"] == 1


def test_known_keys_outlive_a_failed_search_for_an_unknown_one(site: Site) -> None:
    assert site.get(site.server.sign()).status_code == 200
    site.server.faults["jwks"] = "500"
    site.clock.ahead = 6
    assert site.get(site.server.sign({"kid": "unknown"})).status_code == 503
    assert site.get(site.server.sign()).status_code == 200


def test_a_withdrawn_key_is_forgotten(site: Site) -> None:
    token = site.server.sign(exp=int(time.time()) + 3600)
    assert [site.get(token).status_code for _ in range(3)] == [200] * 3
    site.server.rotate()
    site.clock.ahead = 301
    assert site.get(token).status_code == 401


def test_the_key_set_being_down_closes(site: Site) -> None:
    site.server.faults["jwks"] = "garbage"
    assert site.get(site.server.sign()).status_code == 503

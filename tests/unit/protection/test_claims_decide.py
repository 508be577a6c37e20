"""Claims are accepted only when every one of them says so."""

from __future__ import annotations

import math
from typing import Any

import pytest

from flask_gluu_changes.protection.claims import (
    LEEWAY,
    TEXTS,
    as_texts,
    is_in_force,
    is_time,
    objection,
)

NOW = 1_000_000.0
ISSUER, AUDIENCE = "https://as.example", "api"
GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "exp": NOW + 60,
    "nbf": NOW - 60,
    "iat": NOW - 60,
    "scope": "read",
    "token_type": "Bearer",
}


def _accepts(audience: str = AUDIENCE, **other: Any) -> bool:
    claims = {name: value for name, value in {**GOOD, **other}.items() if value is not ...}
    return not objection(claims, issuer=ISSUER, audience=audience, now=NOW)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"iss": ...},
        {"iss": None},
        {"aud": ["other", AUDIENCE]},
        {"scope": ...},
        {"scope": ""},
        {"scope": []},
        {"scope": ["read", "write"]},
        {"cnf": None},
        {"token_type": None},
        {"token_type": ""},
        {"exp": ...},
        {"exp": None, "nbf": None, "iat": None},
        {"exp": NOW + 0.5},
        {"nbf": NOW + LEEWAY},
        {"token_type": "bearer", "typ": "Bearer", "token_use": "access_token"},
        {"typ": "at+jwt", "token_use": "access"},
        {"typ": "Application/AT+JWT", "token_use": ""},
        {"typ": "access_token", "token_use": None},
        {"sub": None, "jti": "1", "client_id": "c", "username": "u"},
    ],
)
def test_good_claims_are_accepted(other: dict[str, Any]) -> None:
    """Optional ones may be missing or null, where the standards leave them out."""
    assert _accepts(**other)


@pytest.mark.parametrize(
    "other",
    [
        {"iss": "https://other.example"},
        {"iss": ""},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": ...},
        {"aud": [AUDIENCE, 1]},
        {"cnf": {"jkt": "x"}},
        {"cnf": {}},
        {"token_type": "DPoP"},
        {"token_type": "dpop"},
        *({"token_type": kind} for kind in ("N_A", "mac", "pop", "refresh_token", "Bearer DPoP")),
        *({"typ": kind} for kind in ("Refresh", "ID", "Offline", "JWT", "DPoP", 7, ["Bearer"])),
        *({"token_use": kind} for kind in ("refresh_token", "id", False)),
        {"exp": NOW},
        {"exp": "soon"},
        {"nbf": NOW + LEEWAY + 0.5},
        {"iat": "then"},
        {"iat": True},
        {"scope": 1},
        {"scope": ["read", 1]},
        {"scope": {"read": True}},
        *({"scope": f"x{blank}read"} for blank in "\t\n\v\x1c\x85\xa0\u2028"),
        {"scope": ["x\tread"]},
        *({name: 1} for name in TEXTS),
    ],
)
def test_one_bad_claim_is_enough_to_refuse(other: dict[str, Any]) -> None:
    """Whatever the others say."""
    assert not _accepts(**other)


def _objects(**other: Any) -> str:
    return objection({**GOOD, **other}, issuer=ISSUER, audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({}, ""),
        ({"sub": 1}, "its sub is not that of a bearer access token"),
        ({"scope": 1}, "its scope is not that of a bearer access token"),
        ({"cnf": {}}, "its cnf is not that of a bearer access token"),
        ({"typ": "ID"}, "its typ is not that of a bearer access token"),
        ({"exp": 1}, "by its times and this clock, it has expired or is not yet valid"),
        ({"iss": "x"}, "its iss is not GLUU_CHANGES_ISSUER, to the letter"),
        ({"aud": "x"}, "its aud does not hold GLUU_CHANGES_AUDIENCE"),
    ],
)
def test_an_operator_is_told_why(other: dict[str, Any], why: str) -> None:
    """In words that name claim and setting, and hold no value."""
    assert _objects(**other) == why


def test_without_an_audience_in_the_settings_any_is_accepted() -> None:
    """And a malformed one is still refused."""
    assert _accepts(audience="", aud=...)
    assert _accepts(audience="", aud="other")
    assert _accepts(audience="", aud="")
    assert not _accepts(audience="", aud={"api": 1})


@pytest.mark.parametrize("name", ["iss", "sub", "client_id", "token_type", "username", "jti"])
def test_texts_are_texts(name: str) -> None:
    """A number or a list in their place is no claim that anybody should compare."""
    assert _accepts(audience="", **{name: None})
    assert not _accepts(audience="", **{name: [ISSUER]})


def test_an_expiry_is_exact_and_a_beginning_has_leeway() -> None:
    """This clock may be behind the server's by five seconds."""
    assert is_in_force({"exp": NOW + 0.001, "nbf": NOW + 5}, NOW)
    assert not is_in_force({"exp": NOW}, NOW)
    assert not is_in_force({"nbf": NOW + 5.001}, NOW)
    assert is_in_force({}, NOW)


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value",
    [10**400, 2**53, -(10**400), 1e300, "1", True, False, math.nan, math.inf, -math.inf, [1], {}],
)
def test_a_time_that_is_none_is_never_in_force(name: str, value: object) -> None:
    """A claim that cannot be compared is a doubt."""
    assert not is_time(value)
    assert not is_in_force({name: value}, NOW)


@pytest.mark.parametrize("value", [0, 1, -1.5, 2**40])
def test_numbers_are_times(value: float) -> None:
    """Whole or not."""
    assert is_time(value)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("a", ["a"]),
        ("", [""]),
        (["a", "b"], ["a", "b"]),
        ([], []),
        (["a", 1], []),
        (1, []),
        (None, []),
    ],
)
def test_one_text_or_a_list_of_texts(value: object, texts: list[str]) -> None:
    """Anything else is nothing."""
    assert as_texts(value) == texts


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**53, 1e300])
def test_a_time_out_of_range_is_none(value: float) -> None:
    """JSON holds whole numbers that no float does."""
    assert not is_time(value)
    assert not _accepts(exp=value)

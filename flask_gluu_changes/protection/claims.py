"""What a token must say, with its types. Every doubt refuses it, which Authlib leaves open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, TypeAlias

from ..settings.fields import PREFIX

Claims: TypeAlias = Mapping[str, Any]

LEEWAY = 5.0
"""Seconds by which this clock may be behind the server's; an expiry is never extended."""

# RFC 7662, section 2.2 and RFC 7519, section 4.1 name these claims and their types.
TEXTS = ("sub", "client_id", "username", "jti")
TIMES = ("exp", "nbf", "iat")

NO_BLANK = re.compile(r"[^\S ]")
"""White space at which Python splits a scope, and the standard does not (RFC 6749, section 3.3)."""

LAST_TIME = 2.0**53
"""NumericDates beyond it are not the same number for everybody (RFC 8259, section 6)."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "token_type": ("bearer", ""),
    "typ": ("bearer", "at+jwt", "application/at+jwt", "access_token", ""),
    "token_use": ("access_token", "access", ""),
}
"""What an access token is called, in lower case, where a claim tells: `token_type` is of the
standard (RFC 7662, section 2.2), `typ` Keycloak's, `token_use` Hydra's and Cognito's."""


def objection(claims: Claims, *, issuer: str, audience: str, now: float) -> str:
    """Return what is wrong with claims, in words that hold no value of theirs; empty for nothing.

    An `iss` must be the issuer where there is one (RFC 7662, section 2.2 makes it optional). A
    sender-constrained token is no bearer token (RFC 7800, section 3.1 and RFC 9449, section 7.2).

    Args:
        claims: What the token says, or what the authorization server says about it.
        issuer: The issuer's URL, compared to the letter.
        audience: What `aud` must hold; empty: anything.
        now: The time, in seconds since the epoch.
    """
    for name in _strange(claims):
        return f"its {name} is not that of a bearer access token"
    if not is_in_force(claims, now):
        return "by its times and this clock, it has expired or is not yet valid"
    if claims.get("iss") not in (None, issuer):
        return f"its iss is not {PREFIX}ISSUER, to the letter"
    if audience and audience not in as_texts(claims.get("aud")):
        return f"its aud does not hold {PREFIX}AUDIENCE"
    return ""


def is_in_force(claims: Claims, now: float) -> bool:
    """Return whether the times of a token, or of a permission, allow it at this moment."""
    for name in TIMES:
        value = claims.get(name)
        if value is not None and not is_time(value):
            return False
    end, begin = claims.get("exp"), claims.get("nbf")
    return (end is None or end > now) and (begin is None or begin <= now + LEEWAY)


def is_time(value: object) -> bool:
    """Return whether a claim is a NumericDate (RFC 7519, section 2)."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) < LAST_TIME  # which neither nan nor infinity is


def as_texts(value: object) -> list[str]:
    """Return the texts of a claim that is one or a list of them; an empty list for all else."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return []


def _strange(claims: Claims) -> Iterator[str]:
    """Yield the names of claims of a wrong type, or of another token than a bearer access token."""
    for name in TEXTS:
        if not isinstance(claims.get(name), (str, NoneType)):
            yield name
    for name in ("aud", "scope"):
        if claims.get(name) not in (None, []) and not as_texts(claims[name]):
            yield name
    if any(map(NO_BLANK.search, as_texts(claims.get("scope")))):
        yield "scope"
    if claims.get("cnf") is not None:
        yield "cnf"
    for name, kinds in KINDS.items():
        if claims.get(name) is not None and str(claims[name]).lower() not in kinds:
            yield name

"""What a token must say, with its types. Every doubt refuses it, which Authlib leaves open."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

Claims: TypeAlias = Mapping[str, Any]

LEEWAY = 5.0
"""Seconds by which this clock may be behind the server's; an expiry is never extended."""

LAST_TIME = 2.0**53
"""NumericDates beyond it are not the same number for everybody (RFC 8259, section 6)."""

# RFC 7662, section 2.2 and RFC 7519, section 4.1 name these claims and their types.
TEXTS = ("iss", "sub", "client_id", "token_type", "username", "jti")
TIMES = ("exp", "nbf", "iat")


def is_acceptable(claims: Claims, *, issuer: str, audience: str, now: float) -> bool:
    """Return whether claims are well-formed, in force, and meant for this server.

    An `iss` must be the issuer where there is one (RFC 7662, section 2.2 makes it optional). A
    sender-constrained token is no bearer token (RFC 7800, section 3.1 and RFC 9449, section 7.2).

    Args:
        claims: What the token says, or what the authorization server says about it.
        issuer: The issuer's URL, compared to the letter.
        audience: What `aud` must hold; empty: anything.
        now: The time, in seconds since the epoch.
    """
    return (
        _has_types(claims)
        and is_in_force(claims, now)
        and claims.get("iss") in (None, issuer)
        and (not audience or audience in as_texts(claims.get("aud")))
        and claims.get("cnf") is None
        and str(claims.get("token_type") or "bearer").lower() != "dpop"
    )


def is_in_force(claims: Claims, now: float) -> bool:
    """Return whether the times of a token, or of a permission, allow it at this moment."""
    times = {name: claims[name] for name in TIMES if claims.get(name) is not None}
    if not all(is_time(value) for value in times.values()):
        return False
    return bool(times.get("exp", math.inf) > now and times.get("nbf", -math.inf) <= now + LEEWAY)


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


def _has_types(claims: Claims) -> bool:
    texts = all(isinstance(claims[name], str) for name in TEXTS if claims.get(name) is not None)
    lists = all(
        claims.get(name) in (None, "", []) or as_texts(claims[name]) for name in ("aud", "scope")
    )
    return texts and lists

"""What is known of a token is kept exactly as long as it may be, and by nothing but its hash."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest

from flask_gluu_changes.protection.token_cache import TokenCache, key_of
from tests.support.scripted_server import StillClock

GUARD = 5.0
"""Seconds that no test waits for, unless it fails."""


class Asked:
    """Answers with claims, and counts how often it is asked."""

    def __init__(self, claims: Any) -> None:
        self.claims = claims
        self.times = 0

    def __call__(self) -> Any:
        """Answer."""
        self.times += 1
        if isinstance(self.claims, Exception):
            raise self.claims
        return self.claims


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def _cache(clock: StillClock, seconds: float = 30.0) -> TokenCache:
    return TokenCache(seconds=seconds, clock=clock)


def _kept_for(clock: StillClock, claims: Any, cache: TokenCache) -> float:
    """Measure for how many seconds, in halves, an answer is repeated."""
    asked = Asked(claims)
    kept = 0.0
    cache.get("t", asked)
    while asked.times == 1:
        clock.pass_by(0.5)
        kept += 0.5
        assert cache.get("t", asked) == claims
    return kept


def test_good_claims_are_kept_for_the_seconds_of_the_settings(clock: StillClock) -> None:
    """However much longer the token is good."""
    assert _kept_for(clock, {"exp": clock.now() + 600}, _cache(clock)) == 30


def test_good_claims_are_not_kept_beyond_their_expiry(clock: StillClock) -> None:
    """The wall clock says when that is."""
    assert _kept_for(clock, {"exp": clock.now() + 7}, _cache(clock)) == 7


def test_claims_without_expiry_are_kept_for_ten_seconds_at_most(clock: StillClock) -> None:
    """Or shorter, if the settings say so."""
    assert _kept_for(clock, {"active": True}, _cache(clock)) == 10
    assert _kept_for(clock, {"active": True}, _cache(clock, 4)) == 4


@pytest.mark.parametrize(
    ("permissions", "seconds"),
    [
        ([{"exp": 9}, {"exp": 5}], 5),
        ([{"exp": 90}], 30),
        ([{"exp": "5"}, {}], 30),
        (["5", {"exp": 6}], 6),
        ({"exp": 5}, 30),
        (None, 30),
    ],
)
def test_an_rpt_is_kept_until_its_first_permission_ends(
    clock: StillClock, permissions: Any, seconds: float
) -> None:
    """What is no permission, or no time, counts for nothing."""
    if isinstance(permissions, list):
        permissions = [_later(clock, grant) for grant in permissions]
    claims = {"exp": clock.now() + 600, "permissions": permissions}
    assert _kept_for(clock, claims, _cache(clock)) == seconds


def _later(clock: StillClock, grant: Any) -> Any:
    timed = isinstance(grant, dict) and isinstance(grant.get("exp"), int)
    return {"exp": clock.now() + grant["exp"]} if timed else grant


def test_an_expiry_of_a_permission_counts_where_the_token_has_none(clock: StillClock) -> None:
    """And ten seconds still are the most."""
    claims = {"permissions": [{"exp": clock.now() + 6}]}
    assert _kept_for(clock, claims, _cache(clock)) == 6
    claims = {"permissions": [{"exp": clock.now() + 60}]}
    assert _kept_for(clock, claims, _cache(clock)) == 10


def test_a_refusal_is_kept_for_three_seconds_at_most(clock: StillClock) -> None:
    """Or shorter, if the settings say so."""
    assert _kept_for(clock, {}, _cache(clock)) == 3
    assert _kept_for(clock, {}, _cache(clock, 2)) == 2


def test_nothing_is_kept_for_zero_seconds(clock: StillClock) -> None:
    """Every request asks."""
    cache, asked = _cache(clock, 0), Asked({"active": True})
    assert [cache.get("t", asked) for _ in range(3)] == [{"active": True}] * 3
    assert asked.times == 3


def test_an_exception_is_not_kept(clock: StillClock) -> None:
    """The next request asks again."""
    cache, asked = _cache(clock), Asked(LookupError("down"))
    for _ in range(2):
        with pytest.raises(LookupError, match="down"):
            cache.get("t", asked)
    assert asked.times == 2


def test_tokens_are_told_apart(clock: StillClock) -> None:
    """Each has claims of its own, also when one begins as another."""
    cache = _cache(clock)
    tokens = ["t", "tt", "", "T"]
    for token in tokens:
        cache.get(token, Asked({"sub": token}))
    assert [cache.get(token, Asked({})) for token in tokens] == [{"sub": t} for t in tokens]


def test_a_key_is_the_hash_of_the_token() -> None:
    """The same in each process, and nothing that a token could be read from."""
    assert key_of("token") == key_of("token") != key_of("tokeN")
    assert len(key_of("token")) == 32
    assert b"token" not in key_of("token")


def test_a_flood_of_refused_tokens_pushes_out_no_good_one(clock: StillClock) -> None:
    """They are kept apart."""
    cache = _cache(clock)
    cache.get("good", Asked({"active": True}))
    for number in range(10_001):
        cache.get(f"bad {number}", Asked({}))
    assert cache.get("good", Asked({})) == {"active": True}
    assert len(cache._refused) == 10_000


def test_what_was_found_out_while_a_request_waited_is_used(clock: StillClock) -> None:
    """The flight of another request may end between the look and the question."""
    cache = _cache(clock)
    asked = Asked({"sub": "second"})

    def outer() -> Any:
        return cache._ask(key_of("t"), Asked({"sub": "first"}))

    cache.get("t", outer)
    assert cache._ask(key_of("t"), asked) == {"sub": "first"}
    assert asked.times == 0


def test_tokens_that_are_asked_about_at_once_get_their_own_claims(clock: StillClock) -> None:
    """Only requests with the same token share an answer."""
    cache, found = _cache(clock), list[Any]()

    def meanwhile() -> Any:
        other = Thread(target=lambda: found.append(cache.get("other", Asked({"sub": "other"}))))
        other.start()
        other.join(GUARD)
        return {"sub": "one"}

    assert cache.get("one", meanwhile) == {"sub": "one"}
    assert found == [{"sub": "other"}]

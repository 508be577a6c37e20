"""How long answers are kept, and how often the authorization server is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flask_gluu_changes.protection.claims import Claims
from flask_gluu_changes.protection.token_cache import SIZE, TokenCache
from tests.support.protection import MakeSite, MovedClock, Site


class Asked:
    """Counts the questions of a cache and gives the answer of the moment."""

    def __init__(self, answer: Claims) -> None:
        self.answer = answer
        self.times = 0

    def __call__(self) -> Claims:
        self.times += 1
        return self.answer


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def make_cache(clock: MovedClock) -> Callable[..., TokenCache]:
    return lambda seconds=30.0: TokenCache(seconds=seconds, clock=clock)


FAR = 4_000_000_000
LIFETIMES = [
    pytest.param({"active": True, "exp": FAR}, 30.0, 30, id="the time to live"),
    pytest.param({"active": True, "exp": FAR}, 5.0, 5, id="a shorter time to live"),
    pytest.param({"active": True}, 30.0, 10, id="without exp"),
    pytest.param({}, 30.0, 3, id="refused"),
    pytest.param({}, 1.0, 1, id="refused, with a shorter time to live"),
]


@pytest.mark.parametrize(("claims", "seconds", "kept"), LIFETIMES)
def test_an_answer_is_kept_so_long(
    make_cache: Callable[..., TokenCache],
    clock: MovedClock,
    claims: Claims,
    seconds: float,
    kept: float,
) -> None:
    cache, asked = make_cache(seconds), Asked(claims)
    for ahead, times in ((0, 1), (kept - 0.5, 1), (kept + 0.1, 2)):
        clock.ahead = ahead
        assert cache.get("token", asked) == claims
        assert asked.times == times


def test_the_first_expiry_ends_it(make_cache: Callable[..., TokenCache], clock: MovedClock) -> None:
    now = time.time()
    grants = [{"exp": now + 20}, {"exp": now + 5}, {"exp": "x"}, {}]
    cache, asked = make_cache(), Asked({"exp": now + 25, "permissions": grants})
    for ahead, times in ((0, 1), (4, 1), (6, 2)):
        clock.ahead = ahead
        cache.get("token", asked)
        assert asked.times == times


def test_no_time_to_live_keeps_nothing(make_cache: Callable[..., TokenCache]) -> None:
    cache, asked = make_cache(0.0), Asked({"active": True})
    cache.get("token", asked)
    cache.get("token", asked)
    assert asked.times == 2


def test_a_failure_is_not_kept(make_cache: Callable[..., TokenCache]) -> None:
    cache = make_cache()

    def fail() -> Claims:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.get("token", fail)
    assert cache.get("token", Asked({"active": True})) == {"active": True}


def test_a_flood_of_refused_tokens_pushes_out_no_good_one(
    make_cache: Callable[..., TokenCache],
) -> None:
    cache, asked = make_cache(), Asked({"active": True})
    cache.get("good", asked)
    for number in range(SIZE + 1):
        cache.get(f"random-{number}", dict)
    cache.get("good", asked)
    assert asked.times == 1


def test_no_token_is_kept_in_the_clear(make_cache: Callable[..., TokenCache]) -> None:
    cache = make_cache()
    cache.get("raw-token", lambda: {"active": True})
    keys = [key for kept in (cache._good, cache._refused) for key in kept]
    assert [len(key) for key in keys] == [32]
    assert b"raw-token" not in keys


def together(threads: int, work: Callable[[], Any]) -> list[Any]:
    """Start work in threads that all wait for the last one."""
    ready = threading.Barrier(threads)

    def start() -> Any:
        ready.wait()
        return work()

    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(start) for _ in range(threads)]]


def test_1000_requests_from_8_threads_introspect_once(make_site: MakeSite) -> None:
    site = make_site("oauth")
    token = site.server.issue()
    found = together(8, lambda: {site.get(token).status_code for _ in range(125)})
    assert found == [{200}] * 8
    assert site.server.calls["introspect"] == 1


def test_8_threads_with_an_expired_pat_fetch_one(make_site: MakeSite) -> None:
    site = make_site("uma")
    site.get()
    assert site.server.calls["token"] == 1
    site.clock.ahead = 400
    assert together(8, lambda: site.get().status_code) == [401] * 8
    assert site.server.calls["token"] == 2


def test_8_threads_with_a_refused_pat_renew_it_once(make_site: MakeSite) -> None:
    site = make_site("uma")
    site.get()
    site.server.tokens.clear()
    assert set(together(8, lambda: site.get().status_code)) == {401}
    assert site.server.calls["token"] == 2


def test_8_threads_at_the_first_request_register_one_resource(make_site: MakeSite) -> None:
    site = make_site("uma")
    assert together(8, lambda: site.get().status_code) == [401] * 8
    assert len(site.server.resources) == 1
    assert site.server.calls["uma2-configuration"] == 1


def test_a_failure_is_shared_by_all_who_waited(make_site: MakeSite) -> None:
    site = make_site("oauth", issuer_read_timeout=1)
    token = site.server.issue()
    site.server.faults["introspect"] = "slow"
    assert together(8, lambda: site.get(token).status_code) == [503] * 8
    assert site.server.calls["introspect"] <= 2


def test_a_revoked_token_is_refused_after_the_cache_time(site_30: Site) -> None:
    token = site_30.server.issue()
    assert site_30.get(token).status_code == 200
    site_30.server.revoke(token)
    site_30.clock.ahead = 29
    assert site_30.get(token).status_code == 200
    site_30.clock.ahead = 31
    assert site_30.get(token).status_code == 401


@pytest.fixture
def site_30(make_site: MakeSite, host: str) -> Site:
    return make_site("oauth", host)


def test_without_cache_a_revocation_is_noticed_at_once(make_site: MakeSite) -> None:
    site = make_site("oauth", token_cache_seconds=0)
    token = site.server.issue()
    assert site.get(token).status_code == 200
    site.server.revoke(token)
    assert site.get(token).status_code == 401

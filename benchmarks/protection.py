"""What a cached token costs: requests per second under bypass and with a token, on one page.

In-process, one thread, straight into the WSGI application: no server and no client share the
cores, so the cost of the check weighs more here than behind gunicorn. The authorization server is
the one of the tests, on a loopback socket. Run: python -m benchmarks.protection
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from threading import Lock
from time import perf_counter
from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc7662 import IntrospectTokenValidator
from cachetools import TTLCache, cached
from flask import Flask
from werkzeug.test import create_environ

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support.authorization_server import AuthorizationServer

from .table import Effort, Row, in_turns, show

PATH = "/identity/restv1/scim/UpdatedUsers"
SIZES = (1, 20, 200)
TARGET = 0.9
BARE = "Authlib and cachetools alone"


def people(count: int) -> list[dict[str, list[str]]]:
    return [
        {"uid": [f"u{n}"], "inum": [str(n)], "sn": ["Doe"], "updatedAt": ["20240101000000.000Z"]}
        for n in range(count)
    ]


def make_app(size: int, **config: object) -> Flask:
    app = Flask(__name__)
    app.config.update({f"GLUU_CHANGES_{key.upper()}": value for key, value in config.items()})
    GluuChanges(app, backend=MemoryBackend(people(size)))
    return app


def protected(size: int, server: AuthorizationServer, **more: object) -> Flask:
    credentials = {"client_id": "rs", "client_secret": "rs-secret"}
    return make_app(size, protection="oauth", issuer=server.issuer, **credentials, **more)


def caller(app: Flask, size: int, token: str = "") -> Callable[[], None]:
    query = f"timeStamp=2020-01-01T00:00:00Z&pagesize={size}"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    environ = create_environ(PATH, query_string=query, headers=headers)

    def start_response(status: str, _: Any, __: Any = None) -> Callable[[bytes], object]:
        assert status.startswith("200"), status
        return lambda _: None

    def call() -> None:
        for _ in app.wsgi_app({**environ, "wsgi.input": BytesIO()}, start_response):
            pass

    return call


def rate(call: Callable[[], None], seconds: float) -> float:
    calls, started = 0, perf_counter()
    while perf_counter() - started < seconds:
        call()
        calls += 1
    return calls / (perf_counter() - started)


def introspections(server: AuthorizationServer) -> int:
    """Count them for 1000 requests from 8 threads with one fresh token."""
    call = caller(protected(20, server), 20, server.issue())
    before = server.calls["introspect"]
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(call) for _ in range(1000)]:
            future.result()
    return server.calls["introspect"] - before


def rows(effort: Effort) -> Iterator[Row]:
    """Compare each size of a page, checked in both ways, with the same page under bypass."""
    with AuthorizationServer() as server:
        assert isinstance(server, AuthorizationServer)
        for size in SIZES:
            yield from _rows_of_a_page(size, server, effort)
        asked = introspections(server)
        job = "introspections for 1000 requests, 8 threads, one fresh token"
        yield Row(job, [(asked, 1)], "one", "calls", at_most=1)


class _CachedIntrospection(IntrospectTokenValidator):  # type: ignore[misc]
    """What Authlib leaves to its user, by a cache and no checks of its own."""

    @cached(TTLCache(10_000, 3600), key=lambda _, token: token, lock=Lock())
    def introspect_token(self, token_string: str) -> dict[str, object]:
        return {"active": True, "scope": "https://gluu.example/scim", "exp": 4_000_000_000}


def without_us(size: int) -> Flask:
    """Return the same page under bypass, behind Authlib's own resource protector."""
    app, protector = make_app(size, protection="bypass", allow_bypass=True), ResourceProtector()
    protector.register_token_validator(_CachedIntrospection())

    @app.before_request
    def check() -> None:
        protector.acquire_token(["https://gluu.example/scim"])

    return app


def _rows_of_a_page(size: int, server: AuthorizationServer, effort: Effort) -> Iterator[Row]:
    jwt = {"token_validation": "jwt", "audience": "our-api"}
    bypass = caller(make_app(size, protection="bypass", allow_bypass=True), size)
    cached = caller(protected(size, server), size, server.issue(exp=4_000_000_000))
    local = caller(protected(size, server, **jwt), size, server.sign())
    bare = caller(without_us(size), size, "token")
    for way, call in (("introspected", cached), ("JWT", local)):
        rates = (partial(rate, each, effort.seconds / 2) for each in (call, bypass, bare))
        turns = in_turns(2 * effort.rounds, *rates)
        job = f"a page of {size}, {way} token in the cache"
        yield Row(job, turns, "bypass", "requests/s", at_least=TARGET, beside=[BARE])


def main() -> None:
    print(f"\n{show(rows(Effort()))}")


if __name__ == "__main__":
    main()

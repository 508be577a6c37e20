"""What a cached token costs: requests per second under bypass and with a token, on one page.

In-process, one thread, straight into the WSGI application: no server and no client share the
cores, so the cost of the check weighs more here than behind gunicorn. The authorization server is
the one of the tests, on a loopback socket. Run: python -m benchmarks.protection
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from statistics import median
from time import perf_counter
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support.authorization_server import AuthorizationServer

PATH = "/identity/restv1/scim/UpdatedUsers"
ROUNDS = 15
SECONDS = 0.4
SIZES = (1, 20, 200)
TARGET = 0.85


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


def rate(call: Callable[[], None]) -> float:
    calls, started = 0, perf_counter()
    while perf_counter() - started < SECONDS:
        call()
        calls += 1
    return calls / (perf_counter() - started)


def compare(open_call: Callable[[], None], call: Callable[[], None]) -> tuple[float, float, float]:
    """Take turns, so that a busy machine slows both; give medians and the median ratio."""
    pairs = [(rate(open_call), rate(call)) for _ in range(ROUNDS)]
    bypass, checked = (median(column) for column in zip(*pairs, strict=True))
    return bypass, checked, median(b / a for a, b in pairs)


def introspections(server: AuthorizationServer) -> int:
    """Count them for 1000 requests from 8 threads with one fresh token."""
    call = caller(protected(20, server), 20, server.issue())
    before = server.calls["introspect"]
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(call) for _ in range(1000)]:
            future.result()
    return server.calls["introspect"] - before


def main() -> None:
    with AuthorizationServer() as server:
        assert isinstance(server, AuthorizationServer)
        jwt = {"token_validation": "jwt", "audience": "our-api"}
        print(f"| entries | mode | bypass, req/s | token, req/s | ratio (target {TARGET}) |")
        print("|---|---|---|---|---|")
        for size in SIZES:
            bypass = caller(make_app(size, protection="bypass", allow_bypass=True), size)
            cached = caller(protected(size, server), size, server.issue(exp=4_000_000_000))
            local = caller(protected(size, server, **jwt), size, server.sign())
            for name, call in (("cached introspection", cached), ("jwt", local)):
                open_rate, token_rate, ratio = compare(bypass, call)
                print(f"| {size} | {name} | {open_rate:.0f} | {token_rate:.0f} | {ratio:.2f} |")
        print("\nIntrospections for 1000 requests, 8 threads, one fresh token (target 1): ", end="")
        print(introspections(server))


if __name__ == "__main__":
    main()

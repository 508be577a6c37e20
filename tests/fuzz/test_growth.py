"""Nothing that clients, stores and servers send is kept without end."""

from __future__ import annotations

import gc
import gzip
import resource
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from flask_gluu_changes.encoder import EntryEncoder
from flask_gluu_changes.journal.records import EVERYTHING_SINCE
from flask_gluu_changes.model import ChangesQuery
from flask_gluu_changes.protection.http import Answer
from flask_gluu_changes.values import AttributeType
from flask_gluu_changes.visibility import Visibility
from tests.support.apps import OPERATION
from tests.support.journal_site import Site
from tests.support.journals import Journal, memory_engine

from .authorization import OctetServer, answering, check, protector, response
from .budget import EXAMPLES, FEW
from .octets import to_json
from .test_bearer_tokens import claims

OCTETS = 100_000
"""Of each input, so that what is kept of them shows."""

NUMBER = 300 if EXAMPLES == FEW else 3000
"""Inputs; caches of 256 are full then."""

MOST = 10 * 2**20
"""Octets by which the process may grow while thirty million are sent to it."""


def grown(send: Callable[[int], object], number: int = NUMBER) -> int:
    """Send inputs that are all different; give the octets by which the process has grown."""
    for one in range(20):
        send(one)
    before = in_use()
    for one in range(20, 20 + number):
        send(one)
    return in_use() - before


def in_use() -> int:
    """Give the memory of this process, in octets."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def filler(number: int, letter: str = "x") -> str:
    """Write a long text that comes once."""
    return f"{number}{letter * OCTETS}"


QUERIES: dict[str, Callable[[int], str]] = {
    "selections": lambda n: f"cursor=&attributes=a{n}," + ",".join(["b" * 99] * 1000),
    "tokens": lambda n: f"deltaToken={filler(n)}",
    "time stamps": lambda n: f"timeStamp=2024-01-01T00:00:00.{filler(n, '0')}Z&pagesize=1",
    "sessions": lambda n: f"timeStamp=2019-01-01T00:00:00.{n % 1000:03}Z&pagesize=1&x={filler(n)}",
    "unknown parameters": lambda n: f"cursor=&{filler(n)}=1",
}


def ask(site: Site, query: str, **headers: str) -> None:
    """Send a request as a server hands it over: Werkzeug's client keeps the last URLs."""
    environ = {**EnvironBuilder(path=OPERATION).get_environ(), "QUERY_STRING": query, **headers}
    run_wsgi_app(site.app.wsgi_app, environ, buffered=True)


@pytest.mark.parametrize("name", QUERIES)
def test_query_strings(name: str) -> None:
    """Neither what they hold nor what is made of it."""
    journal = Journal(memory_engine())
    journal.put("a", "b")
    site = Site(journal)
    assert grown(lambda n: ask(site, QUERIES[name](n))) < MOST
    journal.backend.close()


HEADERS = ["ACCEPT", "PREFER", "IF_NONE_MATCH", "COOKIE", "HOST", "X_ANYTHING"]


def test_headers() -> None:
    """Nothing of them."""
    journal = Journal(memory_engine())
    site = Site(journal)
    assert (
        grown(
            lambda n: ask(
                site, "cursor=", **{f"HTTP_{name}": filler(n)[:20_000] for name in HEADERS}
            )
        )
        < MOST
    )
    journal.backend.close()


VALUES: dict[str, Callable[[int], Any]] = {
    "times": lambda n: {"TIME": [f"20240501120000.{filler(n, '0')}Z".encode()]},
    "times without seconds": lambda n: {"TIME": [f"202405011200,{filler(n, '0')[:4000]}Z"]},
    "numbers": lambda n: {"NUMERIC": [filler(n, "1").encode()]},
    "texts": lambda n: {"uid": [filler(n).encode()], "inum": [filler(n)]},
    "misfits": lambda n: {"TIME": [filler(n)], "inum": [filler(n)]},
}


@pytest.mark.parametrize("name", VALUES)
def test_values_of_entries(name: str) -> None:
    """A process that follows a store encodes entries for years."""
    kinds = {"TIME": AttributeType.GENERALIZED_TIME, "NUMERIC": AttributeType.NUMERIC}
    encoder = EntryEncoder(ChangesQuery(EVERYTHING_SINCE), kinds.get, Visibility.of())
    assert grown(lambda n: encoder.encode(VALUES[name](n))) < MOST


@pytest.mark.parametrize("answer", [{"active": False}, {"active": True, **claims()}])
def test_opaque_tokens(app: Flask, answer: dict[str, Any]) -> None:
    """Of the tokens their digests, and of what is said about them what is needed."""
    http = answering(lambda call: Answer(200, answer))
    guard = protector(http, protection="oauth", scope=("read",))

    def send(number: int) -> None:
        assert check(app, guard, b"Bearer " + filler(number)[:8000].encode()) in {200, 401, 429}
        http.calls.clear()  # type: ignore[attr-defined]

    assert grown(send, 4 * NUMBER) < MOST // 2  # of ten million


def test_an_answer_that_unpacks_to_more(app: Flask) -> None:
    """It is not unpacked: no compression was asked for."""
    bomb = gzip.compress(to_json({"active": True, **claims()}) + b" " * 50_000_000)
    server = OctetServer(lambda path: response(200, bomb, b"Content-Encoding: gzip"))
    guard = protector(server, protection="oauth", scope=("read",))
    tracemalloc.start()
    try:
        assert check(app, guard, b"Bearer abc") == 503
        assert tracemalloc.get_traced_memory()[1] < 4 * len(bomb)
    finally:
        tracemalloc.stop()

"""Whatever a client sends gets an answer that is no failure of the server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from tests.support.apps import DOCUMENTS, OPERATION
from tests.support.journal_site import NDJSON, Site, token_of
from tests.support.journals import Journal, memory_engine

from . import strict
from .budget import fuzzed
from .octets import mangled

QUERIES = st.sampled_from(
    [
        b"timeStamp=2019-12-24T12:00:03-05:00&start=0&pagesize=10",
        b"timeStamp=2019-12-24T12:00:03.123Z&start=2147483647&pageSize=1",
        b"cursor=&count=200&attributes=uid,mail",
        b"deltaToken=latest&excludedAttributes=uid",
        b"cursor=abc&deltaToken=abc",
    ]
)
"""What a client sends, before it is broken and percent-encoded."""

SAFE = "=&,:%+"
QUERY_STRINGS = mangled(QUERIES) | mangled(QUERIES).map(
    lambda q: quote_from_bytes(q, SAFE).encode()
)

HEADERS: dict[str, st.SearchStrategy[bytes]] = {
    "HTTP_ACCEPT": mangled(st.sampled_from([NDJSON.encode(), b"application/json;q=0.5, */*"])),
    "HTTP_PREFER": mangled(st.sampled_from([b"wait=0", b'respond-async, wait="0"; x'])),
    "HTTP_IF_NONE_MATCH": mangled(st.sampled_from([b'W/"a.1.b", "c"', b"*"])),
    "HTTP_HOST": mangled(
        st.sampled_from([b"localhost:8000", b"[::1]:80", b"xn--e1afmkfd.example"])
    ),
    "HTTP_AUTHORIZATION": mangled(st.sampled_from([b"Bearer abc", b"Basic YTpi"])),
    "HTTP_COOKIE": mangled(st.just(b"a=b; c=d")),
    "HTTP_RANGE": mangled(st.just(b"bytes=0-1")),
    "CONTENT_TYPE": mangled(st.just(b"application/x-www-form-urlencoded; charset=x")),
    "CONTENT_LENGTH": mangled(st.just(b"12"), most=1),
}
METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "BREW"])
PATHS = st.sampled_from([OPERATION, OPERATION, f"{OPERATION}/status", *DOCUMENTS])


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Keep no lines of log: there are as many as examples."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """An application with a journal of three people."""
    journal = Journal(memory_engine())
    journal.put("a", "b", "c", mail="x@example.org")
    made = Site(journal, MAX_WAIT_SECONDS=1)
    made.app.config["PROPAGATE_EXCEPTIONS"] = True
    yield made
    journal.backend.close()


def send(
    site: Site, method: str, path: str, query: bytes, headers: dict[str, bytes]
) -> TestResponse:
    """Send what no client library would."""
    environ = EnvironBuilder(path=path, method=method).get_environ()
    environ["QUERY_STRING"] = query.decode("latin-1")
    # a server lets no line break through, whatever else a client sends
    lines = {n: v.translate(None, b"\r\n").decode("latin-1") for n, v in headers.items()}
    request = EnvironBuilder.from_environ(environ).get_request()
    answer = run_wsgi_app(site.app.wsgi_app, {**environ, **lines}, buffered=True)
    return TestResponse(*answer, request)


def check(answer: TestResponse) -> None:
    """Fail for what is the server's fault, or what a client cannot read."""
    assert answer.status_code < 500, answer.text
    for name, value in answer.headers:
        assert not {"\r", "\n", "\0"} & {*name, *value}
    if answer.mimetype == "application/json" and answer.data:
        strict.read(answer.data)


@fuzzed
@given(METHODS, PATHS, QUERY_STRINGS, st.fixed_dictionaries({}, optional=HEADERS))
def test_requests(
    site: Site, method: str, path: str, query: bytes, headers: dict[str, bytes]
) -> None:
    """Any query with any headers."""
    check(send(site, method, path, query, headers))


@pytest.fixture(scope="module")
def tokens(site: Site) -> dict[str, str]:
    """A token of each kind, in the middle of a run and behind it."""
    first = site.page(cursor="", count=1)
    return {"cursor": first["nextCursor"], "deltaToken": token_of(site.run(cursor="", count=1))}


@fuzzed
@given(data=st.data(), kind=st.sampled_from(["cursor", "deltaToken"]))
def test_changed_tokens(site: Site, tokens: dict[str, str], data: Any, kind: str) -> None:
    """None is taken for another position: it is 400, or 410 where a full run helps."""
    token = tokens[kind].encode()
    sent = data.draw(mangled(st.just(token)) | flipped(token))
    answer = send(site, "GET", OPERATION, f"{kind}=".encode() + quote_from_bytes(sent).encode(), {})
    check(answer)
    if sent == token:
        assert answer.status_code == 200
    elif sent or kind == "deltaToken":
        assert answer.status_code in {400, 410}
        assert "results" not in answer.get_json()


def flipped(token: bytes) -> st.SearchStrategy[bytes]:
    """Change a bit, or a letter to another one of base64url."""
    places = st.integers(0, len(token) - 1)
    letters = st.sampled_from(b"ABQgw-_=.+/ \n")
    bits = st.tuples(places, st.integers(0, 7)).map(lambda p: (p[0], token[p[0]] ^ (1 << p[1])))
    changes = bits | st.tuples(places, letters)
    return changes.map(lambda c: token[: c[0]] + bytes([c[1]]) + token[c[0] + 1 :])


@fuzzed
@given(data=st.data())
def test_tokens_within_broken_queries(site: Site, tokens: dict[str, str], data: Any) -> None:
    """A page is answered to the token as it was given out, and to no other text."""
    query = data.draw(mangled(st.just(f"deltaToken={tokens['deltaToken']}&count=10".encode())))
    answer = send(site, "GET", OPERATION, query, {})
    check(answer)
    if answer.status_code == 200 and b"cursor" not in query and b"timeStamp" not in query:
        assert tokens["deltaToken"].encode() in unquote_to_bytes(query)

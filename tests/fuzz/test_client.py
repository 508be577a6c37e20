"""Whatever servers answer to the client library: it raises what it says, and never spins."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_gluu_changes.client import (
    ChangesClient,
    ChangesError,
    ClientCredentials,
    FileTokenStore,
    MemoryTokenStore,
    Uma,
)

from .budget import fuzzed
from .octets import ANYTHING, TEXTS, altered, json_octets, mangled, to_json

URL = "https://id.example/UpdatedUsers"
TOKENS = "https://as.example/token"
REPETITIONS = 2
MOST_REQUESTS = 100
MOST_BATCHES = 5

ENTRY = {"@id": "1", "@version": 1, "@changeType": "created", "inum": ["1"], "mail": ["a@b"]}
REMOVAL = {"@id": "2", "@version": 2, "inum": "2", "uid": "b", "reason": "deleted"}
PAGE: dict[str, Any] = {
    "total": 1,
    "results": [ENTRY],
    "removed": [REMOVAL],
    "itemsPerPage": 2,
    "nextDeltaToken": {"value": "abc", "expiry": "2030-01-01T00:00:00Z"},
}
PAGES = st.one_of(
    st.just(PAGE),
    altered(PAGE),
    altered(ENTRY).map(lambda entry: {**PAGE, "results": [entry]}),
    altered(REMOVAL).map(lambda removal: {**PAGE, "removed": [removal]}),
    altered(PAGE["nextDeltaToken"]).map(lambda token: {**PAGE, "nextDeltaToken": token}),
    st.just({"results": [], "removed": [], "nextCursor": "def"}),
    ANYTHING,
)
STATUSES = st.sampled_from([200, 200, 200, 200, 204, 301, 304, 400, 401, 410, 429, 500, 503])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Retry-After": mangled(
            st.sampled_from([b"1", b"Wed, 21 Oct 2015 07:28:00 GMT", b"9" * 400])
        ),
        "Content-Type": mangled(st.just(b"application/json; charset=utf-8")),
        "WWW-Authenticate": mangled(st.just(b'UMA realm="x", as_uri="y", ticket="abc"')),
        "Content-Encoding": st.sampled_from([b"gzip", b"identity", b"br"]),
        "Location": mangled(st.just(b"https://id.example/other")),
    },
)
GRANT: dict[str, Any] = {"access_token": "abc", "token_type": "Bearer", "expires_in": 300}

GRANTS = st.just(GRANT) | altered(GRANT) | ANYTHING


def answers(bodies: st.SearchStrategy[Any]) -> st.SearchStrategy[httpx.Response]:
    """Answer with a status, headers and octets that may be broken."""
    octets = json_octets(bodies) | st.binary(max_size=100)
    return st.builds(_response, STATUSES, HEADERS, octets)


def _response(status: int, headers: dict[str, bytes], body: bytes) -> httpx.Response:
    # what a socket delivers has no line breaks in its headers
    lines = [(n.encode(), v.translate(None, b"\r\n")) for n, v in headers.items()]
    return httpx.Response(status, headers=lines, stream=httpx.ByteStream(body))


def serve(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    """Make a client of a server that must not be asked without end."""
    asked: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        assert len(asked) < MOST_REQUESTS, "it spins"
        return answer(request)

    return httpx.Client(transport=httpx.MockTransport(respond))


def read(http: httpx.Client, store: Any, auth: httpx.Auth | None = None) -> None:
    """Read a few batches; what the client says of them is of the types that it names."""
    if auth is not None:
        http.auth = auth
    times: list[float] = []
    with ChangesClient(
        URL, store, http=http, repetitions=REPETITIONS, sleep=times.append
    ) as client:
        try:
            batches = [*islice(client.drain(), MOST_BATCHES)]
        except ChangesError:
            return
    for change in (change for batch in batches for change in batch.changes):
        assert isinstance(change.id, str)
        assert isinstance(change.version, int)
        assert isinstance(change.inum, str)
        assert all(isinstance(values, list) for values in change.attributes.values())


@fuzzed
@given(st.data(), st.sampled_from(["", "token"]))
def test_pages(data: Any, token: str) -> None:
    """Of a server that is another one, or broken, or behind a proxy."""
    http = serve(lambda _: data.draw(answers(PAGES)))
    store = MemoryTokenStore(token)
    read(http, store)
    assert isinstance(store.token, str)


@fuzzed
@given(st.data(), st.sampled_from([ClientCredentials, Uma]))
def test_grants(data: Any, kind: Callable[..., httpx.Auth]) -> None:
    """Of an authorization server that is broken, or behind a proxy."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "as.example":
            granted: httpx.Response = data.draw(answers(GRANTS))
            return granted
        if "Authorization" in request.headers:
            return httpx.Response(data.draw(st.sampled_from([200, 200, 401])), json=PAGE)
        challenge = data.draw(mangled(st.just(b'UMA realm="x", ticket="abc"')))
        return _response(401, {"WWW-Authenticate": challenge}, b"")

    read(serve(answer), MemoryTokenStore(), kind(TOKENS, "id", "secret"))


@fuzzed
@given(
    octets=mangled(st.just(b"AQIBAAAA.abc\n")) | TEXTS.map(lambda t: t.encode("utf-8", "replace"))
)
def test_stored_tokens(tmp_path_factory: pytest.TempPathFactory, octets: bytes) -> None:
    """A file that was damaged leads to an error that says so, or to what the server says."""
    path = Path(tmp_path_factory.getbasetemp()) / "token"
    path.write_bytes(octets)
    read(serve(lambda _: httpx.Response(200, content=to_json(PAGE))), FileTokenStore(path))

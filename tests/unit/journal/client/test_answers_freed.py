"""An answer is freed with its last reference: a page is large, and a follower reads many."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import httpx
import pytest

from flask_gluu_changes.client.exchange import Exchange


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Leave circles of references as they are."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_an_answer_needs_no_collector() -> None:
    """Its stream holds it, and it holds its stream, as long as it is read."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"page"))
    with httpx.Client(transport=transport) as http:
        response = Exchange(http, 10).get(httpx.URL("http://127.0.0.1/"), {}, {}, 0)
        assert response.content == b"page"
        freed = weakref.ref(response.stream), weakref.ref(response)
    del response
    assert [one() for one in freed] == [None, None]

"""GET and HEAD are answered, OPTIONS tells so, and every other method gets a SCIM error."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from tests.support.apps import DOCUMENTS, OPERATION, Ask, detail_of, query_of, working_app
from tests.support.apps import ask as ask
from tests.support.apps import shape as shape

ALLOWED = {"GET", "HEAD", "OPTIONS"}


def _allowed(answer: TestResponse) -> set[str]:
    return {method.strip() for method in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize("path", [OPERATION, *DOCUMENTS])
@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "QUERY"]
)
def test_other_methods_are_answered_405_with_what_is_allowed(
    shape: str, path: str, method: str
) -> None:
    answer = working_app(shape).test_client().open(path, method=method)
    assert _allowed(answer) == ALLOWED
    assert detail_of(answer, 405).startswith(f"{method} is not allowed")


@pytest.mark.parametrize("path", [OPERATION, *DOCUMENTS])
def test_options_tells_what_is_allowed(shape: str, path: str) -> None:
    answer = working_app(shape).test_client().options(path)
    assert (answer.status_code, answer.data, _allowed(answer)) == (200, b"", ALLOWED)


@pytest.mark.parametrize("query", [query_of(), query_of(start="x")], ids=["good", "bad"])
def test_head_is_answered_as_get_without_a_body(ask: Ask, query: str) -> None:
    head, get = ask(query, method="HEAD"), ask(query)
    assert head.data == b""
    assert head.headers.pop("X-Request-Id") != get.headers.pop("X-Request-Id")
    assert (head.status, head.headers) == (get.status, get.headers)

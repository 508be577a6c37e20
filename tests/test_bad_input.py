"""Bad input and failing backends get a SCIM error that helps, on a bare app and under a host's Api.

SCIM errors are RFC 7644, section 3.12.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import quote, quote_from_bytes, urlencode

import pytest
from flask import Flask
from flask_smorest import Api
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from flask_gluu_changes import (
    Backend,
    BackendRefused,
    BackendUnavailable,
    ChangesQuery,
    Entry,
    GluuChanges,
)
from flask_gluu_changes.backends.memory import MemoryBackend

OPERATION = "/identity/restv1/scim/UpdatedUsers"
DOCUMENTS = [
    "/identity/scim/resource_changes.yaml",
    "/identity/scim/resource_changes.openapi.json",
]
GOOD = {"timeStamp": "2019-12-24T12:00:03Z", "start": "0", "pagesize": "10"}
ALLOWED = {"GET", "HEAD", "OPTIONS"}
INTERNALS = "cn=admin,o=gluu does not like (&(uid=*)(x=y))"
PEOPLE: list[Entry] = [
    {"uid": [uid], "inum": [uid], "updatedAt": [b"20200101000000Z"]} for uid in (b"a", b"b", b"c")
]

Ask = Callable[..., TestResponse]
Failure = Callable[[], Exception]


def _app(shape: str, backend: Backend) -> Flask:
    app = Flask(shape)
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass", PROPAGATE_EXCEPTIONS=False)
    app.config.update(API_TITLE="Host", API_VERSION="1", OPENAPI_VERSION="3.0.3")
    api = Api(app) if shape == "api" else None
    GluuChanges(app, backend=backend, api=api)
    return app


@cache
def _working(shape: str) -> Flask:
    return _app(shape, MemoryBackend(PEOPLE))


@pytest.fixture(params=["bare", "api"])
def shape(request: pytest.FixtureRequest) -> str:
    """A bare Flask app, and one whose flask-smorest Api has the blueprint."""
    return str(request.param)


@pytest.fixture
def ask(shape: str) -> Ask:
    """Ask for a page with a raw query string."""

    def get(query: str = urlencode(GOOD), method: str = "GET") -> TestResponse:
        return _working(shape).test_client().open(OPERATION, method=method, query_string=query)

    return get


def _query(**changed: str | None) -> str:
    """Encode the good parameters with some of them changed, or left out when None."""
    return urlencode({k: v for k, v in {**GOOD, **changed}.items() if v is not None})


def _raw(name: str, octets: str) -> str:
    """Write a parameter as it stands, behind the other good ones."""
    return f"{_query(**{name: None})}&{name}={octets}"


def _detail(answer: TestResponse, status: int) -> str:
    """Check that an answer is a SCIM error and nothing more; return its sentence."""
    assert answer.status_code == status
    assert answer.content_type == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.get_json()
    assert body.keys() - {"scimType"} == {"schemas", "status", "detail"}
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == str(status)
    assert body.get("scimType") == ("invalidValue" if status == 400 else None)
    assert isinstance(body["detail"], str)
    return str(body["detail"])


def _allowed(answer: TestResponse) -> set[str]:
    return {method.strip() for method in answer.headers["Allow"].split(",")}


# Parameters

NO_NUMBERS = [
    "",
    "ten",
    "-1",
    "-0",
    "1" + "0" * 30,
    "9" * 5000,
    "１０",  # noqa: RUF001
    "1_0",
    " 5",
    "5 ",
    "+5",
    "5\n",
    "1.0",
    "1e1",
    "0x10",
    "\0",
    "5\0",
]
NO_TIMES = [
    "",
    "yesterday",
    "1577188803",
    "2019-12-24",
    "2023-02-30T12:00:00Z",
    "2023-13-01T12:00:00Z",
    "2023-00-10T12:00:00Z",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-05:00",
    "0001-01-01T00:00:00+05:00",
    "2023-01-01T25:00:00Z",
    "2023-01-01T24:00:00Z",
    "2023-01-01T12:60:00Z",
    "2023-01-01T12:00:60Z",
    "2023-01-01T12:00:00+24:00",
    "2023-01-01T12:00:00+05:60",
    "2023-01-01T12:00:00  05:00",
    "2023-01-01T12:00:00.Z",
    "2023-01-01 12:00:00Z",
    " 2023-01-01T12:00:00Z",
    "2023-01-01T12:00:00Z\n",
    "２０２３-01-01T12:00:00Z",  # noqa: RUF001
    "\0",
    "2023-01-01T12:00:00Z\0",
    "*)(uid=*",
]


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("name", ["start", "pagesize", "pageSize"])
def test_a_number_that_is_none_is_refused_by_name(ask: Ask, name: str, value: str) -> None:
    parameters: dict[str, str | None] = {name: value}
    if name == "pageSize":
        parameters["pagesize"] = None
    detail = _detail(ask(_query(**parameters)), 400)
    assert detail.startswith(f"{name.lower()}: No suitable value")
    assert "whole number from" in detail


@pytest.mark.parametrize("value", NO_TIMES)
def test_a_time_that_is_none_is_refused_by_name(ask: Ask, value: str) -> None:
    assert _detail(ask(_query(timeStamp=value)), 400).startswith("timeStamp: Unparsable date: '")


@pytest.mark.parametrize("name", ["timeStamp", "pagesize"])
def test_a_missing_parameter_is_named(ask: Ask, name: str) -> None:
    assert _detail(ask(_query(**{name: None})), 400).startswith(f"{name}: It is missing")


def test_every_wrong_parameter_is_named_at_once(ask: Ask) -> None:
    detail = _detail(ask("start=x&pagesize=0"), 400)
    assert all(f"{name}: " in detail for name in GOOD)


@pytest.mark.parametrize("name", ["timeStamp", "start", "pagesize", "pageSize"])
@pytest.mark.parametrize("second", ["same", "other", ""])
def test_a_repeated_parameter_is_refused_by_name(ask: Ask, name: str, second: str) -> None:
    value = {**GOOD, "pageSize": "10"}[name]
    left_out = {"pagesize": None} if name == "pageSize" else {}
    query = urlencode([(name, value), (name, value if second == "same" else second)])
    assert _detail(ask(f"{_query(**{name: None, **left_out})}&{query}"), 400).startswith(
        f"{name}: It is repeated"
    )


def test_start_defaults_to_the_beginning(ask: Ask) -> None:
    assert ask(_query(start=None)).get_json()["total"] == 3


@pytest.mark.parametrize(
    ("start", "pagesize", "total"),
    [("0", "1", 1), ("2", "1000", 1), ("00", "0002", 2), (str(2**31 - 1), "10", 0)],
)
def test_numbers_at_their_bounds_are_served(
    ask: Ask, start: str, pagesize: str, total: int
) -> None:
    answer = ask(_query(start=start, pagesize=pagesize))
    assert (answer.status_code, answer.get_json()["total"]) == (200, total)


@pytest.mark.parametrize(
    ("name", "value"), [("pagesize", "0"), ("pagesize", "1001"), ("start", str(2**31))]
)
def test_numbers_beyond_their_bounds_are_refused(ask: Ask, name: str, value: str) -> None:
    assert _detail(ask(_query(**{name: value})), 400).startswith(f"{name}: No suitable value")


def test_the_second_spelling_of_pagesize_counts_as_the_first(ask: Ask) -> None:
    assert ask(_query(pagesize=None, pageSize="2")).get_json()["total"] == 2


def test_both_spellings_may_come_when_they_are_equal(ask: Ask) -> None:
    assert ask(_query(pagesize="2", pageSize="2")).get_json()["total"] == 2


@pytest.mark.parametrize("second", ["3", "02", ""])
def test_both_spellings_are_refused_when_they_differ(ask: Ask, second: str) -> None:
    detail = _detail(ask(_query(pagesize="2", pageSize=second)), 400)
    assert detail.startswith("pagesize: It differs from pageSize")


@pytest.mark.parametrize("extra", ["count=5", "count=5&count=6", "PAGESIZE=1", "%FF=%FF", "&=&x"])
def test_unknown_parameters_are_ignored(ask: Ask, extra: str) -> None:
    answer = ask(f"{extra}&{_query()}")
    assert (answer.status_code, answer.get_json()["total"]) == (200, 3)


@pytest.mark.parametrize("offset", ["+05:00", "%2B05:00", "%2b05:00", "%2005:00", "%2B0500"])
def test_the_plus_of_an_offset_may_come_unencoded(ask: Ask, offset: str) -> None:
    answer = ask(_raw("timeStamp", f"2020-02-01T04:30:00{offset}"))
    assert answer.get_json()["latestUpdateAt"] == "2020-01-31T23:30:00Z"


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("octets", ["%FF", "%C3%28", "%ED%A0%80", "%", "%0", "%zz", "\xff"])
def test_octets_that_are_no_text_are_refused_by_name(ask: Ask, name: str, octets: str) -> None:
    assert _detail(ask(_raw(name, octets)), 400).startswith(f"{name}: ")


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    "value", ["\r\n\t\x1b[31m\x7f\x85\u2028\u202e", "<script>'\"", "x" * 10_240, "\U0001f600" * 90]
)
def test_a_wrong_value_is_echoed_escaped_and_cut_to_64_characters(
    ask: Ask, name: str, value: str
) -> None:
    detail = _detail(ask(_query(**{name: value})), 400)
    echoed = detail[detail.index("'") + 1 : detail.index("; send")].removesuffix("'")
    assert echoed.isprintable()
    assert len(echoed.removesuffix("…")) <= 64
    assert echoed.removesuffix("…").isascii()
    assert len(detail) < 200


# Methods


@pytest.mark.parametrize("path", [OPERATION, *DOCUMENTS])
@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "QUERY"]
)
def test_other_methods_are_answered_405_with_what_is_allowed(
    shape: str, path: str, method: str
) -> None:
    answer = _working(shape).test_client().open(path, method=method)
    assert _allowed(answer) == ALLOWED
    assert _detail(answer, 405).startswith(f"{method} is not allowed")


@pytest.mark.parametrize("path", [OPERATION, *DOCUMENTS])
def test_options_tells_what_is_allowed(shape: str, path: str) -> None:
    answer = _working(shape).test_client().options(path)
    assert (answer.status_code, answer.data, _allowed(answer)) == (200, b"", ALLOWED)


@pytest.mark.parametrize("query", [_query(), _query(start="x")], ids=["good", "bad"])
def test_head_is_answered_as_get_without_a_body(ask: Ask, query: str) -> None:
    head, get = ask(query, method="HEAD"), ask(query)
    assert head.data == b""
    assert (head.status, head.headers) == (get.status, get.headers)


# Backends


class FailingBackend(MemoryBackend):
    """Fails as it is told: at the call, at the first entry, or in the middle."""

    def __init__(self, failure: Failure, stage: str) -> None:
        super().__init__(PEOPLE)
        self.failure: Failure | None = failure
        self.stage = stage

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        """Yield some entries, perhaps, and fail."""
        found = super().changes(query)
        if self.failure is None:
            return found
        if self.stage == "at the call":
            raise self.failure()
        return self._fail(found, self.failure)

    def _fail(self, found: Iterator[Entry], failure: Failure) -> Iterator[Entry]:
        if self.stage == "in the middle":
            yield next(found)
        raise failure()


@pytest.fixture(params=["at the call", "at the first entry", "in the middle"])
def stage(request: pytest.FixtureRequest) -> str:
    """When a backend fails; the answer must not depend on it."""
    return str(request.param)


def _failing(shape: str, stage: str, failure: Failure, query: str = "") -> TestResponse:
    app = _app(shape, FailingBackend(failure, stage))
    return app.test_client().get(OPERATION, query_string=query or _query())


def test_a_backend_that_is_unavailable_is_answered_503(
    shape: str, stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With Retry-After; the operator reads the reason in the log, the client does not."""
    answer = _failing(shape, stage, lambda: BackendUnavailable(INTERNALS, retry_after=17))
    assert _detail(answer, 503) == BackendUnavailable.public
    assert answer.headers["Retry-After"] == "17"
    assert INTERNALS in caplog.text


def test_a_backend_that_refuses_is_answered_500(
    shape: str, stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = _failing(shape, stage, lambda: BackendRefused(INTERNALS))
    assert _detail(answer, 500) == BackendRefused.public
    assert "Retry-After" not in answer.headers
    assert INTERNALS in caplog.text


def test_a_backends_own_sentence_for_clients_is_used(shape: str) -> None:
    failure = BackendRefused(INTERNALS, public="Too many people changed.")
    assert _detail(_failing(shape, "at the call", lambda: failure), 500) == failure.public


@pytest.mark.parametrize("kind", [RuntimeError, LookupError, ValueError, OSError, RecursionError])
def test_any_other_exception_is_answered_500_and_logged(
    shape: str, stage: str, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Without its text: a client learns nothing of names, filters and types."""
    answer = _failing(shape, stage, lambda: kind(INTERNALS))
    assert _detail(answer, 500) == "The server failed. Its operator finds the reason in the log."
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], kind)
    assert INTERNALS in caplog.text


def test_an_attribute_type_that_cannot_be_asked_for_is_answered_503(shape: str) -> None:
    class Typeless(MemoryBackend):
        def attribute_type(self, name: str) -> None:
            raise BackendUnavailable(INTERNALS)

    answer = _app(shape, Typeless(PEOPLE)).test_client().get(OPERATION, query_string=_query())
    assert _detail(answer, 503) == BackendUnavailable.public


@pytest.mark.parametrize("start", ["0", "1"])
def test_nothing_is_kept_of_an_answer_that_failed(shape: str, stage: str, start: str) -> None:
    """Once the backend is well, the whole list is there, at any offset."""
    backend = FailingBackend(lambda: BackendUnavailable("away"), stage)
    client = _app(shape, backend).test_client()
    assert client.get(OPERATION, query_string=_query(start=start)).status_code == 503
    backend.failure = None
    for offset, uids in [("1", ["b", "c"]), ("0", ["a", "b", "c"])]:
        page = client.get(OPERATION, query_string=_query(start=offset)).get_json()
        assert [uid for entry in page["results"] for uid in entry["uid"]] == uids


# Anything at all

texts = st.text().map(quote)
octets = st.binary().map(quote_from_bytes)
numbers = st.integers().map(str)
times = st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\S{,7}")
raw = st.text(st.characters(max_codepoint=255, exclude_characters="&#"))


@pytest.mark.parametrize("name", [*GOOD, "pageSize", "unknown"])
@given(value=st.one_of(texts, octets, numbers, times.map(quote), raw))
@settings(max_examples=200, derandomize=True, database=None, deadline=None)
def test_whatever_a_parameter_holds_the_answer_is_a_page_or_a_400(name: str, value: str) -> None:
    """Under both kinds of application, and the same under both."""
    query = _raw(name, value)
    bare, api = (
        _working(shape).test_client().get(OPERATION, query_string=query)
        for shape in ("bare", "api")
    )
    assert bare.data == api.data
    for answer in (bare, api):
        if answer.status_code == 200:
            assert answer.get_json().keys() == {"total", "latestUpdateAt", "results"}
        else:
            assert _detail(answer, 400).startswith(
                f"{name.lower() if name != 'timeStamp' else name}: "
            )

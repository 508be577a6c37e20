"""A backend that fails gets a SCIM error that tells clients what to do, and the log the reason."""

from __future__ import annotations

import logging

import pytest
from werkzeug.test import TestResponse

from flask_gluu_changes import BackendRefused, BackendUnavailable
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support.apps import OPERATION, PEOPLE, detail_of, make_app, query_of
from tests.support.apps import shape as shape
from tests.support.failing import FailingBackend, Failure

INTERNALS = "cn=admin,o=gluu does not like (&(uid=*)(x=y))"


@pytest.fixture(params=["at the call", "at the first entry", "in the middle"])
def stage(request: pytest.FixtureRequest) -> str:
    """When a backend fails; the answer must not depend on it."""
    return str(request.param)


def _failing(shape: str, stage: str, failure: Failure, query: str = "") -> TestResponse:
    app = make_app(shape, FailingBackend(failure, stage))
    return app.test_client().get(OPERATION, query_string=query or query_of())


def test_a_backend_that_is_unavailable_is_answered_503(
    shape: str, stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With Retry-After; the operator reads the reason in the log, the client does not."""
    answer = _failing(shape, stage, lambda: BackendUnavailable(INTERNALS, retry_after=17))
    assert detail_of(answer, 503) == BackendUnavailable.public
    assert answer.headers["Retry-After"] == "17"
    assert INTERNALS in caplog.text


def test_a_backend_that_refuses_is_answered_500(
    shape: str, stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = _failing(shape, stage, lambda: BackendRefused(INTERNALS))
    assert detail_of(answer, 500) == BackendRefused.public
    assert "Retry-After" not in answer.headers
    assert INTERNALS in caplog.text


def test_a_backends_own_sentence_for_clients_is_used(shape: str) -> None:
    failure = BackendRefused(INTERNALS, public="Too many people changed.")
    assert detail_of(_failing(shape, "at the call", lambda: failure), 500) == failure.public


@pytest.mark.parametrize("kind", [RuntimeError, LookupError, ValueError, OSError, RecursionError])
def test_any_other_exception_is_answered_500_and_logged(
    shape: str, stage: str, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Without its text: a client learns nothing of names, filters and types."""
    answer = _failing(shape, stage, lambda: kind(INTERNALS))
    assert detail_of(answer, 500) == "The server failed. Its operator finds the reason in the log."
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], kind)
    assert INTERNALS in caplog.text


def test_an_attribute_type_that_cannot_be_asked_for_is_answered_503(shape: str) -> None:
    class Typeless(MemoryBackend):
        def attribute_type(self, name: str) -> None:
            raise BackendUnavailable(INTERNALS)

    answer = make_app(shape, Typeless(PEOPLE)).test_client().get(OPERATION, query_string=query_of())
    assert detail_of(answer, 503) == BackendUnavailable.public


@pytest.mark.parametrize("start", ["0", "1"])
def test_nothing_is_kept_of_an_answer_that_failed(shape: str, stage: str, start: str) -> None:
    """Once the backend is well, the whole list is there, at any offset."""
    backend = FailingBackend(lambda: BackendUnavailable("away"), stage)
    client = make_app(shape, backend).test_client()
    assert client.get(OPERATION, query_string=query_of(start=start)).status_code == 503
    backend.failure = None
    for offset, uids in [("1", ["b", "c"]), ("0", ["a", "b", "c"])]:
        page = client.get(OPERATION, query_string=query_of(start=offset)).get_json()
        assert [uid for entry in page["results"] for uid in entry["uid"]] == uids

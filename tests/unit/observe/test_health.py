"""Who asks whether the operation is ready gets the truth, and asking often costs nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask_smorest import Api
from werkzeug.middleware.proxy_fix import ProxyFix
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
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.journal.tables import now
from flask_gluu_changes.journal.writer import WriteBatch
from flask_gluu_changes.observe.health import LOOK_PATIENCE, NOBODY_SINCE, Readiness
from tests.support.apps import OPERATION, PEOPLE, make_app
from tests.support.apps import shape as shape
from tests.support.audited import Records
from tests.support.journal_site import Site
from tests.support.journals import Journal, memory_engine
from tests.support.protection import MakeSite

QUERY = ChangesQuery(NOBODY_SINCE)


class CountedBackend(Backend):
    """Counts how often it is asked; `error` is raised, and `blocked` waited for."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.blocked = threading.Event()
        self.blocked.set()
        self.entered = threading.Event()

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        self.asked += 1
        self.entered.set()
        assert self.blocked.wait(10)
        if self.error:
            raise self.error
        return iter(())


class Time:
    """A clock that stands still unless a test moves it."""

    at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def time() -> Time:
    return Time()


def ready(app: Flask, path: str = OPERATION) -> tuple[int, object]:
    """Ask, without any credentials."""
    answer = app.test_client().get(f"{path}/readyz")
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.get_json()


def test_a_store_that_answers_is_ready(shape: str) -> None:
    assert ready(make_app(shape, MemoryBackend(PEOPLE))) == (200, {"status": "ready"})


@pytest.mark.parametrize("error", [BackendUnavailable("ldap://secret"), RuntimeError("secret")])
def test_a_store_that_does_not_answer(
    error: Exception, shape: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Everybody learns which check fails; the reason is the operator's."""
    backend = CountedBackend()
    backend.error = error
    answer = make_app(shape, backend).test_client().get(f"{OPERATION}/readyz")
    assert (answer.status_code, answer.get_json()["failed"]) == (503, "store")
    assert "secret" not in answer.text
    assert "not ready, the check store fails" in caplog.text


def test_alive_is_who_answers(shape: str) -> None:
    """Else an orchestrator would end every process because the store is away."""
    backend = CountedBackend()
    backend.error = BackendUnavailable("away")
    answer = make_app(shape, backend).test_client().get(f"{OPERATION}/livez")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})
    assert not backend.asked


def test_nobody_needs_a_token(make_site: MakeSite, host: str, records: Records) -> None:
    """And no record is made of probes."""
    site = make_site("oauth", host)
    for name in ("livez", "readyz"):
        assert site.get(path=f"{OPERATION}/{name}", query_string="").status_code == 200
    assert not site.server.calls
    assert not records.kept


@pytest.mark.parametrize("name", ["livez", "readyz"])
def test_other_methods_are_refused(name: str, shape: str) -> None:
    """By a SCIM error, as elsewhere."""
    app = make_app(shape, MemoryBackend())
    answer = app.test_client().post(f"{OPERATION}/{name}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert app.test_client().head(f"{OPERATION}/{name}").status_code == 200


def test_under_a_prefix_and_behind_a_proxy(shape: str) -> None:
    """The probes are where the operation is."""
    app = Flask(shape)
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    app.config.update(API_TITLE="Host", API_VERSION="1", OPENAPI_VERSION="3.0.3")
    app.config["GLUU_CHANGES_URL_PREFIX"] = "/deep/scim"
    api = Api(app) if shape == "api" else None
    GluuChanges(app, backend=MemoryBackend(), api=api)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    answer: TestResponse = app.test_client().get(
        "/deep/scim/UpdatedUsers/readyz", headers={"X-Forwarded-Prefix": "/outer"}
    )
    assert answer.status_code == 200
    assert api is None or not any("readyz" in path for path in api.spec.to_dict()["paths"])


def test_a_journal_that_nobody_follows() -> None:
    """Its tables are not there yet."""
    app = make_app("bare", JournalBackend(memory_engine()))
    assert ready(app) == (503, {"status": "not ready", "failed": "store"})


def test_a_journal_that_is_being_built() -> None:
    journal = Journal(memory_engine(), built=False)
    assert ready(Site(journal).app) == (503, {"status": "not ready", "failed": "built"})


def test_a_journal_that_was_never_confirmed(journal: Journal) -> None:
    assert ready(Site(journal).app) == (503, {"status": "not ready", "failed": "confirmed"})


@pytest.mark.parametrize(("age", "status"), [(50, 200), (70, 503)])
def test_a_journal_that_was_confirmed(age: int, status: int, journal: Journal) -> None:
    """Within GLUU_CHANGES_READY_LAG it is ready."""
    journal.writer.commit(WriteBatch(confirmed_at=now() - age * 1_000_000))
    assert ready(Site(journal, ready_lag=60).app)[0] == status


def test_a_flood_makes_one_look_a_second(time: Time) -> None:
    """However many ask."""
    backend = CountedBackend()
    readiness = Readiness(backend, QUERY, 60, elapsed=time)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: readiness.health(), range(1000)))
        assert backend.asked == 1
        time.at += 1.0
        list(threads.map(lambda _: readiness.health(), range(1000)))
    assert backend.asked == 2


def test_a_flood_over_http_makes_one_look_a_second() -> None:
    """Measured by the clock: a second of it, and no more looks than it has seconds."""
    backend = CountedBackend()
    client = make_app("bare", backend).test_client()
    for _ in range(300):
        assert client.get(f"{OPERATION}/readyz").status_code == 200
    assert backend.asked <= 2


def test_nobody_waits_while_a_store_is_slow(time: Time) -> None:
    """One asks it; the others are told what was seen last, and soon that it is not ready."""
    backend = CountedBackend()
    readiness = Readiness(backend, QUERY, 60, elapsed=time)
    assert not readiness.health().failed
    time.at += 2
    backend.blocked.clear()
    backend.entered.clear()
    slow = threading.Thread(target=readiness.health)
    slow.start()
    assert backend.entered.wait(10)
    assert not readiness.health().failed
    time.at += LOOK_PATIENCE
    assert readiness.health().failed == "store"
    backend.blocked.set()
    slow.join(10)
    assert not readiness.health().failed
    assert backend.asked == 2


def test_the_log_says_when_it_begins_and_ends(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """Once each, not at every look."""
    caplog.set_level(logging.INFO)
    backend = CountedBackend()
    readiness = Readiness(backend, QUERY, 60, elapsed=time)
    for error in (None, BackendUnavailable("away"), BackendUnavailable("away"), None, None):
        backend.error = error
        readiness.health()
        time.at += 2
    assert caplog.messages == ["not ready, the check store fails: away", "ready again"]


def test_an_sql_store_is_pinged(tmp_path: Path) -> None:
    """Without its table being read: there is none."""
    SqlBackend(f"sqlite:///{tmp_path}/people.db").ping(QUERY)
    with pytest.raises(BackendRefused):
        SqlBackend(f"sqlite:///{tmp_path}/nowhere/people.db").ping(QUERY)

"""Habits of host applications do not change what the operation answers."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask
from flask_smorest import Api

from flask_gluu_changes import BackendUnavailable, ConfigurationError, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support.apps import OPERATION, PEOPLE, detail_of, query_of
from tests.support.failing import FailingBackend

HOST = "idp.example.org"
OAUTH = {
    "GLUU_CHANGES_PROTECTION": "oauth",
    "GLUU_CHANGES_ISSUER": "https://idp.example.org",
    "GLUU_CHANGES_CLIENT_ID": "changes-api",
    "GLUU_CHANGES_CLIENT_SECRET": "secret",
}
BYPASS = {"GLUU_CHANGES_PROTECTION": "bypass", "GLUU_CHANGES_ALLOW_BYPASS": True}
API = {"API_TITLE": "Host", "API_VERSION": "1", "OPENAPI_VERSION": "3.0.3"}
DOCUMENT = "/identity/restv1/scim/resource_changes.openapi.json"


def _matching_hosts(**settings: Any) -> Flask:
    app = Flask("host", host_matching=True, static_host=HOST)
    app.config.update(settings)
    return app


def test_the_operation_answers_at_the_host_that_is_set() -> None:
    """All of its URLs do, and no other host's."""
    app = _matching_hosts(**BYPASS, GLUU_CHANGES_URL_HOST=HOST)
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    client = app.test_client()
    there, query = f"http://{HOST}", query_of()
    assert client.get(f"{OPERATION}?{query}", base_url=there).json["total"] == 3  # type: ignore[index]
    assert client.post(OPERATION, base_url=there).status_code == 405
    documents = [str(rule) for rule in app.url_map.iter_rules() if "openapi.json" in rule.rule]
    path = documents[0].rpartition("|")[2]
    assert client.get(path, base_url=there).status_code == 200
    assert client.get(f"{OPERATION}?{query}", base_url="http://other.example").status_code == 404


def test_the_metadata_is_at_that_host_too() -> None:
    """A client that is refused finds where tokens come from."""
    resource = f"https://{HOST}{OPERATION}"
    app = _matching_hosts(**OAUTH, GLUU_CHANGES_URL_HOST=HOST, GLUU_CHANGES_RESOURCE=resource)
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    well_known = f"/.well-known/oauth-protected-resource{OPERATION}"
    answer = app.test_client().get(well_known, base_url=f"http://{HOST}")
    assert answer.json["resource"] == resource  # type: ignore[index]


def test_a_hosts_api_documents_the_operation_at_that_host() -> None:
    """The host is no parameter of the path."""
    app = _matching_hosts(**BYPASS, **API, GLUU_CHANGES_URL_HOST=HOST)
    api = Api(app)
    GluuChanges(app, backend=MemoryBackend(PEOPLE), api=api)
    assert OPERATION in api.spec.to_dict()["paths"]


def test_a_host_that_is_missing_is_asked_for() -> None:
    """Without one every URL would be 404."""
    with pytest.raises(ConfigurationError, match="set GLUU_CHANGES_URL_HOST to the host"):
        GluuChanges(_matching_hosts(**BYPASS), backend=MemoryBackend(PEOPLE))


def test_a_host_that_would_not_count_is_refused() -> None:
    """Flask ignores the host of a rule unless hosts are matched."""
    app = Flask("host")
    app.config.update(BYPASS, GLUU_CHANGES_URL_HOST=HOST)
    with pytest.raises(ConfigurationError, match=r"is for a Flask\(host_matching=True\) alone"):
        GluuChanges(app, backend=MemoryBackend(PEOPLE))


@pytest.mark.parametrize("host", ["<host>", "a/b", "a b", "bücher.example"])
def test_what_is_no_host_is_refused(host: str) -> None:
    """It would be a pattern, or match nothing."""
    app = _matching_hosts(**BYPASS, GLUU_CHANGES_URL_HOST=host)
    with pytest.raises(ConfigurationError, match="must be a host's name"):
        GluuChanges(app, backend=MemoryBackend(PEOPLE))


def _with_pages(backend: Any) -> Flask:
    """Make an application that shows a page of its own for every exception and every status."""
    app = Flask("host")
    app.config.update(BYPASS)
    GluuChanges(app, backend=backend)
    for kind in (Exception, 400, 404, 405, 500, 503):
        app.register_error_handler(kind, lambda error: ("<h1>sorry</h1>", 418))
    return app


@pytest.mark.parametrize(
    ("failure", "status"),
    [(BackendUnavailable("gone"), 503), (RuntimeError("odd"), 500), (OSError("disk"), 500)],
)
def test_a_hosts_handler_of_all_exceptions_answers_elsewhere(
    failure: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients of the operation read JSON, and the reason is in the log."""
    app = _with_pages(FailingBackend(lambda: failure, "at the call"))
    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get(OPERATION, query_string=query_of())
    assert detail_of(answer, status)
    assert type(failure).__name__ in caplog.text or str(failure) in caplog.text
    assert app.test_client().get("/elsewhere").status_code == 418


def test_requests_that_are_refused_are_scim_errors_too() -> None:
    """A bad query and another method are answered by the operation."""
    client = _with_pages(MemoryBackend(PEOPLE)).test_client()
    assert detail_of(client.get(OPERATION, query_string="timeStamp=x"), 400)
    assert detail_of(client.post(OPERATION), 405)


def test_an_exception_propagates_where_the_host_wants_it() -> None:
    """Debuggers and tests of the host see what went wrong."""
    app = _with_pages(FailingBackend(lambda: RuntimeError("odd"), "at the call"))
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(RuntimeError, match="odd"):
        app.test_client().get(OPERATION, query_string=query_of())

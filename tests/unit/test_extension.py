"""A guest that changes nothing: the host behaves as before, outside the blueprint's URLs."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import Any

import pytest
from flask import Flask
from flask_smorest import Api

from flask_gluu_changes import ConfigurationError, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from tests.support import hosts
from tests.support.hosts import make_host
from tests.support.paths import ROOT

OPERATION = "/identity/restv1/scim/UpdatedUsers"
PAGE = f"{OPERATION}?timeStamp=2020-01-01T00:00:00Z&pagesize=5"
PEOPLE = [{"uid": ["a"], "inum": ["1"], "updatedAt": ["20240101000000Z"]}]
REQUESTS = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("OPTIONS", "/"),
    ("POST", "/"),
    ("GET", "/json"),
    ("GET", "/broken"),
    ("GET", "/refused"),
    ("GET", "/missing"),
    ("GET", "/pets/?name=Rex&age=3"),
    ("GET", "/pets/?age=old"),
    ("GET", "/pets/?name=Rex&name=Tom&pageSize=1"),
    ("GET", "/own-arguments?name=Rex"),
    ("GET", "/own-arguments?age=old"),
    ("DELETE", "/pets/"),
    ("GET", "/pets"),
    ("GET", "/identity/other"),
    ("GET", "/identity/restv1/scim"),
    ("GET", f"{OPERATION}/"),
    ("GET", f"{OPERATION}s"),
    ("GET", "/identity/scim/resource_changes.txt"),
]


def answers_with(guest: str) -> list[Any]:
    """Ask a host in a process of its own, so that nothing leaks from one to another.

    The seed is fixed because the order of methods in `Allow` is that of a set.
    """
    command = [sys.executable, "-m", hosts.__name__, guest]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    text = json.dumps(REQUESTS)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        input=text,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers


def documented(app: Flask) -> dict[str, Any]:
    """Read the host's own OpenAPI document."""
    document = app.test_client().get("/docs/openapi.json").get_json()
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("guest", ["beside", "under"])
def test_the_host_answers_as_before(guest: str) -> None:
    """Every answer outside the blueprint's URLs is the same, byte for byte, headers included."""
    alone = answers_with("none")
    assert answers_with(guest) == alone
    assert {status for status, *_ in alone} >= {200, 400, 404, 405, 422, 500}


@pytest.mark.parametrize("under_its_api", [False, True], ids=["beside its Api", "under its Api"])
def test_the_guest_answers(under_its_api: bool) -> None:
    """The operation is there, with the host's Api and without."""
    host, api = make_host()
    GluuChanges(host, backend=MemoryBackend(PEOPLE), api=api if under_its_api else None)
    assert host.test_client().get(PAGE).get_json()["total"] == 1


def test_beside_its_api_the_document_is_the_hosts_own() -> None:
    """Without `api=` the host's OpenAPI document does not change."""
    plain, _ = make_host()
    host, _ = make_host()
    GluuChanges(host, backend=MemoryBackend(PEOPLE))
    assert documented(host) == documented(plain)


def test_under_its_api_the_document_has_the_operation() -> None:
    """With `api=` the host's document gains the operation and what that needs, and no more."""
    plain, _ = make_host()
    host, api = make_host()
    GluuChanges(host, backend=MemoryBackend(PEOPLE), api=api)
    before, after = documented(plain), documented(host)
    assert after["paths"].keys() - before["paths"].keys() == {OPERATION}
    assert {path: after["paths"][path] for path in before["paths"]} == before["paths"]
    assert before["components"]["schemas"].items() <= after["components"]["schemas"].items()
    assert [tag["name"] for tag in after["tags"]] == ["pets", "gluu_changes"]
    assert after["info"] == before["info"]


def test_a_bare_app() -> None:
    """An app without flask-smorest gets the operation and its documents, and keeps its errors."""
    app = Flask("bare")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    before = app.test_client().get("/missing").data
    app = Flask("bare")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    client = app.test_client()
    assert client.get(PAGE).get_json()["total"] == 1
    assert client.get("/missing").data == before
    assert "flask-smorest" not in app.extensions


def test_errors_inside_are_scims() -> None:
    """Inside the blueprint's URLs errors are SCIM's, whatever pages the host has."""
    host, api = make_host()
    GluuChanges(host, backend=MemoryBackend(PEOPLE), api=api)
    client = host.test_client()
    for answer in (client.get(OPERATION), client.post(OPERATION)):
        assert answer.get_json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_each_app_has_its_own_state() -> None:
    """Two apps in one process, made by one extension object, share nothing."""
    changes, clients = GluuChanges(), []
    for limit, people in ((5, []), (6, PEOPLE)):
        app = Flask(f"app{limit}")
        app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
        app.config["GLUU_CHANGES_MAX_PAGE_SIZE"] = limit
        changes.init_app(app, backend=MemoryBackend(people))
        clients.append(app.test_client())
    assert [client.get(PAGE).get_json()["total"] for client in clients] == [0, 1]
    six = PAGE.replace("pagesize=5", "pagesize=6")
    assert [client.get(six).status_code for client in clients] == [400, 200]


def test_another_path() -> None:
    """The host chooses where the operation and its documents are."""
    app = Flask("moved")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    app.config.update(GLUU_CHANGES_URL_PREFIX="/api/", GLUU_CHANGES_DOCUMENTS_PREFIX="/")
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    client = app.test_client()
    assert client.get(PAGE.replace("/identity/restv1/scim", "/api")).get_json()["total"] == 1
    assert client.get(PAGE).status_code == 404
    document = client.get("/resource_changes.openapi.json").get_json()
    assert document["servers"] == [{"url": "/api"}]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "GLUU_CHANGES_PROTECTION is missing"),
        ({"GLUU_CHANGES_PROTECTION": "none"}, "must be one of"),
        ({"GLUU_CHANGES_PROTECTION": "bypass"}, "set GLUU_CHANGES_ALLOW_BYPASS to true"),
        (
            {"GLUU_CHANGES_PROTECTION": "bypass", "GLUU_CHANGES_MAXPAGESIZE": 3},
            "did you mean GLUU_CHANGES_MAX_PAGE_SIZE",
        ),
    ],
)
def test_wrong_settings_do_not_start(settings: dict[str, Any], sentence: str) -> None:
    """An operator's mistake is refused when the app is made, and says what to do."""
    app = Flask("wrong")
    app.config.update(settings)
    with pytest.raises(ConfigurationError, match=sentence):
        GluuChanges(app, backend=MemoryBackend())
    assert "gluu_changes" not in app.blueprints


def test_bypass_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """An app that is open to everybody says so at every start."""
    app = Flask("open")
    app.config.update(GLUU_CHANGES_PROTECTION="bypass", GLUU_CHANGES_ALLOW_BYPASS="true")
    with caplog.at_level(logging.WARNING):
        GluuChanges(app, backend=MemoryBackend())
    assert "everybody can read every person" in caplog.text


def test_twice_is_once_too_often() -> None:
    """Registering again, or without a backend, is a mistake that is named."""
    app = Flask("twice")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    GluuChanges(app, backend=MemoryBackend())
    with pytest.raises(ConfigurationError, match="already registered"):
        GluuChanges(app, backend=MemoryBackend())
    with pytest.raises(ConfigurationError, match="needs a backend"):
        GluuChanges(Flask("none"))


def test_the_host_may_register_its_api_later() -> None:
    """An Api made after the guest was registered documents the host alone."""
    host = Flask("later")
    host.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass")
    host.config.update(API_TITLE="Later", API_VERSION="1", OPENAPI_VERSION="3.0.3")
    GluuChanges(host, backend=MemoryBackend(PEOPLE))
    api = Api(host)
    assert host.test_client().get(PAGE).status_code == 200
    assert api.spec.to_dict()["paths"] == {}

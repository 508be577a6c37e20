"""The operation on applications of both shapes, and what an answer that is an error holds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask_smorest import Api
from werkzeug.test import TestResponse

from flask_gluu_changes import Backend, Entry, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend

from .markers import TOKEN_SECRET

OPERATION = "/identity/restv1/scim/UpdatedUsers"
DOCUMENTS = [
    "/identity/scim/resource_changes.yaml",
    "/identity/scim/resource_changes.openapi.json",
]
GOOD = {"timeStamp": "2019-12-24T12:00:03Z", "start": "0", "pagesize": "10"}
PEOPLE: list[Entry] = [
    {"uid": [uid], "inum": [uid], "updatedAt": [b"20200101000000Z"]} for uid in (b"a", b"b", b"c")
]

Ask = Callable[..., TestResponse]


def make_app(shape: str, backend: Backend) -> Flask:
    """Make a bare Flask app, or one whose flask-smorest Api has the blueprint."""
    app = Flask(shape)
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass", PROPAGATE_EXCEPTIONS=False)
    app.config["SECRET_KEY"] = TOKEN_SECRET
    app.config.update(API_TITLE="Host", API_VERSION="1", OPENAPI_VERSION="3.0.3")
    api = Api(app) if shape == "api" else None
    GluuChanges(app, backend=backend, api=api)
    return app


@cache
def working_app(shape: str) -> Flask:
    """Make an application that serves three people, once for each shape."""
    return make_app(shape, MemoryBackend(PEOPLE))


@pytest.fixture(params=["bare", "api"])
def shape(request: pytest.FixtureRequest) -> str:
    """A bare Flask app, and one whose flask-smorest Api has the blueprint."""
    return str(request.param)


@pytest.fixture
def ask(shape: str) -> Ask:
    """Ask for a page with a raw query string."""

    def get(query: str = urlencode(GOOD), method: str = "GET") -> TestResponse:
        return working_app(shape).test_client().open(OPERATION, method=method, query_string=query)

    return get


def query_of(**changed: str | None) -> str:
    """Encode the good parameters with some of them changed, or left out when None."""
    return urlencode({k: v for k, v in {**GOOD, **changed}.items() if v is not None})


def with_octets(name: str, octets: str) -> str:
    """Write a parameter as it stands, behind the other good ones."""
    return f"{query_of(**{name: None})}&{name}={octets}"


def detail_of(answer: TestResponse, status: int) -> str:
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

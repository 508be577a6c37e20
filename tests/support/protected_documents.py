"""The documents of protected applications, in each mode."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from flask import Flask
from flask_smorest import Api

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.protection import Guard
from flask_gluu_changes.protection.guard import Requirement, Schemes

Document = dict[str, Any]

NAMES = {"swagger": "resource_changes.yaml", "openapi": "resource_changes.openapi.json"}
ISSUER = "https://idp.example.org"
CLIENT: dict[str, object] = {
    "CLIENT_ID": "changes-api",
    "CLIENT_SECRET": "secret",
    "ISSUER": ISSUER,
}
HOSTS_OWN = {"type": "http", "scheme": "basic"}
MODES: dict[str, dict[str, object]] = {
    "oauth": CLIENT,
    "test": CLIENT,
    "uma": {**CLIENT, "UMA_SCOPE": f"{ISSUER}/scim_access"},
    "bypass": {"ALLOW_BYPASS": True},
}


def host_of(version: str, mode: str, **more: object) -> Flask:
    """A host application with its own document of a version."""
    app = Flask(__name__)
    app.config.update(API_TITLE="Host", API_VERSION="1", OPENAPI_VERSION=version)
    settings = {"PROTECTION": mode, **MODES.get(mode, {}), **more}
    app.config.update({f"GLUU_CHANGES_{key}": value for key, value in settings.items()})
    return app


def own_document(kind: str, mode: str, **more: object) -> Document:
    """What an application without an Api serves."""
    app = host_of("3.0.3", mode, **more)
    GluuChanges(app, backend=MemoryBackend())
    answer = app.test_client().get(f"/identity/scim/{NAMES[kind]}")
    document: Document = yaml.safe_load(answer.text)
    return document


def hosts_document(version: str, mode: str) -> Document:
    """What the Api of a host documents."""
    app = host_of(version, mode)
    api = Api(app)
    GluuChanges(app, backend=MemoryBackend(), api=api)
    document: Document = api.spec.to_dict()
    return document


def operation(document: Document) -> Document:
    (path,) = (path for path in document["paths"] if path.endswith("/UpdatedUsers"))
    found: Document = document["paths"][path]["get"]
    return found


def schemes(document: Document) -> Document:
    components = document.get("components", document)
    found: Document = components.get("securitySchemes") or components.get("securityDefinitions", {})
    return found


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Each mode in turn."""
    return str(request.param)


@pytest.fixture(params=["swagger", "openapi", "a host's 2.0", "a host's 3.0.3"])
def document(request: pytest.FixtureRequest, mode: str) -> Document:
    """Each document in turn, in each mode."""
    kind = str(request.param)
    if kind in NAMES:
        return own_document(kind, mode)
    return hosts_document(kind.removeprefix("a host's "), mode)


class GatewayGuard(Guard):
    """A host's own, which names a scheme that the host's document defines already."""

    def security_schemes(self, version: str) -> tuple[Schemes, Requirement]:
        return {"gateway": {"type": "apiKey", "name": "X-Key", "in": "header"}}, [{"gateway": []}]

    def check(self, scopes: object = None) -> None:
        """Let all pass."""


def guarded_document() -> Document:
    """What the Api of a host documents, which defines the scheme of its own guard itself."""
    app = host_of("3.0.3", "bypass", ALLOW_BYPASS=True)
    api = Api(app)
    api.spec.components.security_scheme("gateway", HOSTS_OWN)
    GluuChanges(app, backend=MemoryBackend(), api=api, protector=GatewayGuard())
    document: Document = api.spec.to_dict()
    return document

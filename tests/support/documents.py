"""The documents that an application serves, as clients read them."""

from __future__ import annotations

from typing import Any

import yaml
from flask import Flask
from flask.testing import FlaskClient
from flask_smorest import Api

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend

Document = dict[str, Any]

SWAGGER = "resource_changes.yaml"
OPENAPI = "resource_changes.openapi.json"
BASES = {
    "gluu": ("/identity/scim", "/identity/restv1/scim"),
    "janssen": ("/jans-scim", "/jans-scim/restv1/v2"),
}


def client_of(**settings: object) -> FlaskClient:
    app = Flask(__name__)
    app.config.update({"TESTING": True, "GLUU_CHANGES_PROTECTION": "bypass", **settings})
    GluuChanges(app, backend=MemoryBackend())
    return app.test_client()


def read(client: FlaskClient, name: str, **options: Any) -> Document:
    profile = client.application.config.get("GLUU_CHANGES_PROFILE", "gluu")
    answer = client.get(f"{BASES[profile][0]}/{name}", **options)
    assert answer.status_code == 200
    document: Document = yaml.safe_load(answer.text)  # JSON is YAML as well
    return document


def host_document() -> tuple[FlaskClient, Document]:
    """Give a client of a host with an Api of its own, and what that Api documents."""
    host = Flask(__name__)
    host.config.update(
        TESTING=True,
        API_TITLE="Host",
        API_VERSION="1",
        OPENAPI_VERSION="3.0.3",
        GLUU_CHANGES_PROTECTION="bypass",
    )
    api = Api(host)
    GluuChanges(host, backend=MemoryBackend(), api=api)
    return host.test_client(), api.spec.to_dict()

"""The documents say how the operation is protected, and what a refusal looks like."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from flask import Flask
from flask_smorest import Api
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, validate
from werkzeug.test import TestResponse

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.protection import Guard
from flask_gluu_changes.protection.guard import Requirement, Schemes
from tests.support.paths import SAMPLES
from tests.support.protection import PATH, MakeSite

Document = dict[str, Any]

NAMES = {"swagger": "resource_changes.yaml", "openapi": "resource_changes.openapi.json"}
VALIDATORS = {"2": OpenAPIV2SpecValidator, "3": OpenAPIV30SpecValidator}
ISSUER = "https://idp.example.org"
CLIENT: dict[str, object] = {
    "CLIENT_ID": "changes-api",
    "CLIENT_SECRET": "secret",
    "ISSUER": ISSUER,
}
MODES: dict[str, dict[str, object]] = {
    "oauth": CLIENT,
    "test": CLIENT,
    "uma": {**CLIENT, "UMA_SCOPE": f"{ISSUER}/scim_access"},
    "bypass": {"ALLOW_BYPASS": True},
}
STATUSES = {"oauth": {"401", "403"}, "test": {"401"}, "uma": {"401", "403"}, "bypass": set()}


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


def check_validity(document: Document) -> None:
    version = str(document.get("swagger") or document["openapi"])
    validate(document, cls=VALIDATORS[version[0]])


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


def test_a_document_is_valid_in_every_mode(document: Document) -> None:
    """The validators of both versions accept schemes, requirement and headers."""
    check_validity(document)


def test_a_document_names_the_scheme_of_the_mode(document: Document, mode: str) -> None:
    """The operation requires the scheme that is defined, and none under bypass."""
    if mode == "bypass":
        assert (schemes(document), operation(document).get("security")) == ({}, None)
        return
    (name,) = schemes(document)
    assert operation(document)["security"] == [{name: []}]
    assert schemes(document)[name]["type"] == ("apiKey" if "swagger" in document else "http")
    assert ISSUER in schemes(document)[name]["description"]


def test_a_document_describes_the_refusals_of_the_mode(document: Document, mode: str) -> None:
    """401 and 403 have SCIM's error body, and name the header that tells how to go on."""
    responses = operation(document)["responses"]
    assert STATUSES[mode] == {"401", "403"} & responses.keys()
    assert {"200", "400", "500", "503"} <= responses.keys()
    for status in STATUSES[mode]:
        refusal = responses[status]
        schema = refusal.get("schema") or refusal["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith("/ScimError")
        assert refusal["headers"].keys() <= {"WWW-Authenticate", "Warning"}
        assert refusal["description"]


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("sample", ["oauth", "uma"])
def test_a_protected_document_equals_its_committed_sample(kind: str, sample: str) -> None:
    """Clients are generated from these: whoever changes one changes the sample with it."""
    file = SAMPLES / NAMES[kind].replace("changes.", f"changes.{sample}.", 1)
    assert own_document(kind, sample) == yaml.safe_load(file.read_text())


def test_gluus_status_profile_is_documented() -> None:
    """Where a dead token gets 403, the document does not promise 401 for it."""
    responses = operation(own_document("openapi", "test", STATUS_PROFILE="gluu"))["responses"]
    assert "missing" in responses["401"]["description"]
    assert "dead" in responses["403"]["description"]


def check_described(response: TestResponse, responses: Document) -> None:
    described = responses[str(response.status_code)]
    assert described["headers"].keys() <= set(response.headers.keys())
    assert response.json is not None
    assert response.json["status"] == str(response.status_code)


def test_what_is_answered_is_what_is_documented(make_site: MakeSite, host: str) -> None:
    """The refusals of the running operation carry the headers and the body of the document."""
    oauth, uma = make_site("oauth", host), make_site("uma", host)
    for site, tokens in ((oauth, [None, "dead", oauth.server.issue("x")]), (uma, [None, "dead"])):
        answer = site.get(path="/identity/scim/resource_changes.openapi.json").json
        assert answer is not None
        for token in tokens:
            check_described(site.get(token), operation(answer)["responses"])
    uma.server.faults["permission"] = "500"
    responses = operation(own_document("openapi", "uma"))["responses"]
    check_described(uma.get(), responses)


class GatewayGuard(Guard):
    """A host's own, which names a scheme that the host's document defines already."""

    def security_schemes(self, version: str) -> tuple[Schemes, Requirement]:
        return {"gateway": {"type": "apiKey", "name": "X-Key", "in": "header"}}, [{"gateway": []}]

    def check(self, scopes: object = None) -> None:
        """Let all pass."""


def test_what_a_host_defines_itself_stays() -> None:
    """A guard's scheme does not replace, nor clash with, one of the same name in the host's Api."""
    app = host_of("3.0.3", "bypass", ALLOW_BYPASS=True)
    api = Api(app)
    hosts_own = {"type": "http", "scheme": "basic"}
    api.spec.components.security_scheme("gateway", hosts_own)
    GluuChanges(app, backend=MemoryBackend(), api=api, protector=GatewayGuard())
    document = api.spec.to_dict()
    check_validity(document)
    assert schemes(document) == {"gateway": hosts_own}
    assert operation(document)["security"] == [{"gateway": []}]


def test_the_paths_of_a_document_are_those_that_are_protected(make_site: MakeSite) -> None:
    """The document's base path and path lead to the operation that asks for the token."""
    site = make_site("oauth")
    document = site.get(path="/identity/scim/resource_changes.openapi.json").json
    assert document is not None
    assert document["servers"][0]["url"] + next(iter(document["paths"])) == PATH

"""The documents say how the operation is protected, and what a refusal looks like."""

from __future__ import annotations

import pytest
import yaml
from werkzeug.test import TestResponse

from tests.support.paths import SAMPLES
from tests.support.protected_documents import (
    HOSTS_OWN,
    ISSUER,
    NAMES,
    Document,
    guarded_document,
    operation,
    own_document,
    schemes,
)
from tests.support.protected_documents import document as document
from tests.support.protected_documents import mode as mode
from tests.support.protection import PATH, MakeSite

STATUSES = {"oauth": {"401", "403"}, "test": {"401"}, "uma": {"401", "403"}, "bypass": set()}


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


def test_what_a_host_defines_itself_stays() -> None:
    """A guard's scheme does not replace, nor clash with, one of the same name in the host's Api."""
    document = guarded_document()
    assert schemes(document) == {"gateway": HOSTS_OWN}
    assert operation(document)["security"] == [{"gateway": []}]


def test_the_paths_of_a_document_are_those_that_are_protected(make_site: MakeSite) -> None:
    """The document's base path and path lead to the operation that asks for the token."""
    site = make_site("oauth")
    document = site.get(path="/identity/scim/resource_changes.openapi.json").json
    assert document is not None
    assert document["servers"][0]["url"] + next(iter(document["paths"])) == PATH

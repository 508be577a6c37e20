"""The Swagger 2.0 and OpenAPI 3 documents are complete, and change only on purpose."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.support.documents import (
    BASES,
    OPENAPI,
    SWAGGER,
    Document,
    client_of,
    host_document,
    read,
)
from tests.support.paths import SAMPLES

REQUIRED = {
    "UpdatedUsersPage": {"total", "latestUpdateAt", "results"},
    "ScimError": {"schemas", "status", "detail"},
}


def _base_path(document: Document) -> str:
    path = document["basePath"] if "swagger" in document else document["servers"][0]["url"]
    assert isinstance(path, str)
    return path


def _schemas(document: Document) -> Document:
    found: Document = document.get("definitions") or document["components"]["schemas"]
    return found


def _parameters(document: Document) -> dict[str, Document]:
    """Give each parameter with its type, bounds and so on, wherever the version writes them."""
    listed = document["paths"]["/UpdatedUsers"]["get"]["parameters"]
    return {p["name"]: {**p, **p.get("schema", {})} for p in listed}


def _items(document: Document) -> Document:
    items: Document = _schemas(document)["UpdatedUsersPage"]["properties"]["results"]["items"]
    return items


@pytest.fixture(params=[SWAGGER, OPENAPI])
def name(request: pytest.FixtureRequest) -> str:
    """Each document in turn."""
    return str(request.param)


def test_a_document_equals_its_committed_sample(name: str) -> None:
    """Clients are generated from these: whoever changes one changes the sample with it."""
    assert read(client_of(), name) == yaml.safe_load((SAMPLES / name).read_text())


def test_each_document_comes_in_its_own_media_type() -> None:
    client = client_of()
    swagger, openapi = (client.get(f"{BASES['gluu'][0]}/{name}") for name in (SWAGGER, OPENAPI))
    assert swagger.content_type == "application/yaml; charset=utf-8"
    assert openapi.mimetype == "application/json"
    json.loads(openapi.text)


def test_a_document_names_one_path_and_one_operation(name: str) -> None:
    paths = read(client_of(), name)["paths"]
    assert paths.keys() == {"/UpdatedUsers"}
    assert paths["/UpdatedUsers"].keys() == {"get"}
    assert paths["/UpdatedUsers"]["get"]["operationId"] == "getUpdatedUsers"
    assert paths["/UpdatedUsers"]["get"]["responses"].keys() == {
        *("200", "400", "429", "500", "503")
    }


def test_a_document_names_the_parameters_with_their_bounds(name: str) -> None:
    parameters = _parameters(read(client_of(GLUU_CHANGES_MAX_PAGE_SIZE=50), name))
    assert parameters.keys() == {"timeStamp", "start", "pagesize"}
    assert {n for n, p in parameters.items() if p["required"]} == {"timeStamp", "pagesize"}
    assert {p["in"] for p in parameters.values()} == {"query"}
    assert parameters["timeStamp"]["format"] == "date-time"
    assert parameters["start"]["default"] == parameters["start"]["minimum"] == 0
    assert (parameters["pagesize"]["minimum"], parameters["pagesize"]["maximum"]) == (1, 50)


def test_a_document_requires_the_keys_that_every_answer_has(name: str) -> None:
    schemas = _schemas(read(client_of(), name))
    assert {n: set(s["required"]) for n, s in schemas.items()} == REQUIRED


def test_openapi_says_that_an_entry_maps_names_to_arrays_of_anything() -> None:
    assert _items(read(client_of(), OPENAPI)) == {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {}},
    }


def test_swagger_says_no_more_of_an_entry_than_old_generators_understand() -> None:
    assert _items(read(client_of(), SWAGGER)) == {"type": "object"}


@pytest.mark.parametrize("profile", BASES)
def test_the_base_path_is_the_profiles(profile: str, name: str) -> None:
    document = read(client_of(GLUU_CHANGES_PROFILE=profile), name)
    assert _base_path(document) == BASES[profile][1]


def test_the_base_path_follows_a_configured_prefix(name: str) -> None:
    assert _base_path(read(client_of(GLUU_CHANGES_URL_PREFIX="/feed"), name)) == "/feed"


def test_the_base_path_begins_where_the_application_is_mounted(name: str) -> None:
    """Under a SCRIPT_NAME, and the next request without one is not affected."""
    client = client_of()
    mounted = read(client, name, base_url="http://localhost/idm")
    assert _base_path(mounted) == "/idm/identity/restv1/scim"
    assert _base_path(read(client, name)) == "/identity/restv1/scim"


def test_the_base_path_and_the_path_lead_to_the_operation(name: str) -> None:
    client = client_of()
    document = read(client, name)
    (path,) = document["paths"]
    query = {"timeStamp": "2019-12-24T12:00:03Z", "pagesize": "1"}
    assert client.get(_base_path(document) + path, query_string=query).status_code == 200


def test_a_document_is_written_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask for it, and YAML takes long; who has it gets 304."""
    client = client_of()
    first = client.get(f"/identity/scim/{name}")

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("it is written again")

    monkeypatch.setattr("flask_gluu_changes.web.blueprint.yaml.safe_dump", fail)
    monkeypatch.setattr("flask_gluu_changes.web.blueprint.mounted", fail)
    again = client.get(f"/identity/scim/{name}")
    assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
    known = {"If-None-Match": first.headers["ETag"]}
    assert client.get(f"/identity/scim/{name}", headers=known).status_code == 304


def test_a_hosts_api_documents_the_operation_and_no_document() -> None:
    client, document = host_document()
    assert document["paths"].keys() == {"/identity/restv1/scim/UpdatedUsers"}
    assert read(client, OPENAPI) == read(client_of(), OPENAPI)

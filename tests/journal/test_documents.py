"""The documents describe the token forms where a journal is served, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, validate

from flask_gluu_changes.web.schemas import DeltaPageSchema, StatusSchema
from tests.support.apps import DOCUMENTS, OPERATION
from tests.support.journal_site import Site
from tests.support.journals import Journal

SAMPLES = Path(__file__).parents[1] / "samples"
EACH = pytest.mark.parametrize("url", DOCUMENTS)


def _document(site: Site, url: str) -> dict[str, Any]:
    document = yaml.safe_load(site.app.test_client().get(url).text)
    assert isinstance(document, dict)
    return document


@EACH
def test_a_document_is_valid(site: Site, url: str) -> None:
    """In its version."""
    version = OpenAPIV2SpecValidator if url.endswith("yaml") else OpenAPIV30SpecValidator
    validate(_document(site, url), cls=version)


@EACH
def test_a_document_equals_its_committed_sample(site: Site, url: str) -> None:
    """Clients are generated from these: whoever changes one changes the sample with it."""
    name = url.rpartition("/")[2].replace("resource_changes", "resource_changes.journal")
    assert _document(site, url) == yaml.safe_load((SAMPLES / name).read_text())


@EACH
def test_a_document_names_both_forms_and_the_status(site: Site, url: str) -> None:
    """Every parameter, every answer."""
    paths = _document(site, url)["paths"]
    assert paths.keys() == {"/UpdatedUsers", "/UpdatedUsers/status"}
    operation = paths["/UpdatedUsers"]["get"]
    parameters = [*paths["/UpdatedUsers"]["parameters"], *operation["parameters"]]
    assert {parameter["name"] for parameter in parameters} == {
        *("timeStamp", "start", "pagesize"),
        *("cursor", "deltaToken", "count", "attributes", "excludedAttributes"),
        *("Prefer", "If-None-Match"),
    }
    assert operation["responses"].keys() == {"200", "304", "400", "410", "500", "503"}


def test_answers_are_what_the_schemas_say(journal: Journal, site: Site) -> None:
    """Pages of both forms, and the status."""
    journal.put("a", "b", updatedAt="20240501120000.500Z")
    token = site.full()
    journal.remove("a")
    for query in (
        {"cursor": "", "count": "1"},
        {"deltaToken": token},
        {"timeStamp": "2020-01-01T00:00:00Z", "pagesize": "5"},
    ):
        assert DeltaPageSchema().validate(site.page(**query)) == {}
    status = site.app.test_client().get(f"{OPERATION}/status").get_json()
    assert StatusSchema().validate(status) == {}

"""The documents describe the token forms where a journal is served, and only there."""

from __future__ import annotations

import pytest
import yaml

from flask_gluu_changes.web.schemas import DeltaPageSchema, StatusSchema
from tests.support.apps import DOCUMENTS, OPERATION
from tests.support.journal_site import Site
from tests.support.journals import Journal
from tests.support.paths import SAMPLES

EACH = pytest.mark.parametrize("url", DOCUMENTS)


@EACH
def test_a_document_equals_its_committed_sample(site: Site, url: str) -> None:
    """Clients are generated from these: whoever changes one changes the sample with it."""
    name = url.rpartition("/")[2].replace("resource_changes", "resource_changes.journal")
    assert site.document(url) == yaml.safe_load((SAMPLES / name).read_text())


@EACH
def test_a_document_names_both_forms_and_the_status(site: Site, url: str) -> None:
    """Every parameter, every answer."""
    paths = site.document(url)["paths"]
    assert paths.keys() == {"/UpdatedUsers", "/UpdatedUsers/status"}
    operation = paths["/UpdatedUsers"]["get"]
    parameters = [*paths["/UpdatedUsers"]["parameters"], *operation["parameters"]]
    assert {parameter["name"] for parameter in parameters} == {
        *("timeStamp", "start", "pagesize"),
        *("cursor", "deltaToken", "count", "attributes", "excludedAttributes"),
        *("Prefer", "If-None-Match"),
    }
    assert operation["responses"].keys() == {*("200", "304", "400", "410", "429", "500", "503")}


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

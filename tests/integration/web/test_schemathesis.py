"""The documents tell the truth: schemathesis finds nothing that an answer contradicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import settings
from schemathesis.checks import CHECKS

from flask_gluu_changes import Entry, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend

DEFAULT_CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "unsupported_method",
}
"""Those that have something to say about one operation without authorization."""

PEOPLE: list[Entry] = [
    {
        "uid": [f"user{number:02}".encode()],
        "inum": [f"@!{number}".encode()],
        "updatedAt": [f"20{number:02}0101000000.5Z".encode()],
        "gluuSLAManager": [b"TRUE"],
        "visits": [number, 10**30],
        "lastSeen": [datetime(2020, 1, 1, tzinfo=UTC)],
        "userCertificate": [b"\xff\x00"],
    }
    for number in range(30)
]

bounded = settings(max_examples=200, derandomize=True, database=None)
seen: dict[str, set[int]] = defaultdict(set)


def _app() -> Flask:
    app = Flask(__name__)
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass", PROPAGATE_EXCEPTIONS=False)
    GluuChanges(app, backend=MemoryBackend(PEOPLE))
    return app


swagger = schemathesis.openapi.from_wsgi("/identity/scim/resource_changes.yaml", _app())
openapi = schemathesis.openapi.from_wsgi("/identity/scim/resource_changes.openapi.json", _app())


@pytest.fixture(scope="module", autouse=True)
def _met_pages_refusals_and_other_methods() -> Iterator[None]:
    """See that the tests below did not hold by asking nothing, as far as they ran here."""
    yield
    for met in seen.values():
        assert {200, 400, 405} <= met


@swagger.parametrize()
@bounded
def test_no_answer_contradicts_the_swagger_document(case: schemathesis.Case[Any]) -> None:
    seen["swagger"].add(case.call_and_validate().status_code)


@openapi.parametrize()
@bounded
def test_no_answer_contradicts_the_openapi_document(case: schemathesis.Case[Any]) -> None:
    seen["openapi"].add(case.call_and_validate().status_code)


@pytest.mark.parametrize("schema", [swagger, openapi], ids=["swagger", "openapi"])
def test_every_check_that_applies_is_on(schema: schemathesis.BaseSchema) -> None:
    assert set(CHECKS.get_all_names()) >= DEFAULT_CHECKS
    for name in DEFAULT_CHECKS:
        assert schema.config.checks_config_for().get_by_name(name=name).enabled, name

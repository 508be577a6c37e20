"""The documents of a journal tell the truth, whatever is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
)

from flask_gluu_changes.web.blueprint import OPERATION, STATUS
from tests.support.journal_site import Site
from tests.support.journals import Journal, memory_engine

UNKNOWABLE: list[Any] = [positive_data_acceptance, negative_data_rejection]
"""No document can say which tokens are good, nor which parameters go together."""

bounded = settings(max_examples=150, derandomize=True, database=None, deadline=None)
seen: dict[tuple[str, str], set[int]] = defaultdict(set)

STATUSES = {OPERATION: {200, 400, 405}, f"{OPERATION}{STATUS}": {200, 405}}


def _site() -> Site:
    journal = Journal(memory_engine(closed_after_test=False))  # it serves all tests of this file
    journal.put(*"abcdefgh", updatedAt="20240501120000.5Z")
    journal.remove("b")
    return Site(journal, max_wait_seconds=0)


swagger, openapi = (
    schemathesis.openapi.from_wsgi(f"/identity/scim/resource_changes.{name}", _site().app)
    for name in ("yaml", "openapi.json")
)


def _validate(document: str, case: schemathesis.Case[Any]) -> None:
    answer = case.call()
    # a 304 has no body, while Swagger 2.0 knows media types of whole operations alone
    apart = [content_type_conformance] if answer.status_code == 304 else []
    case.validate_response(answer, excluded_checks=[*UNKNOWABLE, *apart])
    seen[document, case.path].add(answer.status_code)


@pytest.fixture(scope="module", autouse=True)
def _met_pages_and_refusals() -> Iterator[None]:
    """See that the tests below did not hold by asking nothing, as far as they ran here."""
    yield
    for (_, path), met in seen.items():
        assert STATUSES[path] <= met


@swagger.parametrize()
@bounded
def test_no_answer_contradicts_the_swagger_document(case: schemathesis.Case[Any]) -> None:
    """Of either operation."""
    _validate("swagger", case)


@openapi.parametrize()
@bounded
def test_no_answer_contradicts_the_openapi_document(case: schemathesis.Case[Any]) -> None:
    """Of either operation."""
    _validate("openapi", case)

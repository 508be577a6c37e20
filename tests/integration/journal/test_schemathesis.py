"""The documents of a journal tell the truth, whatever is asked."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.support.journal_site import Site
from tests.support.journals import Journal, memory_engine

UNKNOWABLE: list[Any] = [positive_data_acceptance, negative_data_rejection]
"""No document can say which tokens are good, nor which parameters go together."""

bounded = settings(max_examples=150, derandomize=True, database=None, deadline=None)
seen: set[int] = set()


def _site() -> Site:
    journal = Journal(memory_engine(closed_after_test=False))  # it serves all tests of this file
    journal.put(*"abcdefgh", updatedAt="20240501120000.5Z")
    journal.remove("b")
    return Site(journal, max_wait_seconds=0)


swagger, openapi = (
    schemathesis.openapi.from_wsgi(f"/identity/scim/resource_changes.{name}", _site().app)
    for name in ("yaml", "openapi.json")
)


@swagger.parametrize()
@bounded
def test_no_answer_contradicts_the_swagger_document(case: schemathesis.Case[Any]) -> None:
    """Of either operation."""
    seen.add(case.call_and_validate(excluded_checks=UNKNOWABLE).status_code)


@openapi.parametrize()
@bounded
def test_no_answer_contradicts_the_openapi_document(case: schemathesis.Case[Any]) -> None:
    """Of either operation."""
    seen.add(case.call_and_validate(excluded_checks=UNKNOWABLE).status_code)


def test_schemathesis_met_pages_and_refusals() -> None:
    """Else the tests above would hold by asking nothing."""
    assert {200, 400, 405} <= seen, "run this with the tests above"

"""The documents of an application that serves a journal are valid."""

from __future__ import annotations

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, validate

from tests.support.apps import DOCUMENTS
from tests.support.journal_site import Site


@pytest.mark.parametrize("url", DOCUMENTS)
def test_a_document_is_valid(site: Site, url: str) -> None:
    """In its version."""
    version = OpenAPIV2SpecValidator if url.endswith("yaml") else OpenAPIV30SpecValidator
    validate(site.document(url), cls=version)

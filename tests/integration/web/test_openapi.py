"""The Swagger 2.0 and OpenAPI 3 documents are valid."""

from __future__ import annotations

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, validate

from tests.support.documents import BASES, OPENAPI, SWAGGER, client_of, host_document, read


@pytest.mark.parametrize("profile", BASES)
def test_the_swagger_document_is_valid_swagger_2(profile: str) -> None:
    document = read(client_of(GLUU_CHANGES_PROFILE=profile), SWAGGER)
    assert document["swagger"] == "2.0"
    validate(document, cls=OpenAPIV2SpecValidator)


@pytest.mark.parametrize("profile", BASES)
def test_the_openapi_document_is_valid_openapi_3(profile: str) -> None:
    document = read(client_of(GLUU_CHANGES_PROFILE=profile), OPENAPI)
    assert document["openapi"].startswith("3.0.")
    validate(document, cls=OpenAPIV30SpecValidator)


def test_the_document_of_a_hosts_api_is_valid() -> None:
    _, document = host_document()
    validate(document, cls=OpenAPIV30SpecValidator)

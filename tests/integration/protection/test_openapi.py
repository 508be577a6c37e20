"""The documents of protected applications are valid in every mode."""

from __future__ import annotations

from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, validate

from tests.support.protected_documents import Document, guarded_document
from tests.support.protected_documents import document as document
from tests.support.protected_documents import mode as mode

VALIDATORS = {"2": OpenAPIV2SpecValidator, "3": OpenAPIV30SpecValidator}


def check_validity(document: Document) -> None:
    version = str(document.get("swagger") or document["openapi"])
    validate(document, cls=VALIDATORS[version[0]])


def test_a_document_is_valid_in_every_mode(document: Document) -> None:
    """The validators of both versions accept schemes, requirement and headers."""
    check_validity(document)


def test_a_scheme_that_the_host_defines_itself_is_valid() -> None:
    check_validity(guarded_document())

"""The Swagger 2.0 and OpenAPI 3 documents, and the descriptions of the operations in them.

flask-smorest generates both from the blueprint's marshmallow schemas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from flask import Flask
from flask_smorest import Api, Blueprint

from ..protection import Guard, Refusal
from ..scim import ScimErrorSchema
from .delta import NDJSON

Document: TypeAlias = dict[str, Any]

TITLE = "Gluu resource changes"
DESCRIPTION = (
    "Lists the users that were added or changed after a time, as Gluu Server's UpdatedUsers does."
)
SWAGGER = "2.0"
OPENAPI = "3.0.3"

MAX_NESTING = 3
"""Schemas are contained in each other so deep at most."""

FAILURES: Mapping[int, str] = {500: "An operator has to act", 503: "Try again after Retry-After"}
ERRORS: Mapping[int, str] = {
    400: "A parameter cannot be used",
    429: "This client has too many requests at a time; try again after Retry-After",
    **FAILURES,
}

NOT_MODIFIED = "Nothing changed since the answer with this ETag"
RESYNC_REQUIRED = "What came since the token cannot be told; Location leads to a full run"
PAGE_DESCRIPTION = (
    "A page in order of uid (timeStamp), or in order of change (cursor, deltaToken). With `Accept:"
    f" {NDJSON}` the token forms stream the whole run, a line each; the last line carries the token"
)
REQUEST_HEADERS = {
    "Prefer": "`wait=30` with deltaToken: answer when something changes, or after so many seconds"
    " (RFC 7240).",
    "If-None-Match": "The ETag of an answer to the same URL: 304 if nothing changed.",
}
"""The headers that the operation reads; no value of them is an error."""

RESPONSE_HEADERS = {
    "ETag": "Of the token forms; see If-None-Match.",
    "Preference-Applied": "The seconds that `Prefer: wait` was granted.",
    "Retry-After": "Where `Prefer: wait` was not granted: the seconds after which to ask again.",
}


def add_security_schemes(api: Api, guard: Guard) -> None:
    """Define a guard's security schemes in the document of an Api, unless the host has done so."""
    schemes, _ = guard.security_schemes(version_of(api))
    components = api.spec.components
    for name, scheme in schemes.items():
        if name not in components.security_schemes:
            components.security_scheme(name, scheme)


def version_of(api: Api) -> str:
    """Return the version of OpenAPI in which an Api documents itself."""
    return str(api.spec.openapi_version)


class _DocumentingApi(Api):  # type: ignore[misc]
    DEFAULT_ERROR_RESPONSE_NAME = None  # ours are SCIM errors, which the operations name


def build_document(blueprint: Blueprint, guard: Guard, version: str) -> Document:
    """Return the document of a blueprint whose paths are relative to where it will be mounted.

    It is made by a flask-smorest Api on an application of its own, so that the host's application
    and Api stay as they are.
    """
    app = Flask(__name__)
    app.config.update(API_TITLE=TITLE, API_VERSION="1", OPENAPI_VERSION=version)
    api = _DocumentingApi(app, spec_kwargs={"info": {"description": DESCRIPTION}})
    add_security_schemes(api, guard)
    api.register_blueprint(blueprint)
    document = _without_unused(api.spec.to_dict())
    return _as_swagger(document) if version == SWAGGER else document


def mounted(document: Document, base_path: str) -> Document:
    """Return a document that names the path under which its operations are found."""
    if "swagger" in document:
        return {**document, "basePath": base_path or "/"}
    return {**document, "servers": [{"url": base_path or "/"}]}


def _without_unused(document: Document) -> Document:
    """Drop the schemas and responses that flask-smorest defines and the rest never refers to."""
    components = document.get("components", document)
    kinds = {"schemas", "definitions", "responses"} & components.keys()
    defined = {kind: components.pop(kind) for kind in kinds}
    for _ in range(MAX_NESTING):  # what is kept may refer to others
        text = json.dumps(document)
        for kind, definitions in defined.items():
            kept = {n: v for n, v in definitions.items() if f'/{kind}/{n}"' in text}
            if kept:
                components[kind] = kept
    return document


def _as_swagger(document: Document) -> Document:
    """Correct what Swagger 2.0 does not allow.

    An operation without a body must not have `consumes`. There is no value of any type, either:
    openapi-generator reads `items: {}` as an array of objects (its issue 19265), so an entry is
    written as an object and no more.
    """
    document.pop("consumes")
    document["definitions"]["UpdatedUsersPage"]["properties"]["results"]["items"] = {
        "type": "object"
    }
    return document


def describe_operation(guard: Guard, version: str, errors: Mapping[int, str]) -> dict[str, Any]:
    """Return what an operation's document says of its protection and of its errors.

    flask-smorest's `alt_response` does the same, but wraps a function around the view for each.
    """
    _, requirement = guard.security_schemes(version)
    described = _in_swagger if version.startswith("2") else _in_openapi
    refusals = {**{status: Refusal(text) for status, text in errors.items()}, **guard.refusals()}
    responses = {str(status): described(refusal) for status, refusal in refusals.items()}
    return _without_empty(security=requirement, responses=responses)


def _in_swagger(refusal: Refusal) -> dict[str, Any]:
    headers = {
        name: {"type": "string", "description": text} for name, text in refusal.headers.items()
    }
    return _without_empty(description=refusal.description, schema=ScimErrorSchema, headers=headers)


def _in_openapi(refusal: Refusal) -> dict[str, Any]:
    headers = {
        name: {"schema": {"type": "string"}, "description": text}
        for name, text in refusal.headers.items()
    }
    content = {"application/json": {"schema": ScimErrorSchema}}
    return _without_empty(description=refusal.description, content=content, headers=headers)


def _without_empty(**parts: Any) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part}


def with_delta_media(operation: dict[str, Any], version: str) -> dict[str, Any]:
    """Return an operation's description with the headers and media types of the token forms."""
    media = _media(version)
    return {**operation, **media, "responses": {**operation["responses"], **media["responses"]}}


def request_headers(version: str) -> list[dict[str, Any]]:
    """Return the header parameters of the operation where a journal is served."""
    headers = (
        {"in": "header", "name": name, "description": text}
        for name, text in REQUEST_HEADERS.items()
    )
    return [{**header, **_text(version)} for header in headers]


def _media(version: str) -> dict[str, Any]:
    """Describe headers and the second media type as a version of OpenAPI does."""
    text = _text(version)
    headers = {n: {**text, "description": words} for n, words in RESPONSE_HEADERS.items()}
    unchanged = {304: {"description": NOT_MODIFIED}}
    if version.startswith("2"):
        produces = ["application/json", NDJSON]
        return {"produces": produces, "responses": {200: {"headers": headers}, **unchanged}}
    return {"responses": {200: {"headers": headers, "content": {NDJSON: text}}, **unchanged}}


def _text(version: str) -> dict[str, Any]:
    return {"type": "string"} if version.startswith("2") else {"schema": {"type": "string"}}

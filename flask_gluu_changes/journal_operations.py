"""The operation of both forms and the journal's status, as flask-smorest documents them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema

from .journal_pages import NDJSON
from .journal_schemas import HeadersSchema, StatusSchema, UpdatedUsersPageSchema
from .journal_views import TokenForms
from .scim_errors import ScimErrorSchema

STATUS = "/status"
"""Follows the operation's path."""

ByTime = Callable[[dict[str, Any]], Response]

GONE = "What came since the token cannot be told; Location leads to a full run"
PAGE = (
    "A page in order of uid (timeStamp), or in order of change (cursor, deltaToken). With `Accept:"
    f" {NDJSON}` the token forms stream the whole run, a line each; the last line carries the token"
)
HEADERS = {
    "ETag": "Of the token forms; see If-None-Match.",
    "Preference-Applied": "The seconds that `Prefer: wait` was granted.",
}


def add_journal_operation(
    blueprint: Blueprint,
    path: str,
    parameters: Schema,
    by_time: ByTime,
    tokens: TokenForms,
    version: str,
    security: dict[str, Any],
) -> None:
    """Add the operation where a journal is served.

    by_time: answers the timeStamp form. version: of OpenAPI. security: what the operation says of
    its protection.
    """
    documented = _merged(security, _media(version))

    @blueprint.arguments(parameters, location="query", error_status_code=400)
    @blueprint.arguments(HeadersSchema, location="headers", error_status_code=400)
    @blueprint.alt_response(503, schema=ScimErrorSchema, description="Try again after Retry-After")
    @blueprint.alt_response(500, schema=ScimErrorSchema, description="An operator has to act")
    @blueprint.alt_response(410, schema=ScimErrorSchema, description=GONE)
    @blueprint.alt_response(400, schema=ScimErrorSchema, description="A parameter cannot be used")
    @blueprint.alt_response(304, description="Nothing changed since the answer with this ETag")
    @blueprint.response(200, UpdatedUsersPageSchema, description=PAGE)
    @blueprint.doc(operationId="getUpdatedUsers", **documented)
    def updated_users(arguments: dict[str, Any], _: dict[str, Any]) -> Response:
        """List the users that were added or changed after a time, or follow all changes."""
        return by_time(arguments) if "timeStamp" in arguments else tokens.answer(arguments)

    updated_users.provide_automatic_options = False
    blueprint.add_url_rule(path, view_func=updated_users)


def add_status(
    blueprint: Blueprint, path: str, tokens: TokenForms, security: dict[str, Any]
) -> None:
    """Add the operation that tells how the journal is."""

    @blueprint.alt_response(503, schema=ScimErrorSchema, description="Try again after Retry-After")
    @blueprint.alt_response(500, schema=ScimErrorSchema, description="An operator has to act")
    @blueprint.response(200, StatusSchema, description="How the journal is")
    @blueprint.doc(operationId="getUpdatedUsersStatus", **security)
    def updated_users_status() -> Response:
        """Tell how the changes are followed, and how far."""
        return tokens.status()

    updated_users_status.provide_automatic_options = False
    blueprint.add_url_rule(path, view_func=updated_users_status)


def _media(version: str) -> dict[str, Any]:
    """Describe headers and the second media type in the words of a version."""
    if version.startswith("2"):
        headers = {n: {"type": "string", "description": text} for n, text in HEADERS.items()}
        produces = ["application/json", NDJSON]
        return {"produces": produces, "responses": {200: {"headers": headers}}}
    described = {
        n: {"schema": {"type": "string"}, "description": text} for n, text in HEADERS.items()
    }
    content = {NDJSON: {"schema": {"type": "string"}}}
    return {"responses": {200: {"headers": described, "content": content}}}


def _merged(security: dict[str, Any], media: dict[str, Any]) -> dict[str, Any]:
    responses = {**security.get("responses", {}), **media["responses"]}
    return {**security, **media, "responses": responses}

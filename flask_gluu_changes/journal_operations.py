"""The operation of both forms and the journal's status, as flask-smorest documents them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema

from .journal_pages import NDJSON
from .journal_schemas import StatusSchema, UpdatedUsersPageSchema
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
ASKED = {
    "Prefer": "`wait=30` with deltaToken: answer when something changes, or after so many seconds"
    " (RFC 7240).",
    "If-None-Match": "The ETag of an answer to the same URL: 304 if nothing changed.",
}
"""The headers that the operation understands; none of them can be wrong."""

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
    @blueprint.alt_response(503, schema=ScimErrorSchema, description="Try again after Retry-After")
    @blueprint.alt_response(500, schema=ScimErrorSchema, description="An operator has to act")
    @blueprint.alt_response(410, schema=ScimErrorSchema, description=GONE)
    @blueprint.alt_response(400, schema=ScimErrorSchema, description="A parameter cannot be used")
    @blueprint.alt_response(304, description="Nothing changed since the answer with this ETag")
    @blueprint.response(200, UpdatedUsersPageSchema, description=PAGE)
    @blueprint.doc(operationId="getUpdatedUsers", **documented)
    def updated_users(arguments: dict[str, Any]) -> Response:
        """List the users that were added or changed after a time, or follow all changes."""
        return by_time(arguments) if "timeStamp" in arguments else tokens.answer(arguments)

    updated_users.provide_automatic_options = False
    blueprint.add_url_rule(path, view_func=updated_users, parameters=_headers(version))


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


def _headers(version: str) -> list[dict[str, Any]]:
    described = {n: {"in": "header", "name": n, "description": text} for n, text in ASKED.items()}
    return [{**header, **_text(version)} for header in described.values()]


def _media(version: str) -> dict[str, Any]:
    """Describe headers and the second media type in the words of a version."""
    text = _text(version)
    headers = {n: {**text, "description": words} for n, words in HEADERS.items()}
    if version.startswith("2"):
        produces = ["application/json", NDJSON]
        return {"produces": produces, "responses": {200: {"headers": headers}}}
    return {"responses": {200: {"headers": headers, "content": {NDJSON: text}}}}


def _text(version: str) -> dict[str, Any]:
    return {"type": "string"} if version.startswith("2") else {"schema": {"type": "string"}}


def _merged(security: dict[str, Any], media: dict[str, Any]) -> dict[str, Any]:
    responses = {**security.get("responses", {}), **media["responses"]}
    return {**security, **media, "responses": responses}

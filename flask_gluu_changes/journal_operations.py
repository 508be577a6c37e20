"""The operation of both forms and the journal's status, as flask-smorest documents them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema

from .journal_pages import NDJSON
from .journal_schemas import StatusSchema, UpdatedUsersPageSchema
from .journal_views import TokenForms
from .security import ERRORS, FAILURES

STATUS = "/status"
"""Follows the operation's path."""

ByTime = Callable[[dict[str, Any]], Response]
Document = Callable[[Mapping[int, str]], dict[str, Any]]

NOTHING = "Nothing changed since the answer with this ETag"
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
    document: Document,
) -> None:
    """Add the operation where a journal is served.

    by_time: answers the timeStamp form. version: of OpenAPI. document: gives what the operation
    says of its protection and its errors.
    """
    documented = _merged(document({**ERRORS, 410: GONE}), _media(version))

    @blueprint.arguments(parameters, location="query", error_status_code=400)
    @blueprint.response(200, UpdatedUsersPageSchema, description=PAGE)
    @blueprint.doc(operationId="getUpdatedUsers", **documented)
    def updated_users(arguments: dict[str, Any]) -> Response:
        """List the users that were added or changed after a time, or follow all changes."""
        return by_time(arguments) if "timeStamp" in arguments else tokens.answer(arguments)

    updated_users.provide_automatic_options = False
    blueprint.add_url_rule(path, view_func=updated_users, parameters=_headers(version))


def add_status(blueprint: Blueprint, path: str, tokens: TokenForms, document: Document) -> None:
    """Add the operation that tells how the journal is."""

    @blueprint.response(200, StatusSchema, description="How the journal is")
    @blueprint.doc(operationId="getUpdatedUsersStatus", **document(FAILURES))
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
    unchanged = {304: {"description": NOTHING}}
    if version.startswith("2"):
        produces = ["application/json", NDJSON]
        return {"produces": produces, "responses": {200: {"headers": headers}, **unchanged}}
    return {"responses": {200: {"headers": headers, "content": {NDJSON: text}}, **unchanged}}


def _text(version: str) -> dict[str, Any]:
    return {"type": "string"} if version.startswith("2") else {"schema": {"type": "string"}}


def _merged(errors: dict[str, Any], media: dict[str, Any]) -> dict[str, Any]:
    return {**errors, **media, "responses": {**errors["responses"], **media["responses"]}}

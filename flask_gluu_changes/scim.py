"""SCIM's error messages (RFC 7644, section 3.12) for every failure inside the blueprint."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask import Response, jsonify
from flask_smorest import Blueprint
from marshmallow import fields
from werkzeug.exceptions import HTTPException

from .errors import BackendError, BackendUnavailable

log = logging.getLogger(__name__)

SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
JSON = "application/json; charset=utf-8"


class ScimErrorSchema(ma.Schema):
    """The body of every answer that is an error."""

    class Meta:  # noqa: D106
        unknown = ma.EXCLUDE
        register = False  # the registry of names is the host's

    schemas = fields.List(fields.String(), required=True, metadata={"example": [SCIM_ERROR]})
    status = fields.String(required=True, metadata={"description": "HTTP status code."})
    scimType = fields.String(metadata={"description": "Detail error keyword."})  # noqa: N815
    detail = fields.String(required=True, metadata={"description": "What to do about it."})


class ErrorResponse(Response):
    """An answer with an error body.

    Attributes:
        reason: A word for the operator that says why, where the status alone does not tell.
    """

    reason = ""


def error_response(
    status: int, detail: str, scim_type: str | None = None, *, reason: str = ""
) -> ErrorResponse:
    """Return an answer with an error body.

    Args:
        status: The HTTP status code.
        detail: What the client should do about it.
        scim_type: One of the keywords of RFC 7644, section 3.12.
        reason: A word for the operator that says why; by default the keyword.
    """
    body: dict[str, object] = {"schemas": [SCIM_ERROR], "status": str(status), "detail": detail}
    written = jsonify({**body, "scimType": scim_type} if scim_type else body)
    response = ErrorResponse(written.get_data(), status, content_type=JSON)
    response.reason = reason or scim_type or ""
    response.headers["Cache-Control"] = "no-store"
    return response


def add_error_handlers(blueprint: Blueprint) -> None:
    """Register the error handlers of a blueprint; elsewhere the host's own ones apply."""
    blueprint.register_error_handler(400, _bad_request)
    blueprint.register_error_handler(BackendError, _backend_error)
    blueprint.register_error_handler(500, _internal_error)
    blueprint.register_error_handler(Exception, _other_error)


def _bad_request(error: HTTPException) -> Response:
    messages = getattr(error, "data", {}).get("messages")
    detail = _sentences(messages) if messages else str(error.description)
    return error_response(400, detail, "invalidValue")


def _sentences(messages: Mapping[str, Any]) -> str:
    """Return webargs' messages as sentences that begin with the parameter's name."""
    by_name = messages.get("query", messages)
    return " ".join(f"{name}: {' '.join(texts)}." for name, texts in by_name.items())


def _backend_error(error: BackendError) -> Response:
    # text alone: a log record that holds the exception would keep the connections of its traceback
    log.error("%s", str(error))
    if not isinstance(error, BackendUnavailable):
        return error_response(500, error.public, reason="backend_refused")
    response = error_response(503, error.public, reason="backend_unavailable")
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _other_error(error: Exception) -> Response:
    """Keep what was not foreseen from a host's handler of all exceptions, whose answer is a page.

    Flask logs what is raised again, and has `_internal_error` answer unless it is to propagate.
    """
    if isinstance(error, HTTPException):
        return error_response(error.code or 500, error.description or error.name)
    raise error


def _internal_error(_: HTTPException) -> Response:
    return error_response(500, "The server failed. Its operator finds the reason in the log.")

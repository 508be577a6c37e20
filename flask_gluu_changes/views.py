"""The blueprint: one operation, its documents, and errors in SCIM's form."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import flask
from flask import Response, jsonify, request
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException

from .errors import BackendError, BackendUnavailable
from .feed import Feed
from .model import ChangesQuery
from .protection import Guard
from .schemas import (
    ErrorSchema,
    PageSchema,
    QueryParser,
    error_body,
    query_schema,
    sentences,
)
from .settings import Settings
from .snapshot import Page
from .timestamps import from_micros, to_instant

log = logging.getLogger(__name__)

OPERATION = "/UpdatedUsers"
JSON = "application/json; charset=utf-8"
ALLOWED = ["GET", "HEAD", "OPTIONS"]
PUBLIC = ("swagger_document", "openapi_document")
"""Endpoints that nobody needs a token for."""

REFUSED = ["DELETE", "PATCH", "POST", "PUT", "TRACE"]


def create_blueprint(settings: Settings, feed: Feed, protector: Guard) -> Blueprint:
    """Make the blueprint that serves a feed; it works with and without flask-smorest's Api."""
    blueprint = Blueprint("gluu_changes", __name__, description="Changes of people in a directory")
    blueprint.ARGUMENTS_PARSER = QueryParser()
    _add_protection(blueprint, protector)
    _add_operation(blueprint, settings, feed, protector)
    _add_refusal(blueprint, f"{settings.url_prefix}{OPERATION}")
    _add_error_handlers(blueprint)
    return blueprint


def _add_protection(blueprint: Blueprint, protector: Guard) -> None:
    """Check before anything reads the request: without a token, arguments are nobody's business."""

    @blueprint.before_request
    def protect() -> None:
        endpoint = (request.endpoint or "").rpartition(".")[2]
        if request.method != "OPTIONS" and endpoint not in PUBLIC:
            protector.check()


def _add_operation(blueprint: Blueprint, settings: Settings, feed: Feed, protector: Guard) -> None:
    wanted = _wanted(settings)
    times = tuple(settings.time_attributes or ())

    @blueprint.route(f"{settings.url_prefix}{OPERATION}", provide_automatic_options=False)
    @blueprint.arguments(query_schema(settings), location="query", error_status_code=400)
    @blueprint.response(200, PageSchema, description="A page, ordered by uid ignoring case")
    @blueprint.alt_response(400, schema=ErrorSchema, description="A parameter cannot be used")
    @blueprint.alt_response(500, schema=ErrorSchema, description="An operator has to act")
    @blueprint.alt_response(503, schema=ErrorSchema, description="Try again after Retry-After")
    @blueprint.doc(operationId="getUpdatedUsers")
    def updated_users(arguments: dict[str, Any]) -> Response:
        """List the users that were added or changed after a time."""
        query = ChangesQuery(arguments["timeStamp"], times, wanted)
        page = feed.page(
            query,
            caller=protector.caller(),
            start=arguments["start"],
            size=arguments["pagesize"],
        )
        return _answer(page, query.since)


def _wanted(settings: Settings) -> frozenset[str] | None:
    """Ask a backend for no more than may be shown, where the settings name it all."""
    denied = {name.lower() for name in settings.denied_attributes}
    allowed = [name for name in settings.allowed_attributes if name.lower() not in denied]
    return frozenset(allowed) if settings.allowed_attributes else None


def _answer(page: Page, since: datetime) -> Response:
    latest = to_instant(since if page.latest is None else from_micros(page.latest))
    body = b'{"total":%d,"latestUpdateAt":"%s","results":[%s]}' % (
        len(page.bodies),
        latest.encode(),
        b",".join(page.bodies),
    )
    response = Response(body, content_type=JSON)
    response.headers["Cache-Control"] = "no-store"
    return response


def _add_refusal(blueprint: Blueprint, path: str) -> None:
    """Answer other methods here: in the host's hands, a 405 would not be a SCIM error."""

    def other_methods() -> Response:
        if request.method == "OPTIONS":
            return Response(headers={"Allow": ", ".join(ALLOWED)})
        response = _error(405, f"{request.method} is not allowed here; send GET.")
        response.headers["Allow"] = ", ".join(ALLOWED)
        return response

    flask.Blueprint.add_url_rule(
        blueprint,
        path,
        "other_methods",
        other_methods,
        methods=["OPTIONS", *REFUSED],
        provide_automatic_options=False,
    )


def _add_error_handlers(blueprint: Blueprint) -> None:
    @blueprint.errorhandler(400)
    def bad_request(error: HTTPException) -> Response:
        messages = getattr(error, "data", {}).get("messages")
        detail = sentences(messages) if messages else str(error.description)
        return _error(400, detail, scim_type="invalidValue")

    @blueprint.errorhandler(BackendError)
    def backend_error(error: BackendError) -> Response:
        log.error("%s", error)
        if isinstance(error, BackendUnavailable):
            response = _error(503, error.public)
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        return _error(500, error.public)

    @blueprint.errorhandler(500)
    def internal_error(_: HTTPException) -> Response:
        return _error(500, "The server failed. Its operator finds the reason in the log.")


def _error(status: int, detail: str, scim_type: str | None = None) -> Response:
    response = jsonify(error_body(status, detail, scim_type))
    response.status_code = status
    response.content_type = JSON
    response.headers["Cache-Control"] = "no-store"
    return response

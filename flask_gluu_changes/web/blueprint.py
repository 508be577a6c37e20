"""The blueprint: one operation, its documents, and errors in SCIM's form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import flask
import yaml
from flask import Response, jsonify, request
from flask.sansio.blueprints import BlueprintSetupState
from flask_smorest import Blueprint
from marshmallow import Schema

from ..feed.feed import Feed
from ..feed.snapshot import Page
from ..protection import Guard
from ..scim import add_error_handlers, error_response
from ..settings.base import Settings
from .delta import DeltaEndpoint
from .openapi import (
    ERRORS,
    FAILURES,
    OPENAPI,
    PAGE_DESCRIPTION,
    RESYNC_REQUIRED,
    SWAGGER,
    Document,
    describe,
    documented,
    mounted,
    request_headers,
    with_delta_media,
)
from .query import QueryParser, query_schema, two_forms_schema
from .schemas import DeltaPageSchema, StatusSchema, UpdatedUsersPageSchema

OPERATION = "/UpdatedUsers"
JSON = "application/json; charset=utf-8"
YAML = "application/yaml; charset=utf-8"
STATUS = "/status"
"""Follows the operation's path."""

ALLOWED = ["GET", "HEAD", "OPTIONS"]
PUBLIC = ("swagger_document", "openapi_document")
"""Endpoints that nobody needs a token for."""

ByTime = Callable[[dict[str, Any]], Response]
Describe = Callable[[Mapping[int, str]], dict[str, Any]]
"""From errors by status to what an operation says of its protection and of them."""


@dataclass(frozen=True)
class Served:
    """What a blueprint serves, to whom; tokens: where the backend keeps a journal."""

    settings: Settings
    feed: Feed
    protector: Guard
    tokens: DeltaEndpoint | None = None

    @property
    def paths(self) -> list[str]:
        """The URLs of the protected operations."""
        path = f"{self.settings.url_prefix}{OPERATION}"
        return [path, f"{path}{STATUS}"] if self.tokens else [path]


def create_blueprint(served: Served, version: str = OPENAPI) -> Blueprint:
    """Make the blueprint that serves a feed; it works with and without flask-smorest's Api.

    version: of OpenAPI, in which the Api documents the operation.
    """
    blueprint = _new_blueprint()
    _add_protection(blueprint, served.protector)
    _add_operations(blueprint, served.paths[0], served, version)
    documents = f"{served.settings.documents_prefix}/resource_changes"
    _add_documents(blueprint, documents, served)
    _add_refusal(blueprint, *served.paths, f"{documents}.yaml", f"{documents}.openapi.json")
    add_error_handlers(blueprint)
    if served.tokens is not None:
        served.tokens.add_error_handlers(blueprint)
    return blueprint


def _new_blueprint() -> Blueprint:
    blueprint = Blueprint("gluu_changes", __name__, description="Changes of people in a directory")
    blueprint.ARGUMENTS_PARSER = QueryParser()
    return blueprint


def _add_protection(blueprint: Blueprint, protector: Guard) -> None:
    """Check before anything reads the request: without a token, arguments are nobody's business."""

    @blueprint.before_request
    def protect() -> None:
        endpoint = (request.endpoint or "").rpartition(".")[2]
        if request.method != "OPTIONS" and endpoint not in PUBLIC:
            protector.check()


def _add_operations(blueprint: Blueprint, path: str, served: Served, version: str) -> None:
    if served.tokens is None:
        _add_operation(blueprint, path, served, version)
        return
    by_time = partial(_by_time, served)
    parameters = _parameters(two_forms_schema(served.settings), version)
    document = partial(documented, served.protector, version)
    _add_journal_operation(blueprint, path, parameters, by_time, served.tokens, version, document)
    _add_status(blueprint, f"{path}{STATUS}", served.tokens, document)


def _add_operation(blueprint: Blueprint, path: str, served: Served, version: str) -> None:
    parameters = _parameters(query_schema(served.settings), version)
    document = documented(served.protector, version, ERRORS)

    @blueprint.arguments(parameters, location="query", error_status_code=400)
    @blueprint.response(200, UpdatedUsersPageSchema, description="A page in order of uid")
    @blueprint.doc(operationId="getUpdatedUsers", **document)
    def updated_users(arguments: dict[str, Any]) -> Response:
        """List the users that were added or changed after a time."""
        return _by_time(served, arguments)

    updated_users.provide_automatic_options = False
    blueprint.add_url_rule(path, view_func=updated_users)


def _add_journal_operation(
    blueprint: Blueprint,
    path: str,
    parameters: Schema,
    by_time: ByTime,
    tokens: DeltaEndpoint,
    version: str,
    describe: Describe,
) -> None:
    """Add the operation where a journal is served.

    by_time: answers the timeStamp form. version: of OpenAPI. describe: returns what the operation
    says of its protection and its errors.
    """
    documented = with_delta_media(describe({**ERRORS, 410: RESYNC_REQUIRED}), version)

    @blueprint.arguments(parameters, location="query", error_status_code=400)
    @blueprint.response(200, DeltaPageSchema, description=PAGE_DESCRIPTION)
    @blueprint.doc(operationId="getUpdatedUsers", **documented)
    def updated_users(arguments: dict[str, Any]) -> Response:
        """List the users that were added or changed after a time, or follow all changes."""
        return by_time(arguments) if "timeStamp" in arguments else tokens.answer(arguments)

    updated_users.provide_automatic_options = False
    blueprint.add_url_rule(path, view_func=updated_users, parameters=request_headers(version))


def _add_status(blueprint: Blueprint, path: str, tokens: DeltaEndpoint, describe: Describe) -> None:
    """Add the operation that tells how the journal is."""

    @blueprint.response(200, StatusSchema, description="How the journal is")
    @blueprint.doc(operationId="getUpdatedUsersStatus", **describe(FAILURES))
    def updated_users_status() -> Response:
        """Tell how the changes are followed, and how far."""
        return tokens.status()

    updated_users_status.provide_automatic_options = False
    blueprint.add_url_rule(path, view_func=updated_users_status)


def _by_time(served: Served, arguments: dict[str, Any]) -> Response:
    since = arguments["timeStamp"]
    page = served.feed.page(
        since,
        caller=served.protector.caller(),
        start=arguments["start"],
        size=arguments["pagesize"],
    )
    return _answer(page, since)


def _parameters(schema: Schema, version: str) -> Schema:
    """Give the schema of the query; Swagger 2.0 knows no examples of parameters."""
    if version.startswith("2"):
        for field in schema.fields.values():
            field.metadata = {k: v for k, v in field.metadata.items() if k != "example"}
    return schema


def _answer(page: Page, since: datetime) -> Response:
    response = Response(page.to_json(since), content_type=JSON)
    response.headers["Cache-Control"] = "no-store"
    return response


def _add_refusal(blueprint: Blueprint, *paths: str) -> None:
    """Answer every other method here: in the host's hands, a 405 would not be a SCIM error."""

    def other_methods() -> Response:
        if request.method == "OPTIONS":
            return Response(headers={"Allow": ", ".join(ALLOWED)})
        response = error_response(405, f"{request.method} is not allowed here; send GET.")
        response.headers["Allow"] = ", ".join(ALLOWED)
        return response

    def register(state: BlueprintSetupState) -> None:
        """Add rules without methods, which match all; Flask's add_url_rule would add GET."""
        endpoint = f"{blueprint.name}.{other_methods.__name__}"
        state.app.view_functions[endpoint] = other_methods
        for path in paths:
            rule = state.app.url_rule_class(path, endpoint=endpoint, methods=None)
            state.app.url_map.add(rule)

    blueprint.record(register)


def _add_documents(blueprint: Blueprint, path: str, served: Served) -> None:
    def described(version: str) -> Document:
        relative = _new_blueprint()
        _add_operations(relative, OPERATION, served, version)
        return describe(relative, served.protector, version)

    settings = served.settings
    swagger, openapi = described(SWAGGER), described(OPENAPI)

    def swagger_document() -> Response:
        document = mounted(swagger, f"{request.root_path}{settings.url_prefix}")
        return Response(yaml.safe_dump(document, sort_keys=False), content_type=YAML)

    def openapi_document() -> Response:
        return jsonify(mounted(openapi, f"{request.root_path}{settings.url_prefix}"))

    _add_undocumented(blueprint, f"{path}.yaml", swagger_document)
    _add_undocumented(blueprint, f"{path}.openapi.json", openapi_document)


def _add_undocumented(blueprint: Blueprint, path: str, view: Callable[[], Response]) -> None:
    """Register a view as Flask does, past flask-smorest's documentation."""
    flask.Blueprint.add_url_rule(
        blueprint, path, view.__name__, view, provide_automatic_options=False
    )

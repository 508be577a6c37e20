"""The blueprint: the operation, the journal's status, their documents, and SCIM errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, cast

import flask
import yaml
from flask import Response, jsonify, request
from flask.sansio.blueprints import BlueprintSetupState
from flask_smorest import Blueprint
from marshmallow import Schema

from ..feed.feed import Feed
from ..feed.snapshot import Page
from ..observe.health import Readiness
from ..observe.observation import observed
from ..observe.observer import Observer
from ..protection import Guard
from ..scim import JSON, add_error_handlers, error_response
from ..settings.base import Settings
from .capacity import Busy
from .checking import check
from .delta import DeltaEndpoint
from .health import ALIVE, READY, HealthEndpoints
from .long_answers import LongAnswers
from .metrics import METRICS, MetricsEndpoint
from .openapi import (
    ERRORS,
    FAILURES,
    OPENAPI,
    PAGE_DESCRIPTION,
    RESYNC_REQUIRED,
    SWAGGER,
    Document,
    build_document,
    describe_operation,
    mounted,
    request_headers,
    with_delta_media,
)
from .paging import find_traits, tell_session
from .query import QueryParser, query_schema, two_forms_schema
from .schemas import DeltaPageSchema, StatusSchema, UpdatedUsersPageSchema

OPERATION = "/UpdatedUsers"
STATUS = "/status"
"""Is appended to the operation's path."""

YAML = "application/yaml; charset=utf-8"
MOUNTS = 8
"""The most paths of one application for which a document is kept as it is sent; writing YAML takes
long, and anybody may ask for it."""

ALLOWED = ["GET", "HEAD", "OPTIONS"]
PUBLIC = ("swagger_document", "openapi_document", ALIVE, READY)
"""Endpoints that need no token."""

TimeStampView = Callable[[dict[str, Any]], Response]
Describe = Callable[[Mapping[int, str]], dict[str, Any]]
"""Returns what an operation's document says of its protection and of the given errors."""


@dataclass(frozen=True)
class AppState:
    """All that one application has registered, under `app.extensions["gluu_changes"]`.

    Attributes:
        settings: The settings that hold for every backend.
        feed: What answers the timeStamp form.
        protector: What decides whether a request is answered.
        long_answers: What sends answers that take long.
        observer: What makes a record of each answer.
        readiness: What tells whether the operation is ready.
        metrics: What Prometheus reads; None where that is switched off.
        delta: What answers the token forms; None where the backend keeps no journal.
    """

    settings: Settings
    feed: Feed
    protector: Guard
    long_answers: LongAnswers
    observer: Observer
    readiness: Readiness
    metrics: MetricsEndpoint | None
    delta: DeltaEndpoint | None = None

    @property
    def paths(self) -> list[str]:
        """The URL paths of the protected operations, the operation's own first."""
        path = f"{self.settings.url_prefix}{OPERATION}"
        return [path, f"{path}{STATUS}"] if self.delta else [path]


def create_blueprint(state: AppState, version: str = OPENAPI) -> Blueprint:
    """Return the blueprint for an application; it works with and without flask-smorest's Api.

    version: the version of OpenAPI in which the Api documents the operation.
    """
    blueprint = _HostBlueprint(state.settings.url_host)
    _add_protection(blueprint, state)
    blueprint.after_request(state.observer.end)
    _add_operations(blueprint, state.paths[0], state, version)
    documents = f"{state.settings.documents_prefix}/resource_changes"
    _add_documents(blueprint, documents, state)
    health = _add_health(blueprint, state)
    _add_refusal(blueprint, *state.paths, *health, f"{documents}.yaml", f"{documents}.openapi.json")
    add_error_handlers(blueprint)
    blueprint.register_error_handler(Busy, Busy.answer)
    if state.delta is not None:
        state.delta.add_error_handlers(blueprint)
    return blueprint


class _HostBlueprint(Blueprint):  # type: ignore[misc]
    """A blueprint whose rules hold at one host; empty: wherever the application answers."""

    ARGUMENTS_PARSER = QueryParser()

    def __init__(self, host: str) -> None:
        super().__init__("gluu_changes", __name__, description="Changes of people in a directory")
        self.rule_options: dict[str, Any] = {"host": host} if host else {}

    def add_url_rule(self, *args: Any, **options: Any) -> None:
        super().add_url_rule(*args, **self.rule_options, **options)


def _add_protection(blueprint: Blueprint, state: AppState) -> None:
    """Check before anything reads the request: arguments are not judged without a token."""
    observer, metrics, protector = state.observer, state.metrics, state.protector

    @blueprint.before_request
    def protect() -> None:
        observer.begin()
        endpoint = (request.endpoint or "").rpartition(".")[2]  # the host may nest the blueprint
        if request.method == "OPTIONS" or endpoint in PUBLIC:
            return
        if endpoint == METRICS and metrics is not None:
            metrics.check()
        else:
            check(protector)


def _add_operations(blueprint: Blueprint, path: str, state: AppState, version: str) -> None:
    if state.delta is None:
        _add_operation(blueprint, path, state, version)
        return
    by_time = partial(_by_time, state)
    parameters = _parameters(two_forms_schema(state.settings), version)
    describe = partial(describe_operation, state.protector, version)
    _add_journal_operation(blueprint, path, parameters, by_time, state.delta, version, describe)
    _add_status(blueprint, f"{path}{STATUS}", state.delta, describe)


def _add_operation(blueprint: Blueprint, path: str, state: AppState, version: str) -> None:
    parameters = _parameters(query_schema(state.settings), version)
    document = describe_operation(state.protector, version, ERRORS)

    @blueprint.arguments(parameters, location="query", error_status_code=400)
    @blueprint.response(200, UpdatedUsersPageSchema, description="A page in order of uid")
    @blueprint.doc(operationId="getUpdatedUsers", **document)
    def updated_users(arguments: dict[str, Any]) -> Response:
        """List the users that were added or changed after a time."""
        return _by_time(state, arguments)

    _add_view(blueprint, path, updated_users)


def _add_journal_operation(
    blueprint: Blueprint,
    path: str,
    parameters: Schema,
    by_time: TimeStampView,
    delta: DeltaEndpoint,
    version: str,
    describe: Describe,
) -> None:
    """Add the operation where a journal is served; `by_time` answers the timeStamp form."""
    document = with_delta_media(describe({**ERRORS, 410: RESYNC_REQUIRED}), version)

    @blueprint.arguments(parameters, location="query", error_status_code=400)
    @blueprint.response(200, DeltaPageSchema, description=PAGE_DESCRIPTION)
    @blueprint.doc(operationId="getUpdatedUsers", **document)
    def updated_users(arguments: dict[str, Any]) -> Response:
        """List the users that were added or changed after a time, or follow all changes."""
        return by_time(arguments) if "timeStamp" in arguments else delta.answer(arguments)

    _add_view(blueprint, path, updated_users, request_headers(version))


def _add_status(blueprint: Blueprint, path: str, delta: DeltaEndpoint, describe: Describe) -> None:
    """Add the operation that returns the status of the journal."""

    @blueprint.response(200, StatusSchema, description="How the journal is")
    @blueprint.doc(operationId="getUpdatedUsersStatus", **describe(FAILURES))
    def updated_users_status() -> Response:
        """Tell how the changes are followed, and how far."""
        return delta.status()

    _add_view(blueprint, path, updated_users_status)


def _add_view(blueprint: Blueprint, path: str, view: Any, headers: Any = None) -> None:
    """Register a documented view; `headers`: the header parameters of the document."""
    # flask-smorest drops add_url_rule's option of this name; OPTIONS is left to `_add_refusal`
    view.provide_automatic_options = False
    blueprint.add_url_rule(path, view_func=view, parameters=headers)


def _by_time(state: AppState, arguments: dict[str, Any]) -> Response:
    since, start, size = arguments["timeStamp"], arguments["start"], arguments["pagesize"]
    seen = observed()
    seen.note_asked("timeStamp", timeStamp=since, start=start, pagesize=size)
    page = state.feed.page(
        since,
        caller=state.protector.caller(),
        start=start,
        size=size,
        find_traits=lambda: find_traits(since),
        reading=state.long_answers.reading,
        sharing=state.long_answers.sharing,
    )
    seen.note_told(len(page.bodies))
    response = _answer(page, state.long_answers)
    tell_session(response, page, start, state.settings.paging_session_seconds)
    return response


def _parameters(schema: Schema, version: str) -> Schema:
    """Return the schema for a version; Swagger 2.0 has no examples of parameters."""
    if version.startswith("2"):
        for field in schema.fields.values():
            field.metadata = {k: v for k, v in field.metadata.items() if k != "example"}
    return schema


def _answer(page: Page, long_answers: LongAnswers) -> Response:
    large = page.large
    if large is None:
        response = Response(page.to_json(), content_type=JSON)
    else:
        response = long_answers.send(large.parts(), JSON, large.size)
    response.headers.add("Cache-Control", "no-store")
    return response


def _add_refusal(blueprint: _HostBlueprint, *paths: str) -> None:
    """Answer every other method here: a 405 of the host application would not be a SCIM error."""

    def other_methods() -> Response:
        if request.method == "OPTIONS":
            return Response(headers={"Allow": ", ".join(ALLOWED)})
        response = error_response(405, f"{request.method} is not allowed here; send GET.")
        response.headers["Allow"] = ", ".join(ALLOWED)
        return response

    def register(setup: BlueprintSetupState) -> None:
        # a rule without methods matches all of them; Flask's add_url_rule would add GET
        endpoint = f"{blueprint.name}.{other_methods.__name__}"
        setup.app.view_functions[endpoint] = other_methods
        for path in paths:
            rule = setup.app.url_rule_class(
                path, endpoint=endpoint, methods=None, **blueprint.rule_options
            )
            setup.app.url_map.add(rule)

    blueprint.record(register)


def _add_health(blueprint: _HostBlueprint, state: AppState) -> list[str]:
    """Add what orchestrators and Prometheus ask; return the paths."""
    endpoints = HealthEndpoints(state.readiness)
    views = [endpoints.livez, endpoints.readyz]
    if state.metrics is not None:
        views.append(state.metrics.metrics)
    paths = [f"{state.paths[0]}/{view.__name__}" for view in views]
    for path, view in zip(paths, views, strict=True):
        _add_undocumented(blueprint, path, view)
    return paths


def _add_documents(blueprint: _HostBlueprint, path: str, state: AppState) -> None:
    def described(version: str) -> Document:
        relative = _HostBlueprint("")
        _add_operations(relative, OPERATION, state, version)
        return build_document(relative, state.protector, version)

    swagger, openapi = described(SWAGGER), described(OPENAPI)

    @lru_cache(MOUNTS)
    def swagger_for(base_path: str) -> bytes:
        text: str = yaml.safe_dump(mounted(swagger, base_path), sort_keys=False)
        return text.encode()

    @lru_cache(MOUNTS)
    def openapi_for(base_path: str) -> bytes:
        return jsonify(mounted(openapi, base_path)).get_data()

    def base_path() -> str:
        return f"{request.root_path}{state.settings.url_prefix}"

    def swagger_document() -> Response:
        return _document(swagger_for(base_path()), YAML)

    def openapi_document() -> Response:
        return _document(openapi_for(base_path()), "application/json")

    _add_undocumented(blueprint, f"{path}.yaml", swagger_document)
    _add_undocumented(blueprint, f"{path}.openapi.json", openapi_document)


def _document(text: bytes, content_type: str) -> Response:
    """Answer with a document, or with 304 to who has it."""
    response = Response(text, content_type=content_type)
    response.add_etag()
    return cast(Response, response.make_conditional(request))


def _add_undocumented(blueprint: _HostBlueprint, path: str, view: Callable[[], Response]) -> None:
    """Register a view by Flask's own method, so that flask-smorest does not document it."""
    options: dict[str, Any] = {"provide_automatic_options": False, **blueprint.rule_options}
    flask.Blueprint.add_url_rule(blueprint, path, view.__name__, view, **options)

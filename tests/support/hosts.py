"""A host application with habits of its own: what a guest must not change."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from flask import Flask, Response, abort, g, jsonify, request
from flask_smorest import Api, Blueprint
from marshmallow import Schema, fields
from webargs.flaskparser import use_args


class ScimErrorSchema(Schema):
    """A schema whose name a guest may have chosen as well."""

    reason = fields.String()


class ReportSchema(Schema):
    """Finds another schema by its name."""

    error = fields.Nested("ScimErrorSchema")


class PetSchema(Schema):
    """What the host's own operation takes."""

    name = fields.String(required=True)
    age = fields.Integer()


def make_host(name: str = "host") -> tuple[Flask, Api]:
    """Make an app with its own Api, HTML error pages, routes and hooks."""
    app = Flask(name)
    app.config.update(
        API_TITLE="Pets",
        API_VERSION="v7",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/docs",
        OPENAPI_JSON_PATH="openapi.json",
        GLUU_CHANGES_PROTECTION="bypass",
        GLUU_CHANGES_ALLOW_BYPASS=True,
    )
    api = Api(app)
    api.register_blueprint(_pets())
    _add_habits(app)
    _add_routes(app)
    return app, api


def _pets() -> Blueprint:
    pets = Blueprint("pets", "pets", url_prefix="/pets")

    @pets.get("/")
    @pets.arguments(PetSchema, location="query")
    @pets.response(200, PetSchema)
    def find(arguments: dict[str, object]) -> dict[str, object]:
        """Find a pet."""
        return arguments

    return pets


def _add_habits(app: Flask) -> None:
    app.json.sort_keys = False  # type: ignore[attr-defined]

    def page(error: Exception) -> tuple[str, int]:
        code = getattr(error, "code", 500)
        return f"<h1>Our own page {code}</h1>", code

    for code in (400, 404, 405, 500):
        app.register_error_handler(code, page)

    @app.before_request
    def receive() -> None:
        g.greeting = f"{request.method} {request.path}"

    @app.after_request
    def sign(response: Response) -> Response:
        response.headers["X-Host"] = request.endpoint or "nowhere"
        response.headers["X-Greeting"] = g.greeting
        return response


def _add_routes(app: Flask) -> None:
    @app.route("/")
    def home() -> str:
        return "home"

    @app.route("/json")
    def ordered() -> Response:
        return jsonify(z=1, a=ReportSchema().dump({"error": {"reason": "ours"}}))

    @app.route("/broken")
    def broken() -> str:
        raise RuntimeError("the host's own fault")

    @app.route("/refused")
    def refused() -> str:
        abort(400, "no")

    @app.route("/identity/other")
    def neighbour() -> str:
        return "a neighbour of the operation's path"

    @app.route("/own-arguments")
    @use_args(PetSchema, location="query")
    def own_arguments(arguments: dict[str, object]) -> Response:
        return jsonify(arguments)


def answers(app: Flask, requests: Sequence[Sequence[str]]) -> list[object]:
    """Ask an app; give each answer's status, headers and body."""
    client = app.test_client()
    got = [client.open(path, method=method) for method, path in requests]
    return [[a.status_code, [list(pair) for pair in a.headers], a.text] for a in got]


def _invite(app: Flask, api: Api | None) -> None:
    """Register the guest, imported here only: a host without it must not even load it."""
    from flask_gluu_changes import GluuChanges
    from flask_gluu_changes.backends.memory import MemoryBackend

    GluuChanges(make_host("other")[0], backend=MemoryBackend())
    GluuChanges(app, backend=MemoryBackend(), api=api)


def main(guest: str) -> None:
    """Write a host's answers to the requests that come in; guest: none, beside or under its Api."""
    app, api = make_host()
    if guest != "none":
        _invite(app, api if guest == "under" else None)
    json.dump(answers(app, json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])

"""A host application with habits of its own: what a guest must not change."""

from __future__ import annotations

from flask import Flask, Response, abort, jsonify, request
from flask_smorest import Api, Blueprint
from marshmallow import Schema, fields


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

    @app.after_request
    def sign(response: Response) -> Response:
        response.headers["X-Host"] = request.endpoint or "nowhere"
        return response


def _add_routes(app: Flask) -> None:
    @app.route("/")
    def home() -> str:
        return "home"

    @app.route("/json")
    def ordered() -> Response:
        return jsonify(z=1, a=2)

    @app.route("/broken")
    def broken() -> str:
        raise RuntimeError("the host's own fault")

    @app.route("/refused")
    def refused() -> str:
        abort(400, "no")

    @app.route("/identity/other")
    def neighbour() -> str:
        return "a neighbour of the operation's path"

"""The application that gunicorn serves: the blueprint over a store, and a tiny route beside it."""

from __future__ import annotations

import os

from flask import Flask, Response

from flask_gluu_changes import Backend, GluuChanges
from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.journal.backend import JournalBackend

from .bare_route import add_bare_route

PREBUILT = b"x" * 160_000
"""As large as a page of 200."""


def create_app() -> Flask:
    app = Flask("benchmark")
    app.config.from_prefixed_env()
    app.config.update(GLUU_CHANGES_PROTECTION="bypass", GLUU_CHANGES_ALLOW_BYPASS=True)
    GluuChanges(app, backend=_backend(app))

    add_bare_route(app)

    @app.get("/tiny")
    def tiny() -> str:
        return "{}"

    @app.get("/worker")
    def worker() -> str:
        return str(os.getpid())

    @app.get("/prebuilt")
    def prebuilt() -> Response:
        return Response(PREBUILT, content_type="application/json")

    return app


def _backend(app: Flask) -> Backend:
    if "GLUU_CHANGES_SQL_URL" in app.config:
        return SqlBackend.from_config(app.config)
    directory = LdapBackend.from_config(app.config)
    if "GLUU_CHANGES_JOURNAL_URL" in app.config:
        return JournalBackend.from_config(app.config, source=directory)
    return directory

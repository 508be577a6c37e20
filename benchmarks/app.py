"""The application that gunicorn serves: the blueprint over a store, and a tiny route beside it."""

from __future__ import annotations

from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.backends.sql import SqlBackend


def create_app() -> Flask:
    app = Flask("benchmark")
    app.config.from_prefixed_env()
    app.config.update(GLUU_CHANGES_PROTECTION="bypass", GLUU_CHANGES_ALLOW_BYPASS=True)
    relational = "GLUU_CHANGES_SQL_URL" in app.config
    kind: type[SqlBackend] | type[LdapBackend] = SqlBackend if relational else LdapBackend
    GluuChanges(app, backend=kind.from_config(app.config))

    @app.get("/tiny")
    def tiny() -> str:
        return "{}"

    return app

"""A small host application that embeds the operation: for demos, and as a stand-in for Gluu."""

from __future__ import annotations

from flask import Flask

from flask_gluu_changes import GluuChanges

from .guard import trust_hosts
from .pages import pages
from .people_pages import people_pages
from .served import backend_of


def create_app(**settings: object) -> Flask:
    """Return the application; `FLASK_…` in the environment comes before the settings given here.

    With `FLASK_GLUU_CHANGES_LDAP_URI` it serves that directory, else an embedded set of people,
    which is kept in a file: `EXAMPLE_PEOPLE_FILE`, or one in Flask's instance folder.
    """
    app = Flask(__name__)
    app.config.from_mapping(settings)
    app.config.from_prefixed_env()
    app.config.setdefault("GLUU_CHANGES_PROTECTION", "bypass")
    trust_hosts(app)
    GluuChanges(app, backend=backend_of(app))
    app.register_blueprint(pages)
    app.register_blueprint(people_pages)
    return app

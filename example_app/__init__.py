"""A small host application that embeds the operation: for demos, and as a stand-in for Gluu."""

from __future__ import annotations

from flask import Flask

from flask_gluu_changes import Backend, GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.errors import ConfigurationError

from .pages import pages
from .people import TYPES, people


def create_app(**settings: object) -> Flask:
    """Make the application; `FLASK_…` in the environment comes before the settings given here.

    With `FLASK_GLUU_CHANGES_LDAP_URI` it serves that directory, else an embedded set of people.
    """
    app = Flask(__name__)
    app.config.from_mapping(settings)
    app.config.from_prefixed_env()
    app.config.setdefault("GLUU_CHANGES_PROTECTION", "bypass")
    GluuChanges(app, backend=_backend(app))
    app.register_blueprint(pages)
    return app


def _backend(app: Flask) -> Backend:
    if not app.config.get("GLUU_CHANGES_LDAP_URI"):
        return MemoryBackend(people(), types=TYPES)
    try:
        from flask_gluu_changes.backends.ldap import LdapBackend
    except ImportError as error:
        raise ConfigurationError(
            "GLUU_CHANGES_LDAP_URI needs python-ldap: pip install 'flask-gluu-changes[ldap]'"
        ) from error
    return LdapBackend.from_config(app.config)

"""Which people the application serves: a directory's, a database's, or the embedded ones."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, current_app

from flask_gluu_changes import Backend
from flask_gluu_changes.backends.sql import SqlBackend
from flask_gluu_changes.errors import ConfigurationError
from flask_gluu_changes.journal.backend import JournalBackend
from flask_gluu_changes.settings.base import Settings

from .store import PeopleStore
from .tables import Layout

EXTENSION = "example_people"


def backend_of(app: Flask) -> Backend:
    """Return the backend that the settings ask for: the store, or a journal that it fills."""
    store = _store_of(app)
    if app.config.get("GLUU_CHANGES_JOURNAL_URL"):
        return JournalBackend.from_config(app.config, source=store)
    return store


def _store_of(app: Flask) -> Backend:
    app.extensions[EXTENSION] = None
    if app.config.get("GLUU_CHANGES_LDAP_URI"):
        return _directory(app)
    if app.config.get("GLUU_CHANGES_SQL_URL"):
        return SqlBackend.from_config(app.config)
    layout = Layout(Settings.load(app.config).profile)
    app.extensions[EXTENSION] = store = PeopleStore(_file(app), layout)
    return SqlBackend(store.url, table=layout.table.name, attributes_table="")


def embedded_people() -> PeopleStore | None:
    """Return the people that can be edited here; None when another store is served."""
    store: PeopleStore | None = current_app.extensions[EXTENSION]
    return store


def description() -> str:
    """Return what is served, in words that give away nothing confidential."""
    store = embedded_people()
    if store:
        return f"an embedded set of {store.count():,} people"
    in_directory = current_app.config.get("GLUU_CHANGES_LDAP_URI")
    return "an LDAP directory" if in_directory else "a relational database"


def _file(app: Flask) -> Path:
    default = Path(app.instance_path) / "people.sqlite"
    return Path(app.config.setdefault("EXAMPLE_PEOPLE_FILE", str(default))).absolute()


def _directory(app: Flask) -> Backend:
    try:
        from flask_gluu_changes.backends.ldap import LdapBackend
    except ImportError as error:
        raise ConfigurationError(
            "GLUU_CHANGES_LDAP_URI needs python-ldap: pip install 'flask-gluu-changes[ldap]'"
        ) from error
    return LdapBackend.from_config(app.config)

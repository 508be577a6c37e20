"""Which people the application serves: a directory's, or those that are embedded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flask import Flask, current_app

from flask_gluu_changes import Backend, ChangesQuery, Entry
from flask_gluu_changes.errors import ConfigurationError
from flask_gluu_changes.settings import Settings

from .store import PeopleStore
from .tables import Layout

EXTENSION = "example_people"


def backend_of(app: Flask) -> Backend:
    """Make the backend that the settings ask for; `embedded_people` knows the embedded ones."""
    app.extensions[EXTENSION] = None
    if app.config.get("GLUU_CHANGES_LDAP_URI"):
        return _directory(app)
    app.extensions[EXTENSION] = store = PeopleStore(_file(app), Layout(_profile(app)))
    return _embedded(store)


def embedded_people() -> PeopleStore | None:
    """Give the people that can be edited here; None when another store is served."""
    store: PeopleStore | None = current_app.extensions[EXTENSION]
    return store


def description() -> str:
    """Name what is served, without a word that an operator may want to keep."""
    store = embedded_people()
    return f"an embedded set of {store.count():,} people" if store else "an LDAP directory"


def _file(app: Flask) -> Path:
    default = Path(app.instance_path) / "people.sqlite"
    return Path(app.config.setdefault("EXAMPLE_PEOPLE_FILE", str(default))).absolute()


def _profile(app: Flask) -> str:
    return Settings.load(app.config).profile


def _directory(app: Flask) -> Backend:
    try:
        from flask_gluu_changes.backends.ldap import LdapBackend
    except ImportError as error:
        raise ConfigurationError(
            "GLUU_CHANGES_LDAP_URI needs python-ldap: pip install 'flask-gluu-changes[ldap]'"
        ) from error
    return LdapBackend.from_config(app.config)


def _embedded(store: PeopleStore) -> Backend:
    return _StoreBackend(store)


class _StoreBackend(Backend):
    def __init__(self, store: PeopleStore) -> None:
        self._store = store

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        for row in self._store.everybody():
            row = {n: v if isinstance(v, list) else [v] for n, v in row.items() if v is not None}
            row = {n: v for n, v in row.items() if n not in ("doc_id", "dn", "objectClass")}
            if query.matches(row):
                yield row

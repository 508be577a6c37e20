"""The people of a directory under test, and applications that serve them."""

from __future__ import annotations

from typing import Any

import ldap
from flask import Flask
from flask.testing import FlaskClient

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.testing import Attributes
from tests.support.directory_server import DirectoryServer
from tests.support.markers import DENIED
from tests.support.people import PEOPLE_DN, PERSON_CLASSES


class Directory:
    """The people of a directory under test, and a backend that reads them as its reader."""

    def __init__(self, server: DirectoryServer) -> None:
        self.server = server
        self.admin = server.connect()
        self.backend = LdapBackend.from_config(config_of(server))

    def add(self, inum: str, attributes: Attributes) -> None:
        """Add a person."""
        secrets = {"userPassword": [DENIED.encode()], "secretAnswer": [DENIED.encode()]}
        own = {"objectClass": PERSON_CLASSES, "inum": [inum.encode()], **secrets}
        entry = {**own, **attributes}
        self.admin.add_s(dn_of(inum), [(name, list(values)) for name, values in entry.items()])

    def change(self, inum: str, attributes: Attributes) -> None:
        """Replace attributes of a person."""
        changes = [(ldap.MOD_REPLACE, name, list(values)) for name, values in attributes.items()]
        self.admin.modify_s(dn_of(inum), changes)

    def remove(self, inum: str) -> None:
        """Delete a person."""
        self.admin.delete_s(dn_of(inum))

    def empty(self) -> None:
        """Delete all people."""
        empty(self.admin, PEOPLE_DN)


def empty(connection: Any, base: str) -> None:
    """Delete all below an entry, the deepest first."""
    found = connection.search_s(base, ldap.SCOPE_SUBTREE, attrlist=["1.1"])
    for dn, _ in sorted(found, key=lambda entry: -entry[0].count(",")):
        if dn != base:
            connection.delete_s(dn)


def dn_of(inum: str) -> str:
    """Name a person's entry."""
    return f"inum={inum},{PEOPLE_DN}"


def config_of(server: DirectoryServer, **changed: Any) -> dict[str, Any]:
    """Give the settings for a server's reader, some of them changed."""
    settings = {
        "LDAP_URI": server.uri,
        "LDAP_BIND_DN": server.reader_dn,
        "LDAP_BIND_PASSWORD": server.reader_password,
        **changed,
    }
    return {f"GLUU_CHANGES_{key}": value for key, value in settings.items()}


def client_of(backend: LdapBackend, **settings: Any) -> FlaskClient:
    """Make a client of an app that serves a backend."""
    app = Flask("directory")
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass", PROPAGATE_EXCEPTIONS=False)
    app.config.update({f"GLUU_CHANGES_{key}": value for key, value in settings.items()})
    GluuChanges(app, backend=backend)
    return app.test_client()

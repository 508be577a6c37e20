"""One slapd for most tests, emptied for each; others are started where a test needs its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import ldap
import pytest
from flask import Flask
from flask.testing import FlaskClient

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.testing import Attributes
from tests.support.directory_server import DirectoryServer
from tests.support.people import PEOPLE_DN, PERSON_CLASSES
from tests.support.slapd import DEFAULT_INDEXES, TIME_INDEXES, Slapd

MakeBackend: TypeAlias = Callable[..., LdapBackend]
MakeClient: TypeAlias = Callable[..., FlaskClient]


class Directory:
    """The people of a directory under test, and a backend that reads them as its reader."""

    def __init__(self, server: DirectoryServer) -> None:
        self.server = server
        self.admin = server.connect()
        self.backend = LdapBackend.from_config(config_of(server))

    def add(self, inum: str, attributes: Attributes) -> None:
        """Add a person."""
        entry = {"objectClass": PERSON_CLASSES, "inum": [inum.encode()], **attributes}
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
        for dn, _ in self.admin.search_s(PEOPLE_DN, ldap.SCOPE_ONELEVEL, attrlist=["1.1"]):
            self.admin.delete_s(dn)


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


@pytest.fixture(scope="session", params=["indexed", "unindexed"])
def running_directory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Directory]:
    """A slapd that indexes the time attributes, and one that does not."""
    indexes = TIME_INDEXES if request.param == "indexed" else DEFAULT_INDEXES
    with Slapd(tmp_path_factory.mktemp("slapd"), indexes=indexes) as server:
        yield Directory(server)


@pytest.fixture
def directory(running_directory: Directory) -> Directory:
    """The running directory without people."""
    running_directory.empty()
    return running_directory


@pytest.fixture
def server(tmp_path: Any) -> Iterator[Slapd]:
    """A slapd of the test's own, to be stopped and started."""
    with Slapd(tmp_path / "slapd") as server:
        yield server


@pytest.fixture
def backend_of() -> Iterator[MakeBackend]:
    """Make backends that are closed after the test."""
    made: list[LdapBackend] = []

    def make(server: Slapd, **changed: Any) -> LdapBackend:
        made.append(LdapBackend.from_config(config_of(server, **changed)))
        return made[-1]

    yield make
    for backend in made:
        backend.close()

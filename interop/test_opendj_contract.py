"""OpenDJ keeps the contract of all backends, as slapd does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.testing import BackendContract
from tests.support.directory import Directory

from .opendj import OpenDJ


class OpenDJDirectory(Directory):
    """The people of an OpenDJ under test, and a backend that reads them as its reader."""

    def __init__(self, server: OpenDJ) -> None:
        self.admin = server.connect()
        self.backend = LdapBackend.from_config(server.settings())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenDJDirectory]:
    """One OpenDJ for the whole suite."""
    with OpenDJ(tmp_path_factory.mktemp("opendj")) as server:
        directory = OpenDJDirectory(server)
        yield directory
        directory.backend.close()


class TestLdapBackendOverOpenDJ(BackendContract):
    """The whole contract."""

    @pytest.fixture
    def store(self, running: OpenDJDirectory) -> OpenDJDirectory:
        """An OpenDJ without people."""
        running.empty()
        return running

"""A directory keeps the contract of all backends, whether or not it indexes the times."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flask_gluu_changes import ChangesQuery, Entry
from flask_gluu_changes.backends.ldap import LdapBackend
from flask_gluu_changes.follower import Follower
from flask_gluu_changes.testing import BackendContract
from tests.support.directory import Directory


class TestLdapBackend(BackendContract):
    """The whole contract, over slapd."""

    @pytest.fixture
    def store(self, directory: Directory) -> Directory:
        """A slapd without people."""
        return directory


class OwnChanges(LdapBackend):
    """A host's own, which adds values of its own."""

    def changes(self, query: ChangesQuery) -> Iterator[Entry]:
        return ({**entry, "age": [5]} for entry in super().changes(query))


class OwnFollower(LdapBackend):
    """A host's own, which follows in a way of its own."""

    def follower(self, query: ChangesQuery) -> Follower:
        return super().follower(query)


@pytest.mark.parametrize(
    ("kind", "octets"), [(LdapBackend, True), (OwnChanges, False), (OwnFollower, False)]
)
def test_of_a_directory_it_is_known_that_it_yields_octets(
    kind: type[LdapBackend], octets: bool
) -> None:
    """Unless a subclass may add other values: then each is looked at."""
    config = {"GLUU_CHANGES_LDAP_URI": "ldap://127.0.0.1"}
    assert kind.from_config(config).yields_octets() == octets

"""A directory keeps the contract of all backends, whether or not it indexes the times."""

from __future__ import annotations

import pytest

from flask_gluu_changes.testing import BackendContract
from tests.support.directory import Directory


class TestLdapBackend(BackendContract):
    """The whole contract, over slapd."""

    @pytest.fixture
    def store(self, directory: Directory) -> Directory:
        """A slapd without people."""
        return directory

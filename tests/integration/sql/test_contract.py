"""A relational database keeps the contract of all backends."""

from __future__ import annotations

import pytest

from flask_gluu_changes.testing import BackendContract
from tests.support.relational import Relational


class TestSqlBackend(BackendContract):
    """The whole contract, over SQLite, PostgreSQL and MariaDB."""

    @pytest.fixture
    def store(self, database: Relational) -> Relational:
        """Tables without people."""
        return database

"""The backend in memory keeps the contract of all backends."""

from __future__ import annotations

import pytest

from flask_gluu_changes.testing import BackendContract
from tests.support.memory_people import MemoryPeople


class TestMemoryBackend(BackendContract):
    """The whole contract, over a list."""

    @pytest.fixture
    def store(self) -> MemoryPeople:
        """A list without people."""
        return MemoryPeople()
